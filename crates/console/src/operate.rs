//! What administrators want, over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{Answer, refusal};
use crate::operator::NotTold;
use crate::shared::Shared;

pub(crate) async fn reload(State(shared): State<Arc<Shared>>) -> Answer {
    let operator = shared.operator.get().ok_or_else(starting)?;
    let reloaded = operator.reload().await.map_err(|why| {
        let (status, code) = match why {
            NotTold::Ending => (StatusCode::SERVICE_UNAVAILABLE, "console.ending"),
            NotTold::Late => (StatusCode::GATEWAY_TIMEOUT, "console.late"),
        };
        refusal(status, code, &why.to_string())
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
