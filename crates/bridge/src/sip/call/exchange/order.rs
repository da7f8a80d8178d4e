//! What a transfer is asked for by, and why it may fail.

use std::time::Duration;

use livekit_protocol as proto;
use tokio::sync::oneshot;
use tracing::warn;
use trunkline_base::class::{Class, Classified};
use trunkline_base::dialling::{Denied, Dialling};
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_sip::endpoint::ReferRequest;
use trunkline_sip::message::reason_phrase;
use trunkline_sip::uri::Uri;

use super::super::super::desk::duration;

/// Why nobody was transferred.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The request cannot be carried out as it is.
    #[error("{0}")]
    Request(String),
    /// The number may not be dialled, so nobody is sent there either.
    #[error("the transfer is denied: {0}")]
    Denied(#[from] Denied),
    /// There is no such call here.
    #[error("nobody of this name is on the phone in this room over this gateway")]
    NoCall,
    /// Only who talks can be transferred.
    #[error("the call is not answered yet")]
    NotUp,
    /// One at a time.
    #[error("the call is being transferred already; wait until that is over")]
    Busy,
    /// The phone, or whom it called, does not want to.
    #[error("the transfer was refused with {0}")]
    Refused(u16),
    /// Nobody said in time how it went.
    #[error("nobody answered the transfer in time")]
    TimedOut,
    /// The phone stopped telling.
    #[error("the phone agreed to the transfer, and does not tell how it went")]
    Untold,
    /// The call was over first.
    #[error("the call ended before the transfer was complete")]
    CallEnded,
}

impl TransferError {
    /// The SIP status that says it, and its words.
    pub fn sip(&self) -> Option<(u16, String)> {
        let status = match self {
            Self::Refused(status) => *status,
            Self::TimedOut => 408,
            _ => return None,
        };
        Some((status, reason_phrase(status).to_owned()))
    }
}

impl Classified for TransferError {
    /// Once a REFER is out nothing says that trying again is fine: a phone would ring twice.
    fn class(&self) -> Class {
        match self {
            Self::Request(_) => Class::Invalid,
            Self::Denied(_) => Class::Denied,
            Self::NoCall => Class::Missing,
            Self::NotUp
            | Self::Busy
            | Self::Refused(_)
            | Self::TimedOut
            | Self::Untold
            | Self::CallEnded => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "sip.transfer.request",
            Self::Denied(_) => "sip.transfer.denied",
            Self::NoCall => "sip.transfer.no_call",
            Self::NotUp => "sip.transfer.not_up",
            Self::Busy => "sip.transfer.busy",
            Self::Refused(_) => "sip.transfer.refused",
            Self::TimedOut => "sip.transfer.timed_out",
            Self::Untold => "sip.transfer.untold",
            Self::CallEnded => "sip.transfer.call_ended",
        }
    }
}

/// A transfer that may be asked for.
#[derive(Debug)]
pub(crate) struct TransferOrder {
    pub(crate) room: RoomName,
    pub(crate) identity: ParticipantIdentity,
    refer: ReferRequest,
    tone: bool,
}

/// What a call hears of it.
pub(crate) struct Wish {
    pub(crate) refer: ReferRequest,
    /// The phone hears the tone of a line that rings meanwhile.
    pub(crate) tone: bool,
    pub(crate) done: Done,
}

/// Who waits for the outcome.
pub(crate) type Done = oneshot::Sender<Result<(), TransferError>>;

impl TransferOrder {
    pub(crate) fn new(
        request: proto::TransferSipParticipantRequest,
        judge: impl FnOnce(&str) -> Result<Dialling, Denied>,
    ) -> Result<Self, TransferError> {
        let unfit = |error: &dyn std::fmt::Display| TransferError::Request(error.to_string());
        let room = RoomName::parse(request.room_name).map_err(|error| unfit(&error))?;
        let identity = ParticipantIdentity::parse(request.participant_identity);
        let identity = identity.map_err(|error| unfit(&error))?;
        let text = request.transfer_to.trim();
        let text = text.trim_start_matches('<').trim_end_matches('>');
        let target = Uri::parse(text)
            .map_err(|error| TransferError::Request(format!("transfer_to: {error}")))?;
        let number = target.number();
        // Whoever is sent there calls at our cost, or in our name.
        if let Err(denied) = judge(&number) {
            warn!(target: "audit", reason = denied.word(), %denied, "transfer denied");
            return Err(denied.into());
        }
        let patience = duration(request.ringing_timeout.as_ref());
        let mut headers: Vec<_> = request.headers.into_iter().collect();
        headers.sort();
        Ok(Self {
            room,
            identity,
            refer: ReferRequest {
                headers,
                patience: patience.unwrap_or(RINGING).min(LONGEST),
                ..ReferRequest::to(target)
            },
            tone: request.play_dialtone,
        })
    }

    /// As a call hears of it, and where the outcome is told.
    pub(crate) fn wish(self) -> (Wish, oneshot::Receiver<Result<(), TransferError>>) {
        let (done, told) = oneshot::channel();
        let Self { refer, tone, .. } = self;
        (Wish { refer, tone, done }, told)
    }
}

/// LiveKit's default.
const RINGING: Duration = Duration::from_secs(30);

/// No phone rings for longer.
const LONGEST: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use trunkline_base::dialling::DialPolicy;

    use super::*;
    use crate::sip::call::guard::moment;

    fn order(to: &str, policy: &DialPolicy) -> Result<TransferOrder, TransferError> {
        let request = proto::TransferSipParticipantRequest {
            participant_identity: "caller".to_owned(),
            room_name: "lobby".to_owned(),
            transfer_to: to.to_owned(),
            ..Default::default()
        };
        TransferOrder::new(request, |number| policy.judge(number, number, &moment()))
    }

    #[test]
    fn whom_nobody_may_dial_nobody_is_sent_to() {
        let policy = DialPolicy {
            deny: vec!["+1900".to_owned()],
            ..DialPolicy::default()
        };
        for denied in ["tel:+19005550100", "<sip:+1%39005550100@provider>"] {
            let error = order(denied, &policy).unwrap_err();
            assert!(matches!(error, TransferError::Denied(_)), "{denied}");
            assert_eq!(error.class(), Class::Denied);
        }
        let order = order("<tel:+15550100>", &policy).unwrap();
        assert_eq!(order.refer.target.to_string(), "tel:+15550100");
        assert_eq!(order.refer.patience, RINGING);
    }

    #[test]
    fn the_call_to_take_the_place_of_stays_in_the_target() {
        let attended = "sip:bob@host?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc";
        let order = order(attended, &DialPolicy::default()).unwrap();
        assert_eq!(order.refer.target.to_string(), attended);
    }

    #[test]
    fn what_is_no_address_is_refused_before_any_phone_hears_of_it() {
        for odd in ["", "5550100", "sip:", "sip:a b@host", "http://host"] {
            let error = order(odd, &DialPolicy::default()).unwrap_err();
            assert!(matches!(error, TransferError::Request(_)), "{odd}");
        }
    }
}
