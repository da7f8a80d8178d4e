//! The one HTTP port: health, joining, the server API and agent workers.
//!
//! A request passes, in this order: panics caught, CORS, a leading double slash removed, its body
//! bounded, its token checked. Clocks and caps of connections are the listener's
//! ([`trunkline_service::listen`]); whoever shows a good token is no stranger to it any more.

mod agent;
mod client_info;
mod health;
mod join;
mod rtc;
mod signal;
mod state;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{Method, StatusCode, Uri, header};
use tower::Layer;
use tower::util::{MapRequest, MapRequestLayer};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use trunkline_base::token::KeyRing;

pub use self::join::reads_query;
pub(crate) use self::state::Http;
use crate::plain::{TOO_LARGE, nowhere};
use crate::{caller, twirp};

/// The whole service behind the port.
pub(crate) type Service = MapRequest<Router, fn(Request) -> Request>;

/// Builds the service.
pub(crate) fn service(http: Http) -> Service {
    let keys = http.keys.clone();
    let router = Router::new()
        .route("/", get(health::check))
        .route("/rtc", any(rtc::join_v0))
        .route("/rtc/v1", any(rtc::join_v1))
        .route("/rtc/validate", get(rtc::validate_v0))
        .route("/rtc/v1/validate", get(rtc::validate_v1))
        .route("/agent", any(agent::connect))
        .with_state(http.clone())
        .merge(twirp::router(http.api));
    layered(router, keys)
}

/// The API of a gateway's own calls alone.
pub(crate) fn sip_service(alone: twirp::Alone, keys: KeyRing) -> Service {
    let router = Router::new()
        .route("/", get(async || "OK"))
        .merge(twirp::router(alone));
    layered(router, keys)
}

/// What every request passes.
fn layered(router: Router, keys: KeyRing) -> Service {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([
            Method::OPTIONS,
            Method::HEAD,
            Method::GET,
            Method::POST,
            Method::PATCH,
            Method::DELETE,
        ])
        // Mirrored, because a wildcard does not cover Authorization.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
        .max_age(PREFLIGHT_CACHE);
    let router = router
        .fallback(async || nowhere())
        .layer(from_fn_with_state(keys, caller::middleware))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(bounded))
        .layer(cors)
        .layer(CatchPanicLayer::new());
    MapRequestLayer::new(without_double_slash as fn(Request) -> Request).layer(router)
}

/// A body that says it is too large is refused before it is sent, and before anybody asks who
/// sends it. One that does not say so is cut off where it is read.
async fn bounded(request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return (StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE).into_response();
    }
    next.run(request).await
}

/// `//rtc` is `/rtc`: clients that join URLs carelessly send it.
fn without_double_slash(mut request: Request) -> Request {
    let single = request.uri().path_and_query().and_then(|path| {
        let rest = path.as_str().strip_prefix('/')?;
        rest.starts_with('/')
            .then(|| rest.parse::<http::uri::PathAndQuery>().ok())?
    });
    if let Some(path) = single {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// LiveKit's limit for API requests.
const MAX_BODY: usize = 10 << 20;
const PREFLIGHT_CACHE: std::time::Duration = std::time::Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn path(of: &str) -> String {
        let request = Request::builder().uri(of).body(Body::empty()).unwrap();
        without_double_slash(request).uri().to_string()
    }

    #[test]
    fn one_leading_slash_is_enough() {
        assert_eq!(path("//rtc/validate?a=//b"), "/rtc/validate?a=//b");
        assert_eq!(path("/rtc"), "/rtc");
        assert_eq!(path("/"), "/");
        assert_eq!(path("/twirp//x"), "/twirp//x");
    }
}
