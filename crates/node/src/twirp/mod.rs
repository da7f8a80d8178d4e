//! The server API: `POST /twirp/livekit.<Service>/<Method>`, JSON or protobuf.
//!
//! One router for every service. A service the official server does not register is a plain 404;
//! an unknown method of a known one is `bad_route`.

mod alone;
mod api;
mod call;
mod dispatch;
mod egress;
mod error;
mod ingress;
mod json;
mod limits;
mod room;
mod service;
mod sip;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, FromRequest as _, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderMap, Method, StatusCode};
use trunkline_service::metrics::{Counter, count};

pub(crate) use self::alone::Alone;
pub(crate) use self::api::Api;
use self::call::Call;
use self::service::{Answers, Service};
use crate::caller::{Caller, PermissionDenied};
use crate::encoding::Encoding;
use crate::plain::{TOO_LARGE, nowhere};

impl Answers for Api {
    async fn answer(&self, service: Service, call: Call, method: &str) -> Response {
        match service {
            Service::Room => room::answer(self, call, method).await,
            Service::AgentDispatch => dispatch::answer(self, call, method).await,
            Service::Sip => Box::pin(sip::answer(self, call, method)).await,
            Service::Egress => egress::answer(self, call, method).await,
            Service::Ingress => ingress::answer(self, call, method).await,
        }
    }
}

/// The routes of the API.
pub(crate) fn router<A: Answers>(api: A) -> Router {
    Router::new()
        .route("/twirp/{service}/{method}", any(handle::<A>))
        .with_state(api)
}

async fn handle<A: Answers>(
    State(api): State<A>,
    Extension(caller): Extension<Caller>,
    Path((service, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let Some(service) = Service::named(&service) else {
        // Such as one only LiveKit Cloud has.
        return nowhere();
    };
    let path = format!("/twirp/{}/{name}", service.name());
    if method != Method::POST {
        let text = format!(
            "unsupported method {:?} (only POST is allowed)",
            method.as_str()
        );
        return call::bad_route(text, method.as_str(), &path);
    }
    let encoding = Encoding::of(&headers);
    // Whoever may call nothing is refused whatever they ask, so nobody waits for what it is.
    let may_call = caller.may_call_some_method();
    let body = match (may_call, &encoding) {
        (false, Ok(Encoding::Json)) => Bytes::from_static(b"{}"),
        (false, _) => Bytes::new(),
        (true, _) => match Bytes::from_request(request, &()).await {
            Ok(body) => body,
            Err(rejection) => return too_large(&rejection),
        },
    };
    let call = Call {
        caller,
        encoding,
        body,
        path,
    };
    // Boxed: the one large future among the handlers would be copied with every request.
    let mut response = Box::pin(api.answer(service, call, &name)).await;
    // That there is no such method is said to everybody; what is wrong with a request is not.
    if !may_call && response.status() != StatusCode::NOT_FOUND {
        response = error::TwirpError::from(PermissionDenied).into_response();
    }
    let outcome = match response.status().as_u16() {
        200..300 => "ok",
        400..500 => "refused",
        _ => "failed",
    };
    count(Counter::ApiRequests, 1, &[("outcome", outcome)]);
    response
}

fn too_large(rejection: &BytesRejection) -> Response {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => (StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE).into_response(),
        _ => {
            let text = "the request body could not be read";
            error::TwirpError::new(error::Code::Malformed, text).into_response()
        }
    }
}
