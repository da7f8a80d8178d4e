//! What a call can come back with instead of its answer.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use trunkline_base::class::{Class, Classified};

/// A call that failed.
#[derive(Debug)]
pub struct ApiError {
    /// `Service/Method`.
    pub rpc: &'static str,
    /// What went wrong.
    pub failure: Failure,
    /// Attempts made, the first included.
    pub attempts: u32,
}

/// What went wrong.
#[derive(Debug)]
pub enum Failure {
    /// No token could be made for the call.
    Token,
    /// The request did not reach the server, or the answer did not come back.
    Transport(Box<dyn std::error::Error + Send + Sync>),
    /// The deadline passed.
    Deadline,
    /// Something other than LiveKit answered: a proxy, a wrong address.
    Foreign {
        /// HTTP status.
        status: u16,
    },
    /// LiveKit's answer does not parse.
    Answer,
    /// LiveKit said no.
    Twirp(Refusal),
}

/// LiveKit's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Twirp code, such as `not_found`.
    pub code: String,
    /// LiveKit's text.
    pub message: String,
    /// Details by name.
    pub meta: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Body {
    code: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    meta: BTreeMap<String, String>,
}

impl Refusal {
    /// Reads an error body; nothing when it is not Twirp's.
    pub(super) fn parse(status: u16, body: &[u8]) -> Option<Self> {
        let body: Body = serde_json::from_slice(body).ok()?;
        Some(Self {
            status,
            code: body.code,
            message: body.msg,
            meta: body.meta,
        })
    }

    /// The SIP status of the far end, for calls.
    pub fn sip_status(&self) -> Option<u16> {
        self.meta.get("sip_status_code")?.parse().ok()
    }

    fn class(&self) -> Class {
        match self.code.as_str() {
            "invalid_argument" | "malformed" | "out_of_range" | "bad_route" | "unimplemented" => {
                Class::Invalid
            }
            "unauthenticated" | "permission_denied" => Class::Denied,
            "not_found" => Class::Missing,
            "already_exists" | "failed_precondition" | "aborted" | "canceled" => Class::Conflict,
            "unavailable" | "deadline_exceeded" => Class::Unavailable,
            // A busy or unwilling callee, not a busy server.
            "resource_exhausted" if self.sip_status().is_some() => Class::Conflict,
            "resource_exhausted" => Class::Overloaded,
            _ => Class::Peer,
        }
    }
}

impl ApiError {
    /// LiveKit's refusal, where it is one.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match &self.failure {
            Failure::Twirp(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The SIP status of the far end, for calls.
    pub fn sip_status(&self) -> Option<u16> {
        self.refusal().and_then(Refusal::sip_status)
    }

    /// The Twirp code, where there is one.
    pub fn twirp_code(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.code.as_str())
    }
}

impl Failure {
    /// Whether the same call may succeed if sent again, should it be one that may.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Transport(_) | Self::Deadline => true,
            Self::Foreign { status } => matches!(status, 408 | 429 | 500..),
            Self::Token | Self::Answer => false,
            Self::Twirp(refusal) => match refusal.code.as_str() {
                "unavailable" | "deadline_exceeded" | "aborted" => true,
                "resource_exhausted" => refusal.sip_status().is_none(),
                // A server without a bus says so with `internal`, and will go on saying it.
                "internal" | "unknown" => !refusal.message.contains("redis required"),
                _ => false,
            },
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Token => Class::Internal,
            Self::Transport(_) | Self::Deadline => Class::Unavailable,
            Self::Foreign { status } => match status {
                401 | 403 => Class::Denied,
                404 => Class::Missing,
                429 => Class::Overloaded,
                500.. => Class::Unavailable,
                _ => Class::Peer,
            },
            Self::Answer => Class::Peer,
            Self::Twirp(refusal) => refusal.class(),
        }
    }
}

impl Classified for ApiError {
    fn class(&self) -> Class {
        self.failure.class()
    }

    fn code(&self) -> &'static str {
        match &self.failure {
            Failure::Token => "client.api.token",
            Failure::Transport(_) => "client.api.transport",
            Failure::Deadline => "client.api.deadline",
            Failure::Foreign { .. } => "client.api.foreign",
            Failure::Answer => "client.api.answer",
            Failure::Twirp(_) => "client.api.refused",
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: ", self.rpc)?;
        match &self.failure {
            Failure::Token => f.write_str("no token could be made"),
            Failure::Transport(_) => f.write_str("server cannot be reached"),
            Failure::Deadline => f.write_str("no answer in time"),
            Failure::Foreign { status } => {
                write!(f, "status {status} from something that is not livekit")
            }
            Failure::Answer => f.write_str("answer does not parse"),
            Failure::Twirp(refusal) => {
                write!(
                    f,
                    "{} ({}): {}",
                    refusal.code, refusal.status, refusal.message
                )
            }
        }
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure {
            Failure::Transport(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
