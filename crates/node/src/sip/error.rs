//! Why a SIP request was refused, in LiveKit's words where it has them.

use trunkline_base::class::{Class, Classified};
use trunkline_sip::routing::Problem;
use trunkline_store::StoreError;

/// Why a request about trunks, rules or calls was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SipError {
    #[error("{0}")]
    Invalid(&'static str),
    #[error("header name {name} is not supported")]
    HeaderName { name: String },
    #[error("{field} should be a hostname or IP, not SIP URI")]
    HostName { field: &'static str },
    #[error("{0}")]
    Rejected(#[from] Problem),
    #[error("requested sip trunk does not exist")]
    NoTrunk,
    #[error("requested sip dispatch rule does not exist")]
    NoRule,
    #[error("{0}")]
    NotServed(&'static str),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("a stored SIP record is damaged")]
    Damaged,
}

impl Classified for SipError {
    fn class(&self) -> Class {
        match self {
            Self::Invalid(_)
            | Self::HeaderName { .. }
            | Self::HostName { .. }
            | Self::Rejected(_) => Class::Invalid,
            Self::NoTrunk | Self::NoRule => Class::Missing,
            Self::NotServed(_) => Class::Unavailable,
            Self::Store(error) => error.class(),
            Self::Damaged => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "node.sip.invalid",
            Self::HeaderName { .. } => "node.sip.header_name",
            Self::HostName { .. } => "node.sip.host_name",
            Self::Rejected(_) => "node.sip.rejected",
            Self::NoTrunk => "node.sip.no_trunk",
            Self::NoRule => "node.sip.no_rule",
            Self::NotServed(_) => "node.sip.not_served",
            Self::Store(error) => error.code(),
            Self::Damaged => "node.sip.damaged",
        }
    }
}
