//! Keeps out who may not ask.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use trunkline_service::listen::Connection;

use crate::access::Wanted;
use crate::answer::refusal;
use crate::shared::Shared;

pub(crate) async fn admins(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    guard(&shared, &connection, Wanted::Admin, request, next).await
}

pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    guard(&shared, &connection, Wanted::Metrics, request, next).await
}

async fn guard(
    shared: &Shared,
    connection: &Connection,
    wanted: Wanted,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let access = &shared.access;
    let local = connection.local().ip();
    if !access.is_known_by(request.uri(), headers, local) {
        let text = "this daemon is not known by that Host; name it under console.hosts in \
                    monitoring.yaml";
        return refusal(StatusCode::MISDIRECTED_REQUEST, "console.host", text).into_response();
    }
    if !access.is_own_page(headers, local) {
        let text = "pages of other sites may not ask this";
        return refusal(StatusCode::FORBIDDEN, "console.origin", text).into_response();
    }
    if !access.open {
        if let Err(denied) = access.judge(&shared.keys, wanted, headers) {
            return denied.answer(wanted);
        }
        connection.known();
    }
    next.run(request).await
}
