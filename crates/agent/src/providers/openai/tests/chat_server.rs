//! A server that speaks the chat API as its documents say, and does wrong as it is told.

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

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    Status(u16),
    /// Server-sent events, then the end of the body.
    Events(Vec<String>),
    /// Events, then silence.
    Stall(Vec<String>),
}

/// A body, and the authorization that came with it.
pub(crate) type Request = (Json, Option<String>);

#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) live: Live,
    scripts: Arc<Mutex<VecDeque<Script>>>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) async fn start(scripts: Vec<Script>) -> (Self, SocketAddr, JoinSet<()>) {
        let server = Self::default();
        server.scripts.lock().unwrap().extend(scripts);
        let app = Router::new()
            .route("/v1/chat/completions", post(answer))
            .with_state(server.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (server, address, tasks)
    }

    pub(crate) fn requests(&self) -> Vec<(Json, Option<String>)> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let key = headers
        .get("authorization")
        .map(|value| value.to_str().unwrap().to_owned());
    server
        .seen
        .lock()
        .unwrap()
        .push((serde_json::from_slice(&body).unwrap(), key));
    let script = server.scripts.lock().unwrap().pop_front();
    let pieces = |events: Vec<String>| {
        let events = events.into_iter();
        futures::stream::iter(events.map(|event| Ok::<_, std::io::Error>(Bytes::from(event))))
    };
    let listened = Listened::new(&server.live);
    let held = move |piece| {
        let _held = &listened;
        piece
    };
    let answer = |body: Body| ([("content-type", "text/event-stream")], body).into_response();
    match script.unwrap_or(Script::Status(500)) {
        Script::Status(status) => (
            StatusCode::from_u16(status).unwrap(),
            json!({"error": {"message": "no", "type": "x"}}).to_string(),
        )
            .into_response(),
        Script::Events(events) => answer(Body::from_stream(pieces(events).map(held))),
        Script::Stall(events) => {
            let stalled = pieces(events).chain(futures::stream::pending());
            answer(Body::from_stream(stalled.map(held)))
        }
    }
}

pub(crate) fn delta(delta: Json) -> String {
    piece(delta, Json::Null)
}

pub(crate) fn piece(delta: Json, finish: Json) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]
    });
    format!("data: {chunk}\n\n")
}

pub(crate) fn text(parts: &[&str]) -> Vec<String> {
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}))];
    events.extend(parts.iter().map(|part| delta(json!({"content": part}))));
    events.push(piece(json!({}), json!("stop")));
    events.push("data: [DONE]\n\n".to_owned());
    events
}
