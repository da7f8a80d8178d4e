//! Joining: `/rtc`, `/rtc/v1` and their validations.
//!
//! The WebSocket upgrade is answered only after the join has succeeded, so that a client sees an
//! HTTP status when it did not.

use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use trunkline_base::class::{Class, Classified};
use trunkline_service::listen::Connection;
use trunkline_service::tasks::Phase;

use super::join::{self, Asked, Path, RequestError, Strictness};
use super::signal;
use super::state::Http;
use crate::caller::Caller;
use crate::query::Query;
use crate::room::{JoinError, JoinParams, RoomError};

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// The parts of a request that describe a join.
pub(super) struct Request {
    caller: Caller,
    query: Option<String>,
    headers: HeaderMap,
    /// Where it comes from.
    address: String,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Request {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        state: &S,
    ) -> Result<Self, Response> {
        let caller = Extension::<Caller>::from_request_parts(parts, state).await;
        let Extension(caller) = caller.map_err(IntoResponse::into_response)?;
        let query = parts.uri.query().map(str::to_owned);
        let connection = parts.extensions.get::<Connection>();
        let address = connection.map(|connection| connection.client(&parts.headers).to_string());
        Ok(Self {
            caller,
            query,
            headers: parts.headers.clone(),
            address: address.unwrap_or_default(),
        })
    }
}

impl Request {
    fn read(&self, path: Path, strictness: Strictness) -> Result<JoinParams, RequestError> {
        let agent = self
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let asked = Asked {
            caller: &self.caller,
            query: Query::parse(self.query.as_deref().unwrap_or_default()),
            path,
            address: self.address.clone(),
            user_agent: agent.unwrap_or_default(),
        };
        join::read(&asked, strictness)
    }
}

pub(super) async fn join_v0(State(http): State<Http>, ws: Upgrade, request: Request) -> Response {
    enter(http, ws, request, Path::V0).await
}

pub(super) async fn join_v1(State(http): State<Http>, ws: Upgrade, request: Request) -> Response {
    enter(http, ws, request, Path::V1).await
}

pub(super) async fn validate_v0(State(http): State<Http>, request: Request) -> Response {
    validate(&http, &request, Path::V0).await
}

pub(super) async fn validate_v1(State(http): State<Http>, request: Request) -> Response {
    validate(&http, &request, Path::V1).await
}

async fn enter(http: Http, upgrade: Upgrade, request: Request, path: Path) -> Response {
    let Ok(upgrade) = upgrade else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let params = match request.read(path, Strictness::Lenient) {
        Ok(params) => params,
        Err(error) => return refused(&error),
    };
    // While the process drains, rooms that are open go on, with whoever comes to them.
    if http.stop.phase() == Phase::Hurry {
        return (StatusCode::SERVICE_UNAVAILABLE, ENDING).into_response();
    }
    let mut session = match http.api.rooms.join(params).await {
        Ok(session) => session,
        Err(error) => {
            tracing::info!(code = error.code(), "join refused");
            return (status(&error), error.to_string()).into_response();
        }
    };
    let first = tokio::time::timeout(FIRST_MESSAGE, session.outgoing.recv()).await;
    if let Ok(None) = first {
        tracing::info!("join refused: too many who join this room read too slowly");
        return (StatusCode::SERVICE_UNAVAILABLE, CROWDED).into_response();
    }
    let Ok(Some(first)) = first else {
        tracing::warn!("session ended before its first message");
        return (
            StatusCode::INTERNAL_SERVER_ERROR,
            "could not start the session",
        )
            .into_response();
    };
    let tasks = http.tasks;
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(signal::MAX_FRAME)
        .max_frame_size(signal::MAX_FRAME)
        .on_upgrade(async move |socket| {
            let pump = signal::pump(socket, session, first);
            // The session task owns the socket; this one only keeps the connection open.
            let _ended = tasks.session("signal", pump).await;
        })
}

/// The checks of a join without the session.
async fn validate(http: &Http, request: &Request, path: Path) -> Response {
    let params = match request.read(path, Strictness::Strict) {
        Ok(params) => params,
        Err(error) => return refused(&error),
    };
    let may_create = params
        .claims
        .video
        .as_ref()
        .is_some_and(|video| video.room_create);
    if !http.auto_create && !may_create {
        match http.api.rooms.room(&params.room).await {
            Err(error @ RoomError::NotFound) => {
                return (StatusCode::NOT_FOUND, error.to_string()).into_response();
            }
            Err(error) => {
                return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
            }
            Ok(_) => {}
        }
    }
    "success".into_response()
}

fn refused(error: &RequestError) -> Response {
    (error.status(), error.to_string()).into_response()
}

fn status(error: &JoinError) -> StatusCode {
    match (error, error.class()) {
        (JoinError::Overloaded, _) | (_, Class::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        (_, class) => {
            StatusCode::from_u16(class.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// What is said to those who come while others have not read what the room told them.
const CROWDED: &str = "too many are joining this room at once; try again in a moment";
/// What is said to those who come too late.
pub(super) const ENDING: &str = "server is shutting down";
/// Read at once. All of it is blanked for each read, and stays as long as the socket does; a larger
/// message gets more.
pub(super) const READ_BUFFER: usize = 4 * 1024;
/// The room has queued it before it answered.
const FIRST_MESSAGE: Duration = Duration::from_secs(3);
