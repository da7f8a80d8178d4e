//! What a call comes to.

use std::time::Instant;

use trunkline_base::class::{Class, Classified};
use trunkline_sip::uri::UriError;

/// Why a call did not come about.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The target is no SIP URI.
    #[error("target is not a sip uri")]
    Target(#[source] UriError),
    /// The target's name has no address.
    #[error("target host is not known")]
    Host,
    /// No socket.
    #[error("cannot open a socket for the call")]
    Socket(#[source] std::io::Error),
    /// No RTP port.
    #[error("no rtp port is free")]
    NoPort,
    /// The other side refused.
    #[error("call was refused with {0}")]
    Refused(u16),
    /// Nobody answered in time.
    #[error("nobody answered")]
    NoAnswer,
    /// The other side answered with media we cannot use.
    #[error("answer has no media in common")]
    Media,
}

impl Classified for CallError {
    fn class(&self) -> Class {
        match self {
            Self::Target(_) => Class::Invalid,
            Self::Host => Class::Missing,
            Self::Socket(_) | Self::NoPort | Self::NoAnswer => Class::Unavailable,
            Self::Refused(401 | 403 | 407) => Class::Denied,
            Self::Refused(404 | 480) => Class::Missing,
            Self::Refused(503) => Class::Overloaded,
            Self::Refused(_) => Class::Conflict,
            Self::Media => Class::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Target(_) => "sip.call.target",
            Self::Host => "sip.call.host",
            Self::Socket(_) => "sip.call.socket",
            Self::NoPort => "sip.call.rtp_ports",
            Self::Refused(_) => "sip.call.refused",
            Self::NoAnswer => "sip.call.no_answer",
            Self::Media => "sip.call.media",
        }
    }
}

/// One received packet's sound.
#[derive(Clone, Debug)]
pub struct HeardFrame {
    /// When the packet arrived.
    pub arrival: Instant,
    /// Its RTP sequence number without wraps.
    pub sequence: u64,
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// Decoded, 8 kHz.
    pub samples: Vec<i16>,
}

/// What a finished call came to.
#[derive(Clone, Debug, Default)]
pub struct CallSummary {
    /// Who hung up: `local`, `remote`, or the failure.
    pub cause: String,
    /// Packets received.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Inter-arrival jitter.
    pub jitter_ms: f64,
    /// Packets sent.
    pub sent: u64,
}
