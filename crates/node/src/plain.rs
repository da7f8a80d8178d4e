//! The answers in plain words that the whole port shares.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// The answer to a path nobody serves.
pub(crate) fn nowhere() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// What is said of a body beyond the limit.
pub(crate) const TOO_LARGE: &str = "request body too large";
