//! What administrators want, over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{Answer, refusal};
use crate::shared::Shared;

pub(crate) async fn reload(State(shared): State<Arc<Shared>>) -> Answer {
    let operator = shared.operator.get().ok_or_else(starting)?;
    let reloaded = operator.reload().await.ok_or_else(|| {
        let text = "the daemon is ending, or follows no files";
        refusal(StatusCode::SERVICE_UNAVAILABLE, "console.ending", text)
    })?;
    Ok(Json(json!(reloaded)))
}

pub(crate) async fn registrations(State(shared): State<Arc<Shared>>) -> Answer {
    let operator = shared.operator.get().ok_or_else(starting)?;
    Ok(Json(json!({ "registrations": operator.registrations() })))
}

fn starting() -> (StatusCode, Json<Value>) {
    let text = "the daemon is still starting; ask again in a moment";
    refusal(StatusCode::SERVICE_UNAVAILABLE, "console.starting", text)
}
