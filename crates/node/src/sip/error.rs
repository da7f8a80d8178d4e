//! Why a SIP request was refused, in LiveKit's words where it has them.

use trunkline_base::class::{Class, Classified};

use super::conflicts::Conflict;
use super::headers::{Character, HeaderError};
use crate::records::RecordError;

/// Why a request about trunks, rules or calls was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SipError {
    #[error("{0}")]
    Invalid(&'static str),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error("{field} should be a hostname or IP, not SIP URI")]
    HostName { field: &'static str },
    #[error("{field} should be a host, or a host and a port from 1 to 65535")]
    HostPort { field: &'static str },
    #[error("{field} should not contain transport parameter")]
    HostTransport { field: &'static str },
    #[error("{field} has an empty entry")]
    EmptyEntry { field: &'static str },
    #[error("dtmf has {0:?} in it, which is no key: 0-9, *, #, A-D, and w for a wait")]
    Keys(char),
    #[error(
        "allowed_addresses has {0:?}, which is no IP address and no network that calls come from: write it like 203.0.113.7 or 203.0.113.0/24"
    )]
    Source(String),
    #[error("{field} exceeds limits: {max} bytes at most")]
    TooLong { field: &'static str, max: usize },
    #[error(
        "{field} is too long for a token: participant_name, participant_metadata and participant_attributes have {max} bytes together at most, as JSON"
    )]
    TooLongTogether { field: &'static str, max: usize },
    #[error("{field} is blank: write a number or a SIP user, or leave it out")]
    Blank { field: &'static str },
    #[error("{field} has a control character in it: {flaw}")]
    Control {
        field: &'static str,
        flaw: Character,
    },
    #[error("ToUserOverride contains invalid characters: {0}")]
    ToUser(Character),
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("requested sip trunk does not exist")]
    NoTrunk,
    #[error("requested sip dispatch rule does not exist")]
    NoRule,
    #[error("sip not connected (redis required)")]
    NotConnected,
    #[error("no numbers on outbound trunk")]
    NoNumbers,
    #[error("{0}")]
    Record(#[from] RecordError),
}

impl Classified for SipError {
    fn class(&self) -> Class {
        match self {
            Self::Invalid(_)
            | Self::Header(_)
            | Self::HostName { .. }
            | Self::HostPort { .. }
            | Self::HostTransport { .. }
            | Self::EmptyEntry { .. }
            | Self::Keys(_)
            | Self::Source(_)
            | Self::TooLong { .. }
            | Self::TooLongTogether { .. }
            | Self::Blank { .. }
            | Self::Control { .. }
            | Self::ToUser(_)
            | Self::Conflict(_) => Class::Invalid,
            Self::NoTrunk | Self::NoRule => Class::Missing,
            Self::NotConnected => Class::Internal,
            Self::NoNumbers => Class::Conflict,
            Self::Record(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "node.sip.invalid",
            Self::Header(_) => "node.sip.header",
            Self::HostName { .. } | Self::HostPort { .. } | Self::HostTransport { .. } => {
                "node.sip.host_name"
            }
            Self::EmptyEntry { .. } => "node.sip.empty_entry",
            Self::Keys(_) => "node.sip.keys",
            Self::Source(_) => "node.sip.source",
            Self::TooLong { .. } | Self::TooLongTogether { .. } => "node.sip.too_long",
            Self::Blank { .. } | Self::Control { .. } => "node.sip.number",
            Self::ToUser(_) => "node.sip.to_user",
            Self::Conflict(_) => "node.sip.conflict",
            Self::NoTrunk => "node.sip.no_trunk",
            Self::NoRule => "node.sip.no_rule",
            Self::NotConnected => "node.sip.not_connected",
            Self::NoNumbers => "node.sip.no_numbers",
            Self::Record(error) => error.code(),
        }
    }
}
