//! What a gateway is asked to dial, and what comes of it.

use livekit_protocol as proto;
use trunkline_base::class::{Class, Classified};
use trunkline_base::dialling::Denied;
use trunkline_base::id::{CallId, ParticipantIdentity, ParticipantSid, RoomName};

/// A call to place: the request as LiveKit's API has it, and the trunk it goes over.
#[derive(Clone, Debug)]
pub struct DialOrder {
    /// Whom, from which number, into which room, and how.
    pub request: proto::CreateSipParticipantRequest,
    /// The stored trunk; `None` where the request brings one of its own.
    pub trunk: Option<proto::SipOutboundTrunkInfo>,
}

/// A call that is under way: the phone's participant is in its room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// The call.
    pub call_id: CallId,
    /// Its room.
    pub room: RoomName,
    /// Who it is there.
    pub identity: ParticipantIdentity,
    /// The same, as the server knows it.
    pub participant: ParticipantSid,
}

/// Why a call did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The request cannot be carried out as it is.
    #[error("{0}")]
    Request(String),
    /// Somebody else is called under this name in this room.
    #[error(
        "{identity} is on the phone with another number in this room; give this call an identity of its own"
    )]
    Taken {
        /// The name.
        identity: String,
    },
    /// The number may not be dialled, or not now.
    #[error("the call is denied: {0}")]
    Denied(#[from] Denied),
    /// The trunk's host has no address.
    #[error("{host} cannot be found: {why}")]
    Host {
        /// The host, as the trunk names it.
        host: String,
        /// Why.
        why: String,
    },
    /// The gateway has no place for another call.
    #[error("the gateway is full or ending; try again later")]
    Full,
    /// The room could not be joined.
    #[error("the room cannot be joined: {0}")]
    Room(String),
    /// The other side refused.
    #[error("the call was refused with {status} {reason}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its words.
        reason: String,
    },
    /// It rang, and nobody answered.
    #[error("nobody answered in time")]
    Unanswered,
    /// The other side said nothing at all.
    #[error("nobody is there: the INVITE was not answered by {0}")]
    Unreachable(String),
    /// The answer has nothing in common with us.
    #[error("the other side answered with media this gateway does not speak")]
    Media,
    /// It was ended before anybody answered.
    #[error("the call was ended before it was answered: {0}")]
    Withdrawn(&'static str),
}

impl DialError {
    /// The SIP status that says it, and its words.
    pub fn sip(&self) -> Option<(u16, String)> {
        match self {
            Self::Refused { status, reason } => Some((*status, reason.clone())),
            Self::Unanswered => Some((408, "Request Timeout".to_owned())),
            Self::Media => Some((488, "Not Acceptable Here".to_owned())),
            _ => None,
        }
    }
}

impl Classified for DialError {
    /// Once an INVITE is out nothing says that trying again is fine: a phone would ring twice.
    fn class(&self) -> Class {
        match self {
            Self::Request(_) => Class::Invalid,
            Self::Denied(denied) if denied.passes() => Class::Overloaded,
            Self::Denied(_) => Class::Denied,
            Self::Full => Class::Overloaded,
            Self::Room(_) => Class::Unavailable,
            Self::Taken { .. }
            | Self::Host { .. }
            | Self::Refused { .. }
            | Self::Unanswered
            | Self::Unreachable(_)
            | Self::Media
            | Self::Withdrawn(_) => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "sip.dial.request",
            Self::Taken { .. } => "sip.dial.taken",
            Self::Denied(_) => "sip.dial.denied",
            Self::Host { .. } => "sip.dial.host",
            Self::Full => "sip.dial.full",
            Self::Room(_) => "sip.dial.room",
            Self::Refused { .. } => "sip.dial.refused",
            Self::Unanswered => "sip.dial.unanswered",
            Self::Unreachable(_) => "sip.dial.unreachable",
            Self::Media => "sip.dial.media",
            Self::Withdrawn(_) => "sip.dial.withdrawn",
        }
    }
}
