//! What a call can come back with instead of its answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use trunkline_base::class::{Class, Classified};
use trunkline_base::time::UnixTime;

use super::breaker::Sign;
use super::observe::Guard;
use super::retry::Fault;
use crate::tls::TlsTrouble;

/// A call that failed.
#[derive(Debug)]
pub struct ApiError {
    /// `Service/Method`.
    pub rpc: &'static str,
    /// What went wrong.
    pub failure: Failure,
    /// Attempts made, the first included.
    pub attempts: u32,
    /// From the call to its end.
    pub elapsed: Duration,
}

/// What went wrong.
#[derive(Debug)]
pub enum Failure {
    /// No token could be made for the call.
    Token,
    /// No connection came about: the server has seen nothing of the call.
    Unreachable(Box<dyn std::error::Error + Send + Sync>),
    /// The server's TLS is not acceptable.
    Tls(TlsTrouble),
    /// The connection broke before the whole answer was there.
    Transport(Box<dyn std::error::Error + Send + Sync>),
    /// The deadline passed.
    Deadline,
    /// The server failed so often of late that it is left alone for a while.
    Open {
        /// What it failed at.
        guard: Guard,
        /// How long it is left alone still.
        wait: Duration,
    },
    /// The address leads elsewhere. Calls carry a token and are not sent on.
    Redirect {
        /// HTTP status.
        status: u16,
        /// Scheme and host it leads to.
        to: String,
    },
    /// Something other than LiveKit answered: a proxy, a wrong address.
    Foreign {
        /// HTTP status.
        status: u16,
    },
    /// LiveKit's answer does not parse.
    Answer,
    /// A list goes on and on.
    Endless {
        /// Pages that were read.
        pages: usize,
    },
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
    /// How far the server's clock is from ours, where it refused our token and they differ by
    /// more than tokens allow.
    pub clock: Option<ClockOff>,
}

/// Two clocks that do not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOff {
    /// By how much.
    pub by: Duration,
    /// Whether the server's is ahead of ours.
    pub server_is_ahead: bool,
}

impl ClockOff {
    /// What servers allow between their clock and a token's.
    const LEEWAY: Duration = Duration::from_secs(60);

    /// How far the server's clock is off, if by more than tokens allow.
    pub(super) fn between(server: UnixTime, ours: UnixTime) -> Option<Self> {
        let (ahead, behind) = (server.since(ours), ours.since(server));
        let by = ahead.max(behind);
        (by > Self::LEEWAY).then_some(Self {
            by,
            server_is_ahead: ahead > behind,
        })
    }
}

#[derive(Deserialize)]
struct Body {
    code: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    meta: BTreeMap<String, String>,
}

impl Body {
    /// LiveKit checks tokens before it reads the call, and refuses them in plain text.
    fn about_token(status: u16, body: &[u8]) -> Option<Self> {
        const LONGEST: usize = 200;
        let text = std::str::from_utf8(body).ok()?.trim();
        let is_livekits = TOKEN_REFUSALS.iter().any(|start| text.starts_with(start));
        (status == 401 && is_livekits && text.len() <= LONGEST).then(|| Self {
            code: "unauthenticated".to_owned(),
            msg: text.to_owned(),
            meta: BTreeMap::new(),
        })
    }
}

/// How those texts begin.
const TOKEN_REFUSALS: [&str; 3] = [
    "invalid authorization token",
    "invalid API key",
    "invalid authorization header",
];

impl Refusal {
    /// Reads an error body; nothing when it is not LiveKit's.
    pub(super) fn parse(status: u16, body: &[u8]) -> Option<Self> {
        let body = serde_json::from_slice(body)
            .ok()
            .or_else(|| Body::about_token(status, body))?;
        Some(Self {
            status,
            code: body.code,
            message: body.msg,
            meta: body.meta,
            clock: None,
        })
    }

    /// The SIP status of the far end, for calls.
    pub fn sip_status(&self) -> Option<u16> {
        self.meta.get("sip_status_code")?.parse().ok()
    }

    /// Whether it is about our token, and not about a phone's or a carrier's.
    pub(super) fn is_about_token(&self) -> bool {
        matches!(self.code.as_str(), "unauthenticated" | "permission_denied")
            && self.sip_status().is_none()
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

    fn fault(&self, curable: bool) -> Fault {
        // The far end of a call has spoken: trying again would ring again.
        if self.sip_status().is_some() {
            return Fault::Final;
        }
        match self.code.as_str() {
            "unavailable" | "deadline_exceeded" => Fault::Away,
            "resource_exhausted" => Fault::Throttled,
            "unauthenticated" | "permission_denied" => Fault::Token { curable },
            "not_found" => Fault::Missing,
            "failed_precondition" => Fault::Forbidden,
            "aborted" => Fault::Stumbled,
            "internal" | "unknown" if !self.is_permanent() => Fault::Stumbled,
            _ => Fault::Final,
        }
    }

    /// A server without a bus says so with `internal`, and will go on saying it.
    fn is_permanent(&self) -> bool {
        self.message.contains("redis required")
    }
}

/// The codes of Twirp, as closed words for metrics.
const CODES: &[&str] = &[
    "canceled",
    "unknown",
    "invalid_argument",
    "malformed",
    "deadline_exceeded",
    "not_found",
    "bad_route",
    "already_exists",
    "permission_denied",
    "unauthenticated",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "dataloss",
    "data_loss",
];

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

    /// The HTTP status, where an answer came.
    pub const fn http_status(&self) -> Option<u16> {
        match &self.failure {
            Failure::Twirp(refusal) => Some(refusal.status),
            Failure::Foreign { status } | Failure::Redirect { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl Failure {
    /// What is known of the attempt; `curable` when a token made now would be another.
    pub(super) fn fault(&self, curable: bool) -> Fault {
        match self {
            Self::Unreachable(_) => Fault::NotSent,
            Self::Transport(_) | Self::Deadline => Fault::Lost,
            Self::Foreign { status: 429 } => Fault::Throttled,
            Self::Foreign { status: 451 } => Fault::Region,
            Self::Foreign {
                status: 408 | 500..,
            } => Fault::Lost,
            Self::Answer => Fault::Stumbled,
            Self::Twirp(refusal) => refusal.fault(curable),
            Self::Foreign { .. }
            | Self::Token
            | Self::Tls(_)
            | Self::Open { .. }
            | Self::Endless { .. }
            | Self::Redirect { .. } => Fault::Final,
        }
    }

    /// What the attempt showed of the server, and of our token.
    pub(super) fn signs(&self) -> (Sign, Sign) {
        match self {
            Self::Unreachable(_) | Self::Tls(_) => (Sign::Refuses, Sign::Nothing),
            Self::Transport(_) | Self::Deadline | Self::Answer => (Sign::Fails, Sign::Nothing),
            Self::Foreign { status: 500.. } => (Sign::Fails, Sign::Nothing),
            Self::Foreign { .. } | Self::Redirect { .. } => (Sign::Works, Sign::Nothing),
            Self::Twirp(refusal) if refusal.is_about_token() => (Sign::Works, Sign::Refuses),
            Self::Twirp(refusal) => match refusal.fault(false) {
                Fault::Away | Fault::Stumbled => (Sign::Fails, Sign::Works),
                _ => (Sign::Works, Sign::Works),
            },
            Self::Token | Self::Open { .. } | Self::Endless { .. } => {
                (Sign::Nothing, Sign::Nothing)
            }
        }
    }

    /// In one closed word, for metrics.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Unreachable(_) => "unreachable",
            Self::Tls(_) => "tls",
            Self::Transport(_) => "transport",
            Self::Deadline => "deadline",
            Self::Open { .. } => "open",
            Self::Redirect { .. } => "redirect",
            Self::Foreign { .. } => "foreign",
            Self::Answer => "answer",
            Self::Endless { .. } => "endless",
            Self::Twirp(refusal) => CODES
                .iter()
                .find(|code| **code == refusal.code)
                .copied()
                .unwrap_or("other"),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Token => Class::Internal,
            Self::Open {
                guard: Guard::Token,
                ..
            } => Class::Denied,
            Self::Unreachable(_) | Self::Transport(_) | Self::Deadline | Self::Open { .. } => {
                Class::Unavailable
            }
            Self::Redirect { .. } => Class::Invalid,
            Self::Foreign { status } => match status {
                401 | 403 => Class::Denied,
                404 => Class::Missing,
                429 => Class::Overloaded,
                500.. => Class::Unavailable,
                _ => Class::Peer,
            },
            Self::Answer | Self::Endless { .. } | Self::Tls(_) => Class::Peer,
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
            Failure::Unreachable(_) | Failure::Transport(_) => "client.api.transport",
            Failure::Tls(_) => "client.api.tls",
            Failure::Deadline => "client.api.deadline",
            Failure::Open { .. } => "client.api.open",
            Failure::Redirect { .. } => "client.api.redirect",
            Failure::Foreign { .. } => "client.api.foreign",
            Failure::Answer => "client.api.answer",
            Failure::Endless { .. } => "client.api.endless",
            Failure::Twirp(refusal) if refusal.clock.is_some() => "client.api.clock",
            Failure::Twirp(_) => "client.api.refused",
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.rpc, self.failure)?;
        if self.attempts > 1 {
            write!(f, " (after {} attempts)", self.attempts)?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("no token could be made"),
            Self::Unreachable(_) => f.write_str("server cannot be reached"),
            Self::Transport(_) => f.write_str("connection broke before the answer was there"),
            Self::Tls(trouble) => trouble.fmt(f),
            Self::Deadline => f.write_str("no answer in time"),
            Self::Open { guard, wait } => {
                let why = match guard {
                    Guard::Reach => "server kept failing and is left alone",
                    Guard::Token => "server kept refusing the api key and is left alone",
                };
                write!(f, "{why} for another {:.1} s", wait.as_secs_f64())
            }
            Self::Redirect { status, to } => write!(
                f,
                "address leads elsewhere (status {status}): calls are not sent on; if {to} is the \
                 server, write it as the url"
            ),
            Self::Foreign {
                status: status @ (401 | 403),
            } => write!(f, "token refused (status {status})"),
            Self::Foreign { status } => {
                write!(f, "status {status} from something that is not livekit")
            }
            Self::Answer => f.write_str("answer does not parse"),
            Self::Endless { pages } => write!(
                f,
                "the list has no end: {pages} pages were read, and the server has another"
            ),
            Self::Twirp(refusal) => refusal.fmt(f),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.message)?;
        let Some(off) = self.clock else { return Ok(()) };
        write!(
            f,
            "; the server's clock is {} s {} this machine's, more than a token allows: set both \
             by ntp",
            off.by.as_secs(),
            if off.server_is_ahead {
                "ahead of"
            } else {
                "behind"
            },
        )
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure {
            Failure::Unreachable(error) | Failure::Transport(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
