//! `GET /`: load balancers and clients that come back online ask it.

use axum::extract::State;
use http::StatusCode;

use super::state::Http;

/// "OK" while the rooms are served.
pub(super) async fn check(State(http): State<Http>) -> (StatusCode, &'static str) {
    if http.api.rooms.occupancy().has_changed().is_ok() {
        (StatusCode::OK, "OK")
    } else {
        (StatusCode::NOT_ACCEPTABLE, "Not Ready")
    }
}
