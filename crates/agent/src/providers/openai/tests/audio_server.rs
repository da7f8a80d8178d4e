//! A server that speaks the audio API as its documents say, and does wrong as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::StreamExt as _;
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use super::listened::{Listened, Live};
use crate::providers::net::bytes_of;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Audio {
    /// These words were said.
    Words(&'static str),
    /// This much sound, in pieces that are cut anywhere.
    Sound(usize),
    /// This body, whatever it is.
    Page(&'static str),
    /// A refusal, with its `Retry-After`.
    Status(u16, Option<&'static str>),
    /// Nothing, not even headers.
    Silence,
    /// Headers and some sound, then nothing more.
    Stall,
    /// Some sound, then the connection breaks.
    Broken,
    /// Half a sample too much.
    Torn,
}

/// A request as the server saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) key: Option<String>,
    /// Fields of the form, or the JSON.
    pub(crate) fields: Json,
    pub(crate) file: Vec<u8>,
}

#[derive(Clone, Default)]
pub(crate) struct AudioServer {
    scripts: Arc<Mutex<VecDeque<Audio>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) live: Live,
}

impl AudioServer {
    pub(crate) async fn start(scripts: &[Audio]) -> (Self, SocketAddr, JoinSet<()>) {
        let server = Self::default();
        server
            .scripts
            .lock()
            .unwrap()
            .extend(scripts.iter().cloned());
        let app = Router::new()
            .route("/v1/audio/transcriptions", post(transcribe))
            .route("/v1/audio/speech", post(speak))
            .with_state(server.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (server, address, tasks)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn answer(&self, seen: Seen) -> Response {
        self.seen.lock().unwrap().push(seen);
        // The last of the script stays.
        let script = {
            let mut scripts = self.scripts.lock().unwrap();
            match scripts.len() {
                0 => Audio::Status(500, None),
                1 => scripts.front().cloned().unwrap(),
                _ => scripts.pop_front().unwrap(),
            }
        };
        let listened = Listened::new(&self.live);
        let held = move |piece| {
            let _held = &listened;
            piece
        };
        let pieces = |bytes: Vec<u8>| {
            let pieces: Vec<Bytes> = bytes.chunks(333).map(Bytes::copy_from_slice).collect();
            futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>))
        };
        let sound = |samples: usize| pieces(bytes_of(&vec![3000; samples]));
        let audio = |body: Body| ([("content-type", "audio/pcm")], body).into_response();
        match script {
            Audio::Words(text) => {
                let words = json!({"text": text, "logprobs": [{"token": "x", "logprob": -0.1}]});
                axum::Json(words).into_response()
            }
            Audio::Sound(samples) => audio(Body::from_stream(sound(samples).map(held))),
            Audio::Page(page) => ([("content-type", "text/html")], page).into_response(),
            Audio::Status(status, wait) => {
                let status = StatusCode::from_u16(status).unwrap();
                let said = json!({"error": {"message": "sk-test is no key", "type": "x"}});
                let mut answer = (status, axum::Json(said)).into_response();
                if let Some(wait) = wait {
                    answer
                        .headers_mut()
                        .insert("retry-after", wait.parse().unwrap());
                }
                answer
            }
            Audio::Silence => std::future::pending().await,
            Audio::Stall => {
                let stalled = sound(4000).chain(futures::stream::pending());
                audio(Body::from_stream(stalled.map(held)))
            }
            Audio::Broken => {
                let broken = std::io::Error::other("the connection breaks");
                let cut = sound(4000).chain(futures::stream::iter([Err(broken)]));
                audio(Body::from_stream(cut.map(held)))
            }
            Audio::Torn => {
                let mut bytes = bytes_of(&[1; 800]);
                bytes.push(1);
                audio(Body::from_stream(pieces(bytes).map(held)))
            }
        }
    }
}

fn key(headers: &HeaderMap) -> Option<String> {
    let key = headers.get("authorization")?;
    Some(key.to_str().unwrap().to_owned())
}

async fn transcribe(
    State(server): State<AudioServer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers.get("content-type").unwrap().to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let mut seen = Seen {
        key: key(&headers),
        fields: json!({}),
        ..Seen::default()
    };
    for (head, content) in parts(&body, boundary) {
        let said = |name: &str| {
            let (_, rest) = head.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let name = said(" name").unwrap();
        if name == "file" {
            seen.fields["file_name"] = said("filename").into();
            seen.file = content.to_vec();
        } else {
            seen.fields[name] = std::str::from_utf8(content).unwrap().into();
        }
    }
    server.answer(seen).await
}

/// The parts of a form: the head of each, and what it holds.
fn parts<'a>(mut body: &'a [u8], boundary: &str) -> Vec<(String, &'a [u8])> {
    let mark = format!("--{boundary}");
    let find = |body: &[u8], what: &[u8]| body.windows(what.len()).position(|part| part == what);
    let mut parts = Vec::new();
    while let Some(begin) = find(body, mark.as_bytes()) {
        body = &body[begin + mark.len()..];
        let (Some(head), Some(end)) = (find(body, b"\r\n\r\n"), find(body, mark.as_bytes())) else {
            break;
        };
        let text = String::from_utf8(body[..head].to_vec()).unwrap();
        parts.push((text, &body[head + 4..end - 2]));
    }
    parts
}

async fn speak(State(server): State<AudioServer>, headers: HeaderMap, body: Bytes) -> Response {
    let seen = Seen {
        key: key(&headers),
        fields: serde_json::from_slice(&body).unwrap(),
        file: Vec::new(),
    };
    server.answer(seen).await
}
