//! Answers of the API.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tracing::warn;
use trunkline_base::class::Classified as _;
use trunkline_store::StoreError;

pub(crate) type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> (StatusCode, Json<Value>) {
    (status, Json(json!({ "code": code, "message": message })))
}

pub(crate) fn failed(error: &StoreError) -> (StatusCode, Json<Value>) {
    warn!(code = error.code(), "the store could not be read");
    let status = StatusCode::from_u16(error.class().http_status())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refusal(status, error.code(), &error.to_string())
}
