//! Who is asking: the access token of a request, and the grants it carries.
//!
//! A request without a token goes on without claims and each endpoint decides; a request with a
//! bad token stops here, in LiveKit's words.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, KeyRing, VerifyError, VideoGrant};
use trunkline_service::listen::Connection;

use crate::query::Query;

/// The bearer of a request's token, if it had one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    claims: Option<Arc<Claims>>,
}

/// The grant needed is missing. The edge answers 401 "permissions denied".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("permissions denied")]
pub(crate) struct PermissionDenied;

impl Caller {
    pub(crate) fn with(claims: Claims) -> Self {
        Self {
            claims: Some(Arc::new(claims)),
        }
    }

    pub(crate) fn claims(&self) -> Option<&Claims> {
        self.claims.as_deref()
    }

    /// The claims of a token that may join, which must have a video grant with roomJoin.
    pub(crate) fn may_join(&self) -> Result<(&Claims, &VideoGrant), PermissionDenied> {
        let claims = self.claims().ok_or(PermissionDenied)?;
        let video = claims.video.as_ref().filter(|video| video.room_join);
        Ok((claims, video.ok_or(PermissionDenied)?))
    }

    /// A right on the whole server.
    pub(crate) fn may(&self, right: fn(&VideoGrant) -> bool) -> Result<(), PermissionDenied> {
        self.video()
            .is_some_and(right)
            .then_some(())
            .ok_or(PermissionDenied)
    }

    /// Administration of one room: `roomAdmin` with exactly that room named.
    pub(crate) fn may_administer(&self, room: &str) -> Result<(), PermissionDenied> {
        let fits = |video: &VideoGrant| video.room_admin && video.room == room;
        self.video()
            .is_some_and(fits)
            .then_some(())
            .ok_or(PermissionDenied)
    }

    /// Administration of a room and of the one somebody is sent to.
    pub(crate) fn may_send_to(&self, room: &str, other: &str) -> Result<(), PermissionDenied> {
        self.may_administer(room)?;
        let fits = |video: &VideoGrant| video.destination_room == other;
        self.video()
            .is_some_and(fits)
            .then_some(())
            .ok_or(PermissionDenied)
    }

    /// Whether there is a method of the server API that the token could be for. Whoever may call
    /// none is answered without a look at what it sends.
    pub(crate) fn may_call_some_method(&self) -> bool {
        let video = self.video().is_some_and(|video| {
            video.room_create
                || video.room_list
                || video.room_admin
                || video.room_record
                || video.ingress_admin
        });
        video || self.may_administer_sip().is_ok() || self.may_call().is_ok()
    }

    /// `sip.admin`.
    pub(crate) fn may_administer_sip(&self) -> Result<(), PermissionDenied> {
        let sip = self.claims().and_then(|claims| claims.sip);
        sip.is_some_and(|sip| sip.admin)
            .then_some(())
            .ok_or(PermissionDenied)
    }

    /// `sip.call`.
    pub(crate) fn may_call(&self) -> Result<(), PermissionDenied> {
        let sip = self.claims().and_then(|claims| claims.sip);
        sip.is_some_and(|sip| sip.call)
            .then_some(())
            .ok_or(PermissionDenied)
    }

    fn video(&self) -> Option<&VideoGrant> {
        self.claims().and_then(|claims| claims.video.as_ref())
    }
}

/// Why a token was not accepted, in LiveKit's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("invalid authorization header. Must start with Bearer ")]
    Scheme,
    #[error("invalid authorization token")]
    NotAToken,
    #[error("invalid API key")]
    UnknownKey,
    #[error("invalid authorization token: {0}")]
    Rejected(VerifyError),
}

/// Finds the token of a request (header first, then query) and checks it.
pub(crate) fn authenticate(
    header: Option<&[u8]>,
    query: Option<&str>,
    keys: &KeyRing,
    now: UnixTime,
) -> Result<Caller, AuthError> {
    let token = match header.filter(|value| !value.is_empty()) {
        Some(value) => {
            let token = value.strip_prefix(BEARER).ok_or(AuthError::Scheme)?;
            String::from_utf8_lossy(token).into_owned()
        }
        None => Query::parse(query.unwrap_or_default())
            .take("access_token")
            .unwrap_or_default(),
    };
    if token.is_empty() {
        return Ok(Caller::default());
    }
    let verified = keys.verify_within(&token, now, MAX_TOKEN);
    let claims = verified.map_err(|error| match error {
        VerifyError::Malformed => AuthError::NotAToken,
        VerifyError::UnknownKey => AuthError::UnknownKey,
        other => AuthError::Rejected(other),
    })?;
    Ok(Caller {
        claims: Some(Arc::new(claims)),
    })
}

/// The middleware: puts a [`Caller`] into the request, or answers 401.
pub(crate) async fn middleware(
    State(keys): State<KeyRing>,
    mut request: Request,
    next: Next,
) -> Response {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(http::HeaderValue::as_bytes);
    match authenticate(header, request.uri().query(), &keys, crate::clock::now()) {
        Ok(caller) => {
            let connection = request.extensions().get::<Connection>();
            if let Some(connection) = connection.filter(|_| caller.claims().is_some()) {
                connection.known();
            }
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => {
            tracing::info!(path = request.uri().path(), reason = %error, "token refused");
            (StatusCode::UNAUTHORIZED, error.to_string()).into_response()
        }
    }
}

/// What joining and registering say where the server API says "permissions denied".
pub(super) const NOT_GRANTED: &str = "no permissions to access the room";

const BEARER: &[u8] = b"Bearer ";

/// Longest token read. A refreshed one carries its participant's metadata and attributes, which
/// may be far longer than what anyone signs for a first join.
pub(crate) const MAX_TOKEN: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_base::token::{ApiKey, sign};

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn key() -> ApiKey {
        ApiKey::new("devkey", "secret")
    }

    fn ask(header: Option<&str>, query: Option<&str>) -> Result<Caller, AuthError> {
        authenticate(header.map(str::as_bytes), query, &KeyRing::from(key()), NOW)
    }

    fn bearer(claims: &Claims, key: &ApiKey) -> String {
        format!("Bearer {}", sign(claims, key).unwrap())
    }

    #[test]
    fn no_token_goes_on_without_claims() {
        assert!(ask(None, None).unwrap().claims().is_none());
        assert!(ask(Some(""), Some("x=1")).unwrap().claims().is_none());
    }

    #[test]
    fn another_scheme_is_refused_with_the_official_text() {
        let text = ask(Some("Basic abc"), None).unwrap_err().to_string();
        assert_eq!(
            text,
            "invalid authorization header. Must start with Bearer "
        );
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let text = ask(Some("Bearer nonsense"), None).unwrap_err().to_string();
        assert_eq!(text, "invalid authorization token");
        assert_eq!(
            ask(None, Some("access_token=abc")).unwrap_err(),
            AuthError::NotAToken
        );
    }

    #[test]
    fn an_unknown_key_is_named_as_such() {
        let header = bearer(&Claims::new("a", NOW, 60), &ApiKey::new("other", "secret"));
        assert_eq!(
            ask(Some(&header), None).unwrap_err().to_string(),
            "invalid API key"
        );
    }

    #[test]
    fn a_failed_check_keeps_the_prefix_clients_look_for() {
        let forged = bearer(&Claims::new("a", NOW, 60), &ApiKey::new("devkey", "guess"));
        let old = bearer(
            &Claims::new("a", UnixTime::from_secs(1_000_000_000), 60),
            &key(),
        );
        let early = Claims {
            nbf: Some(NOW.secs() + 600),
            ..Claims::new("a", NOW, 6000)
        };
        let early = bearer(&early, &key());
        for header in [forged, old, early] {
            let text = ask(Some(&header), None).unwrap_err().to_string();
            assert!(text.starts_with("invalid authorization token: "), "{text}");
        }
    }

    #[test]
    fn the_header_wins_over_the_query() {
        let token = sign(&Claims::new("q", NOW, 60), &key()).unwrap();
        let query = format!("access_token={token}");
        assert_eq!(
            ask(None, Some(&query))
                .unwrap()
                .claims()
                .unwrap()
                .identity(),
            "q"
        );
        let header = bearer(&Claims::new("h", NOW, 60), &key());
        let caller = ask(Some(&header), Some(&query)).unwrap();
        assert_eq!(caller.claims().unwrap().identity(), "h");
    }

    #[test]
    fn administration_needs_the_very_room() {
        let claims = Claims::new("a", NOW, 60).with_video(VideoGrant::admin("lobby"));
        let caller = Caller::with(claims);
        assert!(caller.may_administer("lobby").is_ok());
        assert_eq!(caller.may_administer("other"), Err(PermissionDenied));
        assert_eq!(caller.may(|video| video.room_list), Err(PermissionDenied));
        assert_eq!(caller.may_administer_sip(), Err(PermissionDenied));
    }
}
