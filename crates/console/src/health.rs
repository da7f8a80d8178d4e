//! Liveness, readiness and metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use tokio::sync::watch;
use trunkline_service::metrics;

use crate::Shared;

/// One part of the daemon and whether it takes work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Such as `node`, `sip`, `agent`.
    pub name: &'static str,
    /// Whether it takes work.
    pub ready: bool,
    /// In a few words.
    pub detail: String,
}

/// What the parts say of themselves; the wiring writes, `/readyz` reads.
pub type Readiness = watch::Receiver<Vec<Part>>;

pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let mut parts = shared.readiness.borrow().clone();
    parts.push(store_part(&shared).await);
    if !shared.stop.is_running() {
        parts.push(Part {
            name: "process",
            ready: false,
            detail: "draining".to_owned(),
        });
    }
    let ready = parts.iter().all(|part| part.ready);
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

async fn store_part(shared: &Shared) -> Part {
    let answer = shared.store.ping().await;
    let detail = answer
        .as_ref()
        .map_or_else(ToString::to_string, |()| "answers".to_owned());
    Part {
        name: "store",
        ready: answer.is_ok(),
        detail,
    }
}

pub(crate) async fn metrics() -> impl IntoResponse {
    (
        [("content-type", "text/plain; version=0.0.4")],
        metrics::render(),
    )
}
