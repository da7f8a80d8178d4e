//! The end of a call that we placed: what phone, room, store and whoever asked for it are told.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_client::room::DisconnectReason;
use trunkline_sip::endpoint::EndCause;
use trunkline_sip::message::name;
use trunkline_sip::q850;
use trunkline_store::Direction;

use super::super::end::End;
use super::super::record::{Ending, Moment};
use super::super::setup::mapped_headers;
use super::super::tell::STATUS;
use super::live::Outbound;
use super::order::DialError;
use super::underway::Stage;
use super::verdict;

impl Outbound {
    /// Ends it everywhere, whatever led to it.
    pub(super) async fn close(mut self, end: End) {
        let over = Moment::now();
        let attributes = self.room.snapshot().local.attributes.clone();
        self.tell_phone(&end, &attributes).await;
        let failure = self.answered.is_none().then(|| self.failure(&end));
        let last = self.last_words(&end, failure.as_ref());
        let failure_word = failure.as_ref().and_then(|failure| match failure {
            DialError::Unreached(why) => Some(why.word()),
            _ => None,
        });
        let reason = leaving(&end, self.answered.is_some());
        if let Some(failure) = failure {
            self.claim.stage.send_replace(Stage::Failed(failure));
        }
        let ending = Ending {
            call: &self.plan.call_id,
            reason: failure_word.unwrap_or_else(|| word(&end, self.cause(&end))),
            status: end.status(),
            cause: Some(self.recorded(&end)),
            direction: Direction::Outbound,
            by: end.by(Direction::Outbound),
            began: self.placed,
            answered: self.answered,
            over,
            price: self.permit.price(),
        };
        let (rest, summary) = self.leg.end(&end, last).await;
        if end.leaves_room() {
            let _ = tokio::time::timeout(LEAVE, self.room.leave_because(reason)).await;
        }
        drop(self.room_events);
        rest.over(LEAVE).await;
        ending.note(&self.shared.journal(), &summary);
    }

    async fn tell_phone(&mut self, end: &End, attributes: &BTreeMap<String, String>) {
        if !end.is_ours() {
            return;
        }
        let mut headers = mapped_headers(&self.plan.attributes_to_headers, attributes);
        headers.push(("Reason".to_owned(), reason_header(end)));
        self.leg.hang_up(headers).await;
    }

    /// Why the call did not come about.
    fn failure(&self, end: &End) -> DialError {
        match end {
            End::Phone(EndCause::Refused(status)) => DialError::Refused {
                status: *status,
                reason: self.said().unwrap_or_default().to_owned(),
            },
            End::Phone(EndCause::Timeout) => DialError::Silent(self.plan.hop.uri.host.clone()),
            End::Phone(EndCause::Unreachable) => self.unreached.clone().map_or_else(
                || DialError::Silent(self.plan.hop.uri.host.clone()),
                DialError::Unreached,
            ),
            End::Refused { status: 488, .. } => DialError::Media,
            End::Refused { .. } => DialError::Unanswered,
            other => DialError::Withdrawn(other.word()),
        }
    }

    fn said(&self) -> Option<&str> {
        let said = self.declined.as_ref()?.reason.as_str();
        Some(said).filter(|said| !said.is_empty())
    }

    /// The attributes a participant leaves with. One who was never on the phone has no status.
    fn last_words(&self, end: &End, failure: Option<&DialError>) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
        match failure {
            None | Some(DialError::Withdrawn(_)) => {
                set(STATUS, "hangup".to_owned());
            }
            Some(failure) => {
                if let Some((status, reason)) = failure.sip() {
                    set("sip.statusCode", status.to_string());
                    set("sip.status", reason);
                }
            }
        }
        if let Some(cause) = self.cause(end) {
            set("sip.cause", cause.to_string());
        }
        all
    }

    /// The Q.850 cause that the other side gives.
    fn cause(&self, end: &End) -> Option<u8> {
        let declined = self.declined.as_ref();
        let refusal = declined.and_then(|declined| declined.headers.joined(name::REASON));
        let goodbye = match end {
            End::Phone(EndCause::RemoteBye { reason }) => reason.clone(),
            _ => None,
        };
        q850::of_reason(&refusal.or(goodbye)?)
    }

    /// The cause for the record.
    fn recorded(&self, end: &End) -> u8 {
        let ours = match end {
            End::Refused { .. } => q850::of_reason(&reason_header(end)),
            _ => None,
        };
        ours.unwrap_or_else(|| end.cause(self.cause(end)))
    }
}

/// A word for the journal: who hung up, or how they refused.
fn word(end: &End, cause: Option<u8>) -> &'static str {
    match end {
        End::Phone(EndCause::RemoteBye { .. }) => "callee_hung_up",
        // Gateways to other networks say much with these, and what they mean with the cause.
        End::Phone(EndCause::Refused(status @ (480 | 500 | 503))) => {
            verdict::word(cause.map_or(*status, q850::status))
        }
        End::Phone(EndCause::Refused(status)) => verdict::word(*status),
        other => other.word(),
    }
}

const fn leaving(end: &End, answered: bool) -> DisconnectReason {
    match end {
        End::Phone(EndCause::Refused(status)) => verdict::reason(*status),
        End::Phone(EndCause::Timeout | EndCause::Unreachable)
        | End::Refused { status: 408, .. } => DisconnectReason::UserUnavailable,
        End::Refused { .. } if !answered => DisconnectReason::UserRejected,
        _ => DisconnectReason::ClientInitiated,
    }
}

/// The Reason of our CANCEL or BYE (RFC 3326).
fn reason_header(end: &End) -> String {
    match end {
        End::Refused { status: 488, .. } => "Q.850;cause=88;text=\"no common media\"".to_owned(),
        End::Refused { .. } => "Q.850;cause=19;text=\"no answer\"".to_owned(),
        other => other.reason_header(),
    }
}

/// Saying goodbye may take this long.
const LEAVE: Duration = Duration::from_secs(2);
