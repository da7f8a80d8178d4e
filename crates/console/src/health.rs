//! Liveness, readiness and metrics.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};
use trunkline_service::metrics;
use trunkline_store::Store;

use crate::Shared;

/// How a part stands, with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It takes work.
    Ready(String),
    /// It should take work, and cannot yet, or no longer.
    Waiting(String),
    /// It does not run here, and nothing waits for it.
    Off(String),
}

/// One part of the daemon, which is asked how it stands each time somebody wants to know: what it
/// said when it started may be long over.
#[derive(Clone)]
pub struct Part {
    /// Such as `node`, `sip`, `agent`.
    pub name: &'static str,
    ask: Arc<dyn Fn() -> Standing + Send + Sync>,
}

impl Part {
    /// A part and how to ask it.
    pub fn new(name: &'static str, ask: impl Fn() -> Standing + Send + Sync + 'static) -> Self {
        Self {
            name,
            ask: Arc::new(ask),
        }
    }

    /// How it stands now.
    pub fn standing(&self) -> Standing {
        (self.ask)()
    }
}

/// The parts; the wiring writes, `/readyz` reads.
pub type Readiness = watch::Receiver<Vec<Part>>;

/// A part as it is shown.
#[derive(Serialize)]
struct Shown {
    name: &'static str,
    /// Whether it takes work.
    ready: bool,
    /// Whether it runs here at all.
    runs: bool,
    detail: String,
}

impl Shown {
    fn new(name: &'static str, standing: Standing) -> Self {
        let (ready, runs, detail) = match standing {
            Standing::Ready(detail) => (true, true, detail),
            Standing::Waiting(detail) => (false, true, detail),
            Standing::Off(detail) => (false, false, detail),
        };
        Self {
            name,
            ready,
            runs,
            detail,
        }
    }
}

pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let asked = shared.readiness.borrow().clone();
    let mut parts: Vec<Shown> = asked
        .iter()
        .map(|part| Shown::new(part.name, part.standing()))
        .collect();
    parts.push(Shown::new("store", store(&shared).await));
    if !shared.stop.is_running() {
        let draining = Standing::Waiting("draining".to_owned());
        parts.push(Shown::new("process", draining));
    }
    let ready = parts.iter().all(|part| part.ready || !part.runs);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(serde_json::json!({ "ready": ready, "parts": parts })),
    )
}

/// A store whose disk stands still takes work: what it must keep waits for it. One whose disk is
/// full or may not be written does not: it would lose what waits.
async fn store(shared: &Shared) -> Standing {
    let waiting = shared.store.backlog().borrow().waiting;
    match shared.probe.ask(&shared.store).await {
        Probed::Refused(why) => Standing::Waiting(why),
        Probed::Taken if waiting == 0 => Standing::Ready("takes what it is to keep".to_owned()),
        Probed::Late if waiting == 0 => Standing::Waiting("does not answer".to_owned()),
        Probed::Taken | Probed::Late => {
            Standing::Ready(format!("{waiting} rows wait for the disk"))
        }
    }
}

/// Whether the store can be written: tried when somebody asks, and not again for a while, since
/// anybody may ask.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<(Instant, Probed)>>);

/// How a try went.
#[derive(Clone, Debug)]
enum Probed {
    Taken,
    Late,
    Refused(String),
}

impl Probe {
    async fn ask(&self, store: &Store) -> Probed {
        // One at a time; who comes meanwhile waits for its outcome.
        let mut last = self.0.lock().await;
        if let Some((at, outcome)) = last.as_ref()
            && at.elapsed() < PROBE_EVERY
        {
            return outcome.clone();
        }
        let outcome = match timeout(PROBE, store.probe()).await {
            Ok(Ok(())) => Probed::Taken,
            Ok(Err(error)) => Probed::Refused(match error.source() {
                Some(below) => format!("{error}: {below}"),
                None => error.to_string(),
            }),
            Err(_) => Probed::Late,
        };
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }
}

/// Whoever asks for readiness has seconds, not more.
const PROBE: Duration = Duration::from_secs(1);

/// How old an outcome may be.
const PROBE_EVERY: Duration = Duration::from_secs(2);

pub(crate) async fn metrics() -> impl IntoResponse {
    (
        [("content-type", "text/plain; version=0.0.4")],
        metrics::render(),
    )
}
