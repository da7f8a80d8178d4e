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
use crate::sip::SipError;

/// The codes of the Twirp specification this server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Canceled,
    Unknown,
    InvalidArgument,
    Malformed,
    Unauthenticated,
    NotFound,
    BadRoute,
    FailedPrecondition,
    ResourceExhausted,
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
            Self::NotFound => "not_found",
            Self::BadRoute => "bad_route",
            Self::FailedPrecondition => "failed_precondition",
            Self::ResourceExhausted => "resource_exhausted",
            Self::Internal => "internal",
            Self::Unimplemented => "unimplemented",
            Self::Unavailable => "unavailable",
        }
    }

    /// The HTTP status that goes with it.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Canceled => StatusCode::REQUEST_TIMEOUT,
            Self::InvalidArgument | Self::Malformed => StatusCode::BAD_REQUEST,
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
