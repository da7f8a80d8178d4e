//! Liveness, readiness and metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use trunkline_service::metrics;

use crate::probe::Probed;
use crate::shared::Shared;
use crate::standing::Standing;

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

pub(crate) async fn metrics() -> impl IntoResponse {
    (
        [("content-type", "text/plain; version=0.0.4")],
        metrics::render(),
    )
}
