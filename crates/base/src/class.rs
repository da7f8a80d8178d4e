//! Whose fault a failure is. One table turns a class into a log level, a Twirp code, an HTTP
//! status, a SIP status, a retry decision and an exit code, so that every edge answers alike.

use std::error::Error;
use std::fmt;

/// Whose fault a failure is, and so what everyone does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The caller sent something malformed.
    Invalid,
    /// The caller is not who they say, or may not do this.
    Denied,
    /// The thing asked for is not there.
    Missing,
    /// The present state forbids it.
    Conflict,
    /// The remote end broke its protocol.
    Peer,
    /// A dependency is away or slow.
    Unavailable,
    /// We refuse, to stay within a limit.
    Overloaded,
    /// Our own bug.
    Internal,
}

impl Class {
    /// Process exit code, after `sysexits.h`.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Invalid => 64,
            Self::Denied => 77,
            Self::Missing => 66,
            Self::Conflict => 73,
            Self::Peer => 76,
            Self::Unavailable => 69,
            Self::Overloaded => 75,
            Self::Internal => 70,
        }
    }

    /// Twirp error code. LiveKit answers a missing grant with `unauthenticated`.
    pub const fn twirp_code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_argument",
            Self::Denied => "unauthenticated",
            Self::Missing => "not_found",
            Self::Conflict => "failed_precondition",
            Self::Peer | Self::Unavailable => "unavailable",
            Self::Overloaded => "resource_exhausted",
            Self::Internal => "internal",
        }
    }

    /// HTTP status.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Denied => 401,
            Self::Missing => 404,
            Self::Conflict => 412,
            Self::Peer => 502,
            Self::Unavailable => 503,
            Self::Overloaded => 429,
            Self::Internal => 500,
        }
    }

    /// SIP status (RFC 3261 section 21).
    pub const fn sip_status(self) -> u16 {
        match self {
            Self::Invalid | Self::Peer => 400,
            Self::Denied => 403,
            Self::Missing => 404,
            Self::Conflict => 486,
            Self::Unavailable | Self::Overloaded => 503,
            Self::Internal => 500,
        }
    }

    /// Whether the same request may succeed later without a change.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Overloaded)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::Peer => "peer",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        })
    }
}

/// An error that reaches an edge says whose fault it is, and carries a stable code.
pub trait Classified {
    /// Whose fault.
    fn class(&self) -> Class;

    /// A stable dotted code, such as `sip.trunk.auth_failed`.
    fn code(&self) -> &'static str;
}

/// An error and its causes, in one line, each said once.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}
