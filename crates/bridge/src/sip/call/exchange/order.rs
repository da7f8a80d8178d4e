//! What a transfer is asked for by.

use std::time::Duration;

use livekit_protocol as proto;
use tokio::sync::oneshot;
use tracing::warn;
use trunkline_base::dialling::{Denied, Dialling};
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_sip::routing::TransferTo;
use trunkline_sip::uri::Uri;

use super::super::super::desk::duration;
use super::error::TransferError;
use super::{Exchange, Goal, Terms, Transfer, Whom, Wish};

/// A transfer that may be asked for.
#[derive(Debug)]
pub(crate) struct TransferOrder {
    room: RoomName,
    identity: ParticipantIdentity,
    to: Whom,
    terms: Terms,
    tone: bool,
}

impl TransferOrder {
    pub(crate) fn new(
        request: proto::TransferSipParticipantRequest,
        judge: impl FnOnce(&str) -> Result<Dialling, Denied>,
    ) -> Result<Self, TransferError> {
        let unfit = |error: &dyn std::fmt::Display| TransferError::Request(error.to_string());
        let room = RoomName::parse(request.room_name).map_err(|error| unfit(&error))?;
        let identity = ParticipantIdentity::parse(request.participant_identity);
        let identity = identity.map_err(|error| unfit(&error))?;
        let to = whom(&request.transfer_to, &identity)?;
        if let Whom::Address(target) = &to
            // Whoever is sent there calls at our cost, or in our name.
            && let Err(denied) = judge(&target.dialled().map_err(|flaw| odd(&flaw))?)
        {
            return Err(denial(denied));
        }
        let patience = duration(request.ringing_timeout.as_ref());
        let mut headers: Vec<_> = request.headers.into_iter().collect();
        headers.sort();
        let terms = Terms {
            headers,
            patience: patience.unwrap_or(RINGING).min(LONGEST),
        };
        Ok(Self {
            room,
            identity,
            to,
            terms,
            tone: request.play_dialtone,
        })
    }

    /// Asks the call, and the other one where that is to give its seat; gives where the outcome is told.
    pub(crate) fn ask(self, exchange: &Exchange) -> Result<Told, TransferError> {
        let (done, told) = oneshot::channel();
        let Self {
            room,
            identity,
            to,
            terms,
            tone,
        } = self;
        let wish = |goal| {
            Wish::Transfer(Box::new(Transfer {
                goal,
                terms,
                tone,
                done,
            }))
        };
        let place = (room.clone(), identity);
        match to {
            Whom::Address(target) => exchange.ask(&place, wish(Goal::Address(target)))?,
            Whom::Participant(other) => {
                let (wanted, offer) = oneshot::channel();
                let wish = wish(Goal::Participant(other.clone(), offer));
                exchange.ask_both((&place, wish), (&(room, other), Wish::Seat(wanted)))?;
            }
        }
        Ok(told)
    }
}

/// Where an outcome is told.
pub(crate) type Told = oneshot::Receiver<Result<(), TransferError>>;

/// Whom a request sends this participant to.
fn whom(text: &str, sent: &ParticipantIdentity) -> Result<Whom, TransferError> {
    let unfit = odd;
    match TransferTo::of(text) {
        TransferTo::Address(address) => {
            let address = Uri::parse(address).map_err(|error| unfit(&error))?;
            Ok(Whom::Address(address))
        }
        TransferTo::Participant(identity) => {
            let identity = ParticipantIdentity::parse(identity).map_err(|error| unfit(&error))?;
            if identity == *sent {
                return Err(unfit(&"nobody can be connected with themselves"));
            }
            Ok(Whom::Participant(identity))
        }
    }
}

/// Says what is wrong with whom somebody is to be sent to.
fn odd(error: &dyn std::fmt::Display) -> TransferError {
    TransferError::Request(format!("transfer_to: {error}"))
}

/// Says that nobody is sent there.
pub(crate) fn denial(denied: Denied) -> TransferError {
    warn!(target: "audit", reason = denied.word(), %denied, "transfer denied");
    denied.into()
}

/// LiveKit's default.
const RINGING: Duration = Duration::from_secs(30);

/// No phone rings for longer.
const LONGEST: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use trunkline_base::class::{Class, Classified as _};
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
        assert_eq!(
            order.to,
            Whom::Address(Uri::parse("tel:+15550100").unwrap())
        );
        assert_eq!(order.terms.patience, RINGING);
    }

    /// A context puts digits before a number that nobody has judged.
    #[test]
    fn nobody_is_sent_to_a_number_that_is_not_whole_or_too_long() {
        let long = format!("tel:{}", "9".repeat(9000));
        for (to, words) in [
            ("tel:5551234;phone-context=+1900", "phone-context"),
            ("TEL:1234;Phone-Context=+881", "phone-context"),
            (
                "<sip:5551234;phone-context=+1900@x;user=phone>",
                "phone-context",
            ),
            ("sip:+1%0d%0aX:1@x", "control character"),
            (long.as_str(), "252 bytes"),
        ] {
            let error = order(to, &DialPolicy::default()).unwrap_err();
            let text = error.to_string();
            let is_said = text.contains("transfer_to: ") && text.contains(words);
            assert!(is_said, "{to}: {text}");
            assert_eq!(error.class(), Class::Invalid);
        }
    }

    #[test]
    fn the_call_to_take_the_place_of_stays_in_the_target() {
        let attended = "sip:bob@host?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc";
        let order = order(attended, &DialPolicy::default()).unwrap();
        assert_eq!(order.to, Whom::Address(Uri::parse(attended).unwrap()));
    }

    #[test]
    fn what_is_no_address_is_refused_before_any_phone_hears_of_it() {
        for odd in [
            "",
            "5550100",
            "sip:",
            "sip:a b@host",
            "http://host",
            "participant:",
            "participant:caller",
        ] {
            let error = order(odd, &DialPolicy::default()).unwrap_err();
            assert!(matches!(error, TransferError::Request(_)), "{odd}");
        }
    }

    #[test]
    fn both_calls_are_asked_or_neither() {
        let exchange = Exchange::default();
        let lobby = || RoomName::parse("lobby").unwrap();
        let who = |name: &str| ParticipantIdentity::parse(name).unwrap();
        let ask = || order("participant:bob", &DialPolicy::default()).unwrap();
        let refused = |order: TransferOrder| order.ask(&exchange).unwrap_err();
        assert_eq!(refused(ask()), TransferError::NoCall);
        let (_caller, mut wishes) = exchange.enter(lobby(), who("caller"));
        assert_eq!(refused(ask()), TransferError::NoTarget);
        let elsewhere = RoomName::parse("attic").unwrap();
        let (_elsewhere, _) = exchange.enter(elsewhere, who("bob"));
        assert_eq!(refused(ask()), TransferError::NoTarget);
        assert!(wishes.try_recv().is_err(), "the caller was asked alone");
        let (_bob, mut of_bob) = exchange.enter(lobby(), who("bob"));
        let _told = ask().ask(&exchange).unwrap();
        assert!(matches!(wishes.try_recv(), Ok(Wish::Transfer(_))));
        assert!(matches!(of_bob.try_recv(), Ok(Wish::Seat(_))));
    }
}
