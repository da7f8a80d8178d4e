//! Twirp errors: one JSON object, whatever the encoding of the request.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use trunkline_base::class::{Class, Classified};

use crate::caller::PermissionDenied;
use crate::dispatch::DispatchError;
use crate::egress::EgressError;
use crate::ingress::IngressError;
use crate::records::RecordError;
use crate::room::{RoomError, RpcFailure};
use crate::sip::{LineError, SipError};

/// The codes of the Twirp specification this server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Canceled,
    Unknown,
    InvalidArgument,
    Malformed,
    Unauthenticated,
    PermissionDenied,
    NotFound,
    BadRoute,
    FailedPrecondition,
    ResourceExhausted,
    Aborted,
    OutOfRange,
    DeadlineExceeded,
    Internal,
    Unimplemented,
    Unavailable,
}

impl Code {
    /// The word on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid_argument",
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::BadRoute => "bad_route",
            Self::FailedPrecondition => "failed_precondition",
            Self::ResourceExhausted => "resource_exhausted",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out_of_range",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Internal => "internal",
            Self::Unimplemented => "unimplemented",
            Self::Unavailable => "unavailable",
        }
    }

    /// The HTTP status that goes with it.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Canceled | Self::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
            Self::InvalidArgument | Self::Malformed | Self::OutOfRange => StatusCode::BAD_REQUEST,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::Aborted => StatusCode::CONFLICT,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::BadRoute => StatusCode::NOT_FOUND,
            Self::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal | Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A refused or failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {msg}", code.as_str())]
pub(crate) struct TwirpError {
    pub(crate) code: Code,
    pub(crate) msg: String,
    pub(crate) meta: BTreeMap<&'static str, String>,
}

impl TwirpError {
    pub(crate) fn new(code: Code, msg: impl Into<String>) -> Self {
        Self {
            code,
            msg: msg.into(),
            meta: BTreeMap::new(),
        }
    }

    pub(crate) fn invalid(msg: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, msg)
    }

    /// A value over its limit, or otherwise unfit: what is wrong, and what would be right.
    pub(crate) fn argument(wrong: &dyn std::fmt::Display, right: &str) -> Self {
        let wrong = wrong.to_string();
        Self::invalid(format!("{wrong} {right}")).with_meta("argument", wrong)
    }

    /// The token lacks the grant; LiveKit answers 401, not 403.
    pub(crate) fn denied() -> Self {
        Self::new(Code::Unauthenticated, PERMISSIONS_DENIED)
    }

    #[must_use]
    pub(crate) fn with_meta(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.meta.insert(key, value.into());
        self
    }

    /// An error of a lower layer, by its class. Text of our own bugs stays in the log.
    pub(crate) fn from_classified(error: &(impl Classified + std::fmt::Display)) -> Self {
        let code = match error.class() {
            Class::Invalid => Code::InvalidArgument,
            Class::Denied => Code::Unauthenticated,
            Class::Missing => Code::NotFound,
            Class::Conflict => Code::FailedPrecondition,
            Class::Peer | Class::Unavailable => Code::Unavailable,
            Class::Overloaded => Code::ResourceExhausted,
            Class::Internal => {
                tracing::error!(code = error.code(), %error, "an API call failed");
                return Self::new(Code::Internal, "internal error");
            }
        };
        Self::new(code, error.to_string())
    }
}

impl From<PermissionDenied> for TwirpError {
    fn from(_: PermissionDenied) -> Self {
        Self::denied()
    }
}

/// Errors whose class says everything.
macro_rules! by_class {
    ($($error:ty),+) => {$(
        impl From<$error> for TwirpError {
            fn from(error: $error) -> Self {
                Self::from_classified(&error)
            }
        }
    )+};
}

by_class!(RoomError, DispatchError, RecordError);

impl From<EgressError> for TwirpError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::NotConnected => Self::new(Code::Internal, error.to_string()),
            other => Self::from_classified(&other),
        }
    }
}

impl From<IngressError> for TwirpError {
    fn from(error: IngressError) -> Self {
        match error {
            IngressError::NotConnected => Self::new(Code::Internal, error.to_string()),
            other => Self::from_classified(&other),
        }
    }
}

impl From<SipError> for TwirpError {
    fn from(error: SipError) -> Self {
        match error {
            SipError::NotConnected => Self::new(Code::Internal, error.to_string()),
            other => Self::from_classified(&other),
        }
    }
}

impl From<LineError> for TwirpError {
    fn from(error: LineError) -> Self {
        let Some((status, reason)) = &error.sip else {
            return match error.class {
                Class::Denied => Self::new(Code::PermissionDenied, error.text),
                class => Self::from_classified(&Told(class, &error.text)),
            };
        };
        let said = if reason.is_empty() {
            format!("sip status {status}")
        } else {
            format!("sip status {status}: {reason}")
        };
        // Where LiveKit's SDKs look for them.
        Self::new(code_of(*status), said)
            .with_meta("sip_status_code", status.to_string())
            .with_meta("sip_status", reason.clone())
    }
}

/// An error known by its class and its words alone.
struct Told<'a>(Class, &'a str);

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.1)
    }
}

impl Classified for Told<'_> {
    fn class(&self) -> Class {
        self.0
    }

    fn code(&self) -> &'static str {
        "node.sip.line"
    }
}

/// What the status of a refused call is in the API, as LiveKit has it. None of them says that trying
/// again is fine: the phone may have rung.
const fn code_of(status: u16) -> Code {
    match status {
        301 | 302 | 404 | 410 | 481 | 604 => Code::NotFound,
        401 | 402 | 403 | 433 | 470 | 603 | 607 | 608 => Code::PermissionDenied,
        407 | 428 | 436 | 437 | 438 | 494 => Code::Unauthenticated,
        408 | 504 => Code::DeadlineExceeded,
        409 | 412 | 482 | 483 | 500..=503 => Code::FailedPrecondition,
        440 | 480 | 486 | 600 => Code::ResourceExhausted,
        487 | 491 => Code::Aborted,
        416 => Code::OutOfRange,
        505 | 513 => Code::InvalidArgument,
        506..=599 => Code::FailedPrecondition,
        _ => Code::InvalidArgument,
    }
}

/// A call of a participant's method that failed there, or on the way.
impl From<RpcFailure> for TwirpError {
    fn from(failure: RpcFailure) -> Self {
        let code = match failure.code {
            RpcFailure::CONNECTION_TIMEOUT | RpcFailure::RESPONSE_TIMEOUT => Code::Canceled,
            RpcFailure::DISCONNECTED => Code::Unavailable,
            RpcFailure::UNSUPPORTED_METHOD | RpcFailure::REQUEST_TOO_LARGE => Code::InvalidArgument,
            RpcFailure::NO_RECIPIENT => Code::NotFound,
            RpcFailure::UNSUPPORTED_SERVER | RpcFailure::UNSUPPORTED_VERSION => Code::Unimplemented,
            _ => Code::Internal,
        };
        Self::new(code, failure.to_string())
    }
}

impl IntoResponse for TwirpError {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({ "code": self.code.as_str(), "msg": self.msg });
        if !self.meta.is_empty() {
            body["meta"] = serde_json::json!(self.meta);
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.code.status();
        // The JavaScript SDK compares for equality: no charset here.
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// LiveKit's text for a missing grant.
const PERMISSIONS_DENIED: &str = "permissions denied";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_call_tells_its_status_where_sdks_look_for_it() {
        let busy = LineError {
            class: Class::Conflict,
            text: "busy".to_owned(),
            sip: Some((486, "Busy Here".to_owned())),
        };
        let error = TwirpError::from(busy);
        assert_eq!(error.code, Code::ResourceExhausted);
        assert_eq!(error.msg, "sip status 486: Busy Here");
        assert_eq!(error.meta["sip_status_code"], "486");
        assert_eq!(error.meta["sip_status"], "Busy Here");
        for (status, code) in [
            (403, "permission_denied"),
            (404, "not_found"),
            (407, "unauthenticated"),
            (408, "deadline_exceeded"),
            (487, "aborted"),
            (503, "failed_precondition"),
            (504, "deadline_exceeded"),
            (603, "permission_denied"),
            (606, "invalid_argument"),
        ] {
            assert_eq!(code_of(status).as_str(), code, "{status}");
        }
    }

    #[test]
    fn an_error_is_bare_json_with_its_status() {
        let response = TwirpError::denied().into_response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["content-type"], "application/json");
        let response = TwirpError::new(Code::FailedPrecondition, "no")
            .with_meta("k", "v")
            .into_response();
        assert_eq!(response.status(), 412);
    }
}
