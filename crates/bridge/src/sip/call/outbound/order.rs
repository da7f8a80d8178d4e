//! What a gateway is asked to dial, and what comes of it.

use std::sync::Arc;

use livekit_protocol as proto;
use trunkline_base::class::{Class, Classified};
use trunkline_base::dialling::Denied;
use trunkline_base::id::{CallId, IdError, ParticipantIdentity, ParticipantSid, RoomName};
use trunkline_sip::locate::LocateError;
use trunkline_sip::uri::{NumberError, UriError};

use super::super::super::signalling::Unreached;
use super::super::room::JoinError;

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
#[derive(Clone, Debug, thiserror::Error)]
pub enum DialError {
    /// The request cannot be carried out as it is.
    #[error("{0}")]
    Request(#[from] Unfit),
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
    /// The trunk's host, or the proxy before it, is nowhere.
    #[error("the call cannot go to {host}: {why}")]
    Host {
        /// The host, as the trunk names it.
        host: String,
        /// Why.
        why: LocateError,
    },
    /// The gateway has no place for another call.
    #[error("the gateway is full or ending; try again later")]
    Full,
    /// The room could not be joined.
    #[error("the room cannot be joined: {0}")]
    Room(Arc<JoinError>),
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
    Silent(String),
    /// No connection leads there.
    #[error("the call cannot go out: {0}")]
    Unreached(#[from] Unreached),
    /// The answer has nothing in common with us.
    #[error("the other side answered with media this gateway does not speak")]
    Media,
    /// It was ended before anybody answered.
    #[error("the call was ended before it was answered: {0}")]
    Withdrawn(&'static str),
}

/// Why a request cannot be carried out as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing says over which trunk.
    #[error("there is no trunk to call over: name one by sip_trunk_id, or bring one as trunk")]
    NoTrunk,
    /// The trunk leads nowhere.
    #[error("the trunk's address {0:?} is no host, or host and port")]
    Address(String),
    /// A host is none. It would end up in the first line of a request.
    #[error("{field}: {text:?} is no host, or host and port")]
    Host {
        /// Where it stands.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// There is no number to call from.
    #[error("the trunk has no number to call from: pass sip_number")]
    NoNumber,
    /// The room, or who is called, cannot be named so.
    #[error("{0}")]
    Name(#[from] IdError),
    /// It is to go over TCP, and there is none here.
    #[error("the trunk wants TCP, which this gateway does not listen on: give it a TCP address")]
    NoTcp,
    /// What is to be called is no URI.
    #[error("sip_request_uri: {0}")]
    RequestUri(UriError),
    /// Nobody is called by such a number.
    #[error("{0}")]
    Number(#[from] NumberError),
    /// Who is to call is no address.
    #[error("sip_from_header is no address")]
    From,
    /// No codec is left.
    #[error("none of the codecs that the call is limited to is spoken here")]
    Codecs,
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

    /// A word for the journal, of a call that never went out.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.word(),
            Self::Host { .. } => "host_unknown",
            Self::Full => "no_room",
            Self::Room(_) => "room_unavailable",
            Self::Withdrawn(why) => why,
            Self::Unreached(why) => why.word(),
            _ => "not_placed",
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
            // What was asked for is in no token: it would not be another time either.
            Self::Room(error) => match &**error {
                JoinError::Token(error) if error.class() == Class::Invalid => Class::Invalid,
                _ => Class::Unavailable,
            },
            Self::Taken { .. }
            | Self::Host { .. }
            | Self::Refused { .. }
            | Self::Unanswered
            | Self::Silent(_)
            | Self::Unreached(_)
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
            Self::Silent(_) => "sip.dial.unreachable",
            Self::Unreached(_) => "sip.dial.connection",
            Self::Media => "sip.dial.media",
            Self::Withdrawn(_) => "sip.dial.withdrawn",
        }
    }
}
