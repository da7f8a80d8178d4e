//! Why calls end, and in which words that is told.

use trunkline_client::room::DisconnectReason;
use trunkline_sip::endpoint::EndCause;

/// Why a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The SIP side ended it.
    Phone(EndCause),
    /// The room ended, or we were removed from it.
    Room(DisconnectReason),
    /// We refused or gave up before the answer.
    Refused { status: u16, why: &'static str },
    /// The wire fell silent.
    MediaTimeout,
    /// Our side of the sound is broken.
    MediaLost,
    /// As long as a call may last.
    TooLong,
    /// As long as a call may be on hold.
    HeldTooLong,
    /// Nobody is there to talk to any more, or nobody came after we had answered.
    Alone { why: &'static str },
    /// The phone talks to somebody else now.
    Transferred,
    /// The process ends.
    Drained,
}

impl End {
    /// A stable word for store, log and metrics.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Phone(EndCause::RemoteBye { .. }) => "caller_hung_up",
            Self::Phone(EndCause::RemoteCancel) => "caller_cancelled",
            Self::Phone(EndCause::NoAck) => "no_ack",
            Self::Phone(EndCause::Timeout) => "phone_unreachable",
            Self::Phone(EndCause::Expired) => "session_expired",
            Self::Phone(_) => "hung_up",
            Self::Room(DisconnectReason::ParticipantRemoved) => "removed",
            Self::Room(DisconnectReason::RoomDeleted | DisconnectReason::RoomClosed) => {
                "room_ended"
            }
            Self::Room(_) => "room_lost",
            Self::Refused { why, .. } | Self::Alone { why } => why,
            Self::MediaTimeout => "media_timeout",
            Self::MediaLost => "media_lost",
            Self::TooLong => "max_duration",
            Self::HeldTooLong => "held_too_long",
            Self::Transferred => "transferred",
            Self::Drained => "drained",
        }
    }

    /// The SIP status that says it, where there is one.
    pub(crate) const fn status(&self) -> Option<u16> {
        match self {
            Self::Phone(EndCause::RemoteCancel) => Some(487),
            Self::Phone(EndCause::Rejected(status) | EndCause::Refused(status))
            | Self::Refused { status, .. } => Some(*status),
            Self::Phone(EndCause::Timeout | EndCause::NoAck | EndCause::Expired) => Some(408),
            Self::Phone(EndCause::RemoteBye { .. } | EndCause::Local)
            | Self::Room(_)
            | Self::MediaTimeout
            | Self::MediaLost
            | Self::TooLong
            | Self::HeldTooLong
            | Self::Alone { .. }
            | Self::Transferred
            | Self::Drained => None,
        }
    }

    /// The Reason header of our BYE, or of a 480 (RFC 3326, RFC 6432).
    pub(crate) fn reason_header(&self) -> String {
        let (cause, text) = match self {
            Self::MediaTimeout => (102, "media timeout"),
            Self::TooLong => (102, "max duration"),
            Self::HeldTooLong => (102, "on hold for too long"),
            Self::MediaLost => (41, "media lost"),
            Self::Drained => (41, "shutting down"),
            Self::Alone { .. } => (41, "no agent"),
            // RFC 3398 makes a subscriber who is absent a 480.
            Self::Refused { .. } => (20, "nobody to talk to"),
            _ => (16, "normal clearing"),
        };
        format!("Q.850;cause={cause};text=\"{text}\"")
    }

    /// Does the phone still have to be told?
    pub(crate) const fn is_ours(&self) -> bool {
        !matches!(self, Self::Phone(_))
    }

    /// Does the room still exist for us?
    pub(crate) const fn leaves_room(&self) -> bool {
        !matches!(self, Self::Room(_))
    }
}
