//! Why calls end, and in which words that is told.

use trunkline_client::room::DisconnectReason;
use trunkline_sip::endpoint::EndCause;
use trunkline_sip::q850;
use trunkline_store::{Direction, EndedBy};

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
    /// Calls may cost no more.
    Spent,
    /// As long as a call may be on hold.
    HeldTooLong,
    /// Nobody is there to talk to any more, or nobody came after we had answered.
    Alone { why: &'static str },
    /// The caller typed no rule's PIN, as often as one may.
    PinWrong,
    /// The caller was asked for a PIN and typed none.
    PinMissing,
    /// The PIN was right, and its rule wants encrypted sound, which this phone has none of.
    Unencrypted,
    /// The phone talks to somebody else now.
    Transferred,
    /// The process ends.
    Drained,
}

impl End {
    /// A stable word for store, log and metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Phone(EndCause::RemoteBye { .. }) => "caller_hung_up",
            Self::Phone(EndCause::RemoteCancel { reason }) => match told(reason.as_deref()) {
                Some(q850::NOT_CHOSEN) => "answered_elsewhere",
                Some(cause) if is_of_time(cause) => "caller_gave_up",
                _ => "caller_cancelled",
            },
            Self::Phone(EndCause::NoAck) => "no_ack",
            Self::Phone(EndCause::Timeout | EndCause::Unreachable) => "phone_unreachable",
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
            Self::Spent => "budget_spent",
            Self::HeldTooLong => "held_too_long",
            Self::PinWrong => "pin_wrong",
            Self::PinMissing => "pin_missing",
            Self::Unencrypted => "encryption_required",
            Self::Transferred => "transferred",
            Self::Drained => "drained",
        }
    }

    /// The SIP status that says it, where there is one.
    pub(crate) const fn status(&self) -> Option<u16> {
        match self {
            Self::Phone(EndCause::RemoteCancel { .. }) => Some(487),
            Self::Phone(EndCause::Rejected(status) | EndCause::Refused(status))
            | Self::Refused { status, .. } => Some(*status),
            Self::Phone(
                EndCause::Timeout | EndCause::Unreachable | EndCause::NoAck | EndCause::Expired,
            ) => Some(408),
            Self::Phone(EndCause::RemoteBye { .. } | EndCause::Local)
            | Self::Room(_)
            | Self::MediaTimeout
            | Self::MediaLost
            | Self::TooLong
            | Self::Spent
            | Self::HeldTooLong
            | Self::Alone { .. }
            | Self::PinWrong
            | Self::PinMissing
            | Self::Unencrypted
            | Self::Transferred
            | Self::Drained => None,
        }
    }

    /// The Reason header of our BYE, or of a 480 (RFC 3326, RFC 6432).
    pub(crate) fn reason_header(&self) -> String {
        let text = match self {
            Self::MediaTimeout => "media timeout",
            Self::TooLong => "max duration",
            Self::Spent => "budget spent",
            Self::HeldTooLong => "on hold for too long",
            Self::MediaLost => "media lost",
            Self::Drained => "shutting down",
            Self::Alone { .. } => "no agent",
            Self::PinWrong => "wrong PIN",
            Self::PinMissing => "no PIN",
            Self::Unencrypted => "encryption required",
            Self::Refused { .. } => "nobody to talk to",
            _ => "normal clearing",
        };
        format!("Q.850;cause={};text=\"{text}\"", self.our_cause())
    }

    /// What we say of it in the words of ISDN.
    const fn our_cause(&self) -> u8 {
        match self {
            Self::MediaTimeout | Self::TooLong | Self::HeldTooLong | Self::PinMissing => {
                q850::TIMER_EXPIRED
            }
            Self::MediaLost | Self::Drained | Self::Alone { .. } => 41,
            // Whoever is called has done nothing: we refuse to go on.
            Self::Spent | Self::PinWrong => 21,
            Self::Unencrypted => 88,
            // RFC 3398 makes a subscriber who is absent a 480.
            Self::Refused { status: 480, .. } => 20,
            Self::Refused { status, .. } => match q850::cause(*status) {
                Some(cause) => cause,
                None => 31,
            },
            Self::Phone(_) | Self::Room(_) | Self::Transferred => q850::NORMAL_CLEARING,
        }
    }

    /// The cause for the record: theirs, where the other side ended it, by their own word or by their
    /// status; else ours.
    pub(crate) fn cause(&self, said: Option<u8>) -> u8 {
        match self {
            Self::Phone(EndCause::RemoteBye { reason } | EndCause::RemoteCancel { reason }) => {
                told(reason.as_deref()).unwrap_or(q850::NORMAL_CLEARING)
            }
            Self::Phone(EndCause::Refused(status)) => {
                said.or_else(|| q850::cause(*status)).unwrap_or(31)
            }
            Self::Phone(EndCause::Rejected(status)) => q850::cause(*status).unwrap_or(31),
            Self::Phone(EndCause::Unreachable) => 38,
            Self::Phone(EndCause::Timeout | EndCause::NoAck | EndCause::Expired) => {
                q850::TIMER_EXPIRED
            }
            other => other.our_cause(),
        }
    }

    /// Who ended it. That an agent did so is known to the store alone: here it is the room.
    pub(crate) fn by(&self, direction: Direction) -> EndedBy {
        match self {
            // A clock on their side, and nobody's hand.
            Self::Phone(EndCause::RemoteCancel { reason })
                if told(reason.as_deref()).is_some_and(is_of_time) =>
            {
                EndedBy::Timeout
            }
            Self::Phone(
                EndCause::RemoteBye { .. } | EndCause::RemoteCancel { .. } | EndCause::Refused(_),
            ) => match direction {
                Direction::Inbound => EndedBy::Caller,
                Direction::Outbound => EndedBy::Callee,
            },
            Self::Room(_) => EndedBy::Room,
            Self::Phone(
                EndCause::Timeout | EndCause::Unreachable | EndCause::NoAck | EndCause::Expired,
            )
            | Self::MediaTimeout
            | Self::TooLong
            | Self::HeldTooLong
            | Self::PinMissing
            | Self::Refused {
                status: 408 | 480, ..
            } => EndedBy::Timeout,
            Self::Phone(EndCause::Local | EndCause::Rejected(_))
            | Self::Refused { .. }
            | Self::MediaLost
            | Self::Spent
            | Self::Alone { .. }
            | Self::PinWrong
            | Self::Unencrypted
            | Self::Transferred
            | Self::Drained => EndedBy::Gateway,
        }
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

/// The cause that the other side gives in its Reason, in the words of ISDN or of SIP.
fn told(reason: Option<&str>) -> Option<u8> {
    let reason = reason?;
    q850::of_reason(reason).or_else(|| match q850::status_of_reason(reason)? {
        200 => Some(q850::NOT_CHOSEN),
        status => q850::cause(status),
    })
}

/// Nobody answered in time.
const fn is_of_time(cause: u8) -> bool {
    matches!(cause, 18 | 19 | q850::TIMER_EXPIRED)
}

/// The Reason of a CANCEL or BYE of ours.
pub(super) fn reason(cause: u8, text: &str) -> Vec<(String, String)> {
    let reason = format!("Q.850;cause={cause};text=\"{text}\"");
    vec![("Reason".to_owned(), reason)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bye(reason: Option<&str>) -> End {
        let reason = reason.map(str::to_owned);
        End::Phone(EndCause::RemoteBye { reason })
    }

    #[test]
    fn the_other_sides_own_word_counts_before_what_its_status_means() {
        let refused = End::Phone(EndCause::Refused(486));
        assert_eq!((refused.cause(None), refused.cause(Some(34))), (17, 34));
        assert_eq!(bye(None).cause(None), 16);
        assert_eq!(bye(Some("SIP;cause=200, Q.850;cause=31")).cause(None), 31);
        assert_eq!(bye(Some("SIP;cause=503;text=\"x\"")).cause(None), 41);
    }

    #[test]
    fn a_call_that_another_phone_took_was_not_given_up_by_its_caller() {
        for (reason, word, cause, by) in [
            (None, "caller_cancelled", 16, EndedBy::Caller),
            (
                Some("SIP;cause=200;text=\"Call completed elsewhere\""),
                "answered_elsewhere",
                26,
                EndedBy::Caller,
            ),
            (
                Some("Q.850;cause=26"),
                "answered_elsewhere",
                26,
                EndedBy::Caller,
            ),
            (
                Some("Q.850;cause=102"),
                "caller_gave_up",
                102,
                EndedBy::Timeout,
            ),
            (
                Some("SIP;cause=408"),
                "caller_gave_up",
                102,
                EndedBy::Timeout,
            ),
            (
                Some("SIP;cause=600;text=\"Busy Everywhere\""),
                "caller_cancelled",
                17,
                EndedBy::Caller,
            ),
            (Some("nonsense"), "caller_cancelled", 16, EndedBy::Caller),
        ] {
            let reason = reason.map(str::to_owned);
            let end = End::Phone(EndCause::RemoteCancel { reason });
            let told = (end.word(), end.cause(None), end.by(Direction::Inbound));
            assert_eq!(told, (word, cause, by), "{end:?}");
            assert_eq!(end.status(), Some(487));
        }
    }

    /// The record says what the other side was told.
    #[test]
    fn what_we_tell_is_what_we_write_down() {
        let alone = End::Alone { why: "agent_lost" };
        for end in [
            End::TooLong,
            End::Drained,
            alone,
            End::PinWrong,
            End::PinMissing,
            End::Unencrypted,
            End::Transferred,
        ] {
            let told = q850::of_reason(&end.reason_header());
            assert_eq!(told, Some(end.cause(None)), "{end:?}");
        }
    }

    #[test]
    fn who_hung_up_depends_on_who_called() {
        assert_eq!(bye(None).by(Direction::Inbound), EndedBy::Caller);
        assert_eq!(bye(None).by(Direction::Outbound), EndedBy::Callee);
        let busy = End::Phone(EndCause::Refused(486));
        assert_eq!(busy.by(Direction::Outbound), EndedBy::Callee);
        let deleted = End::Room(DisconnectReason::RoomDeleted);
        assert_eq!(deleted.by(Direction::Inbound), EndedBy::Room);
        let nobody = End::Refused {
            status: 480,
            why: "nobody_answered",
        };
        assert_eq!(nobody.by(Direction::Inbound), EndedBy::Timeout);
        assert_eq!(End::Drained.by(Direction::Inbound), EndedBy::Gateway);
    }
}
