//! What can go wrong in a room, one small enum per operation.

use trunkline_base::class::{Class, Classified};

use crate::url::UrlError;

/// Why a room was not joined.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is no server address.
    #[error("bad server address")]
    Url(#[from] UrlError),
    /// The token or an attribute cannot be put on the wire.
    #[error("join request cannot be built")]
    Request,
    /// The server said no: a wrong token, a missing room, a full one.
    #[error("server refused the join with status {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// LiveKit's own text.
        message: String,
    },
    /// Nobody there, or the connection broke.
    #[error("server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server's first message was not what the protocol asks for.
    #[error("server broke the protocol: {what}")]
    Protocol {
        /// What was wrong.
        what: &'static str,
    },
    /// The server answered with `leave`.
    #[error("server ended the session at once: {0}")]
    Left(super::DisconnectReason),
    /// It took too long.
    #[error("server did not answer in time")]
    Timeout,
    /// No local socket for media.
    #[error("no local socket for media")]
    Socket(#[source] std::io::Error),
}

impl Classified for ConnectError {
    fn class(&self) -> Class {
        match self {
            Self::Url(_) | Self::Request => Class::Invalid,
            Self::Refused { status, .. } => match status {
                401 | 403 => Class::Denied,
                404 => Class::Missing,
                429 => Class::Overloaded,
                500.. => Class::Unavailable,
                _ => Class::Invalid,
            },
            Self::Protocol { .. } => Class::Peer,
            Self::Unreachable(_) | Self::Timeout | Self::Left(_) => Class::Unavailable,
            Self::Socket(_) => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Url(_) => "client.url.invalid",
            Self::Request => "client.room.request",
            Self::Refused { .. } => "client.room.refused",
            Self::Unreachable(_) => "client.room.unreachable",
            Self::Protocol { .. } => "client.room.protocol",
            Self::Left(_) => "client.room.left",
            Self::Timeout => "client.room.timeout",
            Self::Socket(_) => "client.room.socket",
        }
    }
}

/// Why a track was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The room is over.
    #[error("room is closed")]
    Closed,
    /// The server refused the track.
    #[error("server refused the track: {reason}")]
    Refused {
        /// LiveKit's reason, lower case.
        reason: String,
    },
    /// No answer in time.
    #[error("publishing timed out")]
    Timeout,
}

impl Classified for PublishError {
    fn class(&self) -> Class {
        match self {
            Self::Closed => Class::Conflict,
            Self::Refused { .. } => Class::Denied,
            Self::Timeout => Class::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "client.room.closed",
            Self::Refused { .. } => "client.publish.refused",
            Self::Timeout => "client.publish.timeout",
        }
    }
}

/// Why something asked of a room was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The room is over.
    #[error("room is closed")]
    Closed,
    /// The server refused.
    #[error("server refused: {reason}")]
    Refused {
        /// LiveKit's reason, lower case.
        reason: String,
    },
    /// Larger than a packet may be.
    #[error("payload of {len} bytes is over the limit of {max}")]
    TooLarge {
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The data channel is not open, or does not take more now.
    #[error("data channel does not take the packet")]
    NotReady,
    /// No answer in time.
    #[error("server did not answer in time")]
    Timeout,
}

impl Classified for RequestError {
    fn class(&self) -> Class {
        match self {
            Self::Closed => Class::Conflict,
            Self::Refused { .. } => Class::Denied,
            Self::TooLarge { .. } => Class::Invalid,
            Self::NotReady | Self::Timeout => Class::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "client.room.closed",
            Self::Refused { .. } => "client.request.refused",
            Self::TooLarge { .. } => "client.request.too_large",
            Self::NotReady => "client.request.not_ready",
            Self::Timeout => "client.request.timeout",
        }
    }
}
