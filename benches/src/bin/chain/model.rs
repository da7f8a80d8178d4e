//! A language model whose delay is known: OpenAI's streamed chat completions, answered by rote.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::post;
use futures::stream::{self, Stream, StreamExt as _};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Between two words, as a quick model has it.
const WORD: Duration = Duration::from_millis(10);
/// From the first word of an answer to the end of its first sentence. A sentence has ended when the
/// word behind it has begun.
pub(crate) const FIRST_SENTENCE: Duration = Duration::from_millis(50);
/// The words of an answer. A number goes in front of the last sentence: nothing is answered twice in
/// the same words, so no voice is kept from an answer before.
const WORDS: [&str; 5] = ["That", " is", " request", " number", " "];

/// A running endpoint.
pub(crate) struct Model {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Serves until dropped.
    _server: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    delay_ms: AtomicU64,
    asked: AtomicU64,
}

impl Model {
    /// Serves on a free port.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            shared,
            _server: server,
        })
    }

    /// What `OPENAI_BASE_URL` is to say.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// From here on the first word comes after this.
    pub(crate) fn answers_after(&self, delay: Duration) {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_ms.store(ms, Ordering::Relaxed);
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let number = shared.asked.fetch_add(1, Ordering::Relaxed);
    sleep(Duration::from_millis(
        shared.delay_ms.load(Ordering::Relaxed),
    ))
    .await;
    let mut pieces: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
    pieces.push(format!("{number}. Is"));
    pieces.extend([" there", " more", " to", " ask?"].map(str::to_owned));
    let words = stream::iter(pieces)
        .enumerate()
        .then(|(at, word)| async move {
            if at > 0 {
                sleep(WORD).await;
            }
            chunk(&json!({ "content": word }), None)
        });
    let end = stream::iter([chunk(&json!({}), Some("stop")), "[DONE]".to_owned()]);
    Sse::new(words.chain(end).map(|data| Ok(Event::default().data(data))))
}

fn chunk(delta: &serde_json::Value, finish: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "rote",
        "choices": [choice],
    })
    .to_string()
}
