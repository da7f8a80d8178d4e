//! `/agent`: where workers connect.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use trunkline_service::tasks::Phase;

use super::rtc::{ENDING, READ_BUFFER};
use super::state::Http;
use crate::caller::{Caller, NOT_GRANTED};
use crate::dispatch;

/// Upgrades a worker that holds `video.agent`.
pub(super) async fn connect(
    State(http): State<Http>,
    Extension(caller): Extension<Caller>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let allowed = caller.may(|video| video.agent).is_ok();
    let Some(claims) = caller.claims().filter(|_| allowed) else {
        return (StatusCode::UNAUTHORIZED, NOT_GRANTED).into_response();
    };
    // While the process drains, calls may still need an agent.
    if http.stop.phase() == Phase::Hurry {
        return (StatusCode::SERVICE_UNAVAILABLE, ENDING).into_response();
    }
    let api_key = claims.iss.clone();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(async move |socket| {
            let Http {
                api,
                server,
                stop,
                tasks,
                ..
            } = http;
            let worker = dispatch::serve(socket, api.dispatcher, api_key, server, stop);
            // The session task owns the socket; this one only keeps the connection open.
            let _ended = tasks.session("agent worker", worker).await;
        })
}

/// LiveKit's limit for a worker's message.
const MAX_MESSAGE: usize = 2 << 20;
