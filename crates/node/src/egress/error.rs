//! Why an egress request was refused, in LiveKit's words.

use livekit_protocol as proto;
use trunkline_base::class::{Class, Classified};

use crate::records::RecordError;

/// Why a request about recordings was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EgressError {
    #[error("egress not connected (redis required)")]
    NotConnected,
    #[error("egress does not exist")]
    NotFound,
    #[error("request has missing or invalid field: {0}")]
    Field(&'static str),
    #[error("egress with status {} cannot be stopped", .0.as_str_name())]
    CannotStop(proto::EgressStatus),
    #[error("egress with status {} cannot be updated", .0.as_str_name())]
    CannotUpdate(proto::EgressStatus),
    #[error("UpdateStream called on non-streaming egress")]
    NoStream,
    #[error("request timed out")]
    TimedOut,
    #[error("{0}")]
    Record(#[from] RecordError),
}

impl Classified for EgressError {
    fn class(&self) -> Class {
        match self {
            Self::NotConnected => Class::Internal,
            Self::NotFound => Class::Missing,
            Self::Field(_) | Self::NoStream => Class::Invalid,
            Self::CannotStop(_) | Self::CannotUpdate(_) => Class::Conflict,
            Self::TimedOut => Class::Unavailable,
            Self::Record(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotConnected => "node.egress.not_connected",
            Self::NotFound => "node.egress.not_found",
            Self::Field(_) => "node.egress.field",
            Self::CannotStop(_) => "node.egress.cannot_stop",
            Self::CannotUpdate(_) => "node.egress.cannot_update",
            Self::NoStream => "node.egress.no_stream",
            Self::TimedOut => "node.egress.timed_out",
            Self::Record(error) => error.code(),
        }
    }
}
