//! Sending whoever is on the phone to somebody else, by REFER.
//!
//! ```text
//! API ─► Exchange: which call is it? ─► the call ─► REFER ─► 202, NOTIFY 100, 180 …
//!    └─ 200, or a BYE after the 202: the call is over   └─ anything else: it goes on
//! ```
//! Where both are on the phone with us, the phone of the one call is sent to take our place in the other
//! (RFC 5589 7.3): that one gives its seat first, and is over too once the phones talk (`target`).

mod target;

use tokio::sync::{mpsc, oneshot};
use tracing::info;
use trunkline_base::dialling::Denied;
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_sip::endpoint::{CommandError, ReferRequest, Seat, TransferNews, TransferOutcome};
use trunkline_sip::uri::Uri;

use super::super::media::MediaCommand;
use super::super::signalling::{Command, Line};
use super::end::End;
use super::exchange::{
    Done, Entry, Goal, Offer, Offered, Outcome, Terms, Transfer, TransferError, Wanted, Whom, Wish,
    denial,
};
use super::guard::Guard;
use super::setup::Shared;
use super::talk::Talk;
use target::Target;

pub(super) use target::Fate;

/// The transfers of one call: one at a time, and who asks for the same one waits for it too.
pub(super) struct Transfers {
    _entry: Entry,
    wishes: mpsc::Receiver<Wish>,
    guard: Guard,
    current: Option<Current>,
    /// The phone of another call is sent to take our place in this one.
    target: Option<Target>,
}

/// The transfer under way. Whoever waits hears that the call has ended when it is dropped.
struct Current {
    to: Whom,
    stage: Stage,
    tone: bool,
    waiting: Vec<Done>,
}

enum Stage {
    /// The other call is asked for its seat.
    Seeking(oneshot::Receiver<Offer>, Terms),
    /// The phone is asked; a call whose seat it is to take waits to hear of it.
    Asked(Option<oneshot::Sender<Outcome>>),
}

/// What there is to see to.
pub(super) enum Matter {
    Wish(Wish),
    /// The other call has answered.
    Offer(Offer),
    /// What has come of our own place.
    Fate(Fate),
}

/// What a call is whose phone has hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// Over.
    Over,
    /// It is not known yet whether the phone talks to another of ours instead.
    Awaited,
    /// It does.
    Transferred,
}

impl Transfers {
    pub(super) fn of(shared: &Shared, room: RoomName, identity: ParticipantIdentity) -> Self {
        let (entry, wishes) = shared.exchange.enter(room, identity);
        Self {
            _entry: entry,
            wishes,
            guard: shared.guard.clone(),
            current: None,
            target: None,
        }
    }

    /// What there is to see to next.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn next(&mut self) -> Matter {
        tokio::select! {
            biased;
            offer = offered(self.current.as_mut()) => Matter::Offer(offer),
            fate = fate(self.target.as_mut()) => Matter::Fate(fate),
            Some(wish) = self.wishes.recv() => Matter::Wish(wish),
        }
    }

    /// Sees to it, with headers of the trunk beside those of a wish. Gives what has come of our own
    /// place, once something has.
    pub(super) async fn see_to(
        &mut self,
        matter: Matter,
        trunk: Vec<(String, String)>,
        ends: (&Line, &Talk),
    ) -> Option<Fate> {
        match matter {
            Matter::Wish(Wish::Transfer(wish)) => self.begin(*wish, trunk, ends).await,
            Matter::Wish(Wish::Seat(wanted)) => self.give(wanted, ends.0).await,
            Matter::Offer(offer) => self.go_on(offer, ends).await,
            Matter::Fate(fate) => {
                self.target = None;
                return Some(fate);
            }
        }
        None
    }

    async fn begin(&mut self, wish: Transfer, trunk: Vec<(String, String)>, ends: (&Line, &Talk)) {
        let Transfer {
            goal,
            mut terms,
            tone,
            done,
        } = wish;
        let to = goal.whom();
        if let Some(current) = &mut self.current {
            if current.to == to && current.waiting.len() < WAITING {
                current.waiting.push(done);
            } else {
                fail([done], &TransferError::Busy);
            }
            return;
        }
        if self.target.is_some() {
            return fail([done], &TransferError::Busy);
        }
        terms.headers.extend(trunk);
        let current = |stage| Current {
            to,
            stage,
            tone,
            waiting: vec![done],
        };
        match goal {
            Goal::Address(target) => {
                let refer = terms.refer(target, None);
                self.refer(current(Stage::Asked(None)), refer, ends).await;
            }
            Goal::Participant(_, offer) => {
                self.current = Some(current(Stage::Seeking(offer, terms)));
            }
        }
    }

    /// The other call has answered whether its seat is to be had.
    async fn go_on(&mut self, offer: Offer, ends: (&Line, &Talk)) {
        let Some(Current {
            to,
            stage: Stage::Seeking(_, terms),
            tone,
            waiting,
        }) = self.current.take()
        else {
            return;
        };
        match offer {
            Ok(Offered { seat, outcome }) => {
                let Seat {
                    target, replaces, ..
                } = *seat;
                let refer = terms.refer(target, Some(replaces));
                let current = Current {
                    to,
                    stage: Stage::Asked(Some(outcome)),
                    tone,
                    waiting,
                };
                self.refer(current, refer, ends).await;
            }
            Err(error) => fail(waiting, &error),
        }
    }

    /// Asks the phone.
    async fn refer(&mut self, current: Current, refer: ReferRequest, (line, talk): (&Line, &Talk)) {
        if let Err(error) = ask(refer, line).await {
            return fail(current.waiting, &error);
        }
        let attended = matches!(current.stage, Stage::Asked(Some(_)));
        info!(attended, "the phone is asked to call somebody else");
        if current.tone {
            talk.tell(MediaCommand::Ringback(true));
        }
        self.current = Some(current);
    }

    /// Gives our seat in this call away, if it is one to be had.
    async fn give(&mut self, wanted: Wanted, line: &Line) {
        let is_free = self.current.is_none() && self.target.is_none();
        let offer = if is_free {
            seat(line, &self.guard).await
        } else {
            Err(TransferError::TargetBusy)
        };
        let (outcome, told) = oneshot::channel();
        let is_given = offer.is_ok();
        let offer = offer.map(|seat| Offered {
            seat: Box::new(seat),
            outcome,
        });
        // Whoever asked may have gone.
        if wanted.send(offer).is_ok() && is_given {
            info!("the phone of another call is sent to this one's");
            self.target = Some(Target::new(told));
        }
    }

    /// Whether the phone is sent to somebody, or somebody to it, and it is not known yet what comes of it.
    pub(super) const fn are_under_way(&self) -> bool {
        self.current.is_some() || self.target.is_some()
    }

    /// Another phone is the call's now: what this one was asked for comes to nothing.
    pub(super) fn forget(&mut self) {
        self.current = None;
        self.target = None;
    }

    /// The phone has hung up.
    pub(super) fn on_goodbye(&mut self) -> Goodbye {
        match self.target.as_mut().map(Target::phone_left) {
            Some(Some(Fate::Taken)) => Goodbye::Transferred,
            Some(None) => Goodbye::Awaited,
            Some(Some(Fate::Spared)) | None => Goodbye::Over,
        }
    }

    /// How it goes; the call ends where the phone has found whom it was sent to.
    pub(super) fn on_news(&mut self, news: TransferNews, talk: &Talk) -> Result<(), End> {
        let outcome = match news {
            TransferNews::Progress(status) => {
                info!(status, "the transfer goes on");
                return Ok(());
            }
            TransferNews::Over(outcome) => outcome,
        };
        let result = match outcome {
            TransferOutcome::Completed => Ok(Outcome::Talks),
            TransferOutcome::HungUp => Ok(Outcome::Left),
            TransferOutcome::Rejected(status) => Err(TransferError::Refused(status)),
            TransferOutcome::TimedOut => Err(TransferError::TimedOut),
            TransferOutcome::Untold => Err(TransferError::Untold),
            TransferOutcome::CallEnded => Err(TransferError::CallEnded),
        };
        info!(?outcome, "the transfer is over");
        if let Some(current) = self.current.take() {
            if current.tone && result.is_err() {
                talk.tell(MediaCommand::Ringback(false));
            }
            if let (Stage::Asked(Some(other)), Ok(outcome)) = (current.stage, &result) {
                // The other call may be over by itself.
                let _ = other.send(*outcome);
            }
            for done in current.waiting {
                let _ = done.send(result.clone().map(drop));
            }
        }
        result.map_or(Ok(()), |_| Err(End::Transferred))
    }
}

/// The answer of the call whose seat is wanted, if one is.
async fn offered(current: Option<&mut Current>) -> Offer {
    match current.map(|current| &mut current.stage) {
        // A call that answers nothing has ended.
        Some(Stage::Seeking(offer, _)) => offer.await.unwrap_or(Err(TransferError::NoTarget)),
        Some(Stage::Asked(_)) | None => std::future::pending().await,
    }
}

async fn fate(target: Option<&mut Target>) -> Fate {
    match target {
        Some(target) => target.next().await,
        None => std::future::pending().await,
    }
}

fn fail(waiting: impl IntoIterator<Item = Done>, error: &TransferError) {
    for done in waiting {
        // Whoever asked may have gone.
        let _ = done.send(Err(error.clone()));
    }
}

async fn ask(refer: ReferRequest, line: &Line) -> Result<(), TransferError> {
    let (begun, told) = oneshot::channel();
    let (leg, refer) = (line.leg, Box::new(refer));
    line.tell(Command::Refer { leg, refer, begun }).await;
    match told.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(CommandError::State | CommandError::Full)) => Err(TransferError::NotUp),
        Ok(Err(CommandError::Gone)) | Err(_) => Err(TransferError::CallEnded),
    }
}

/// Our seat in this call, if another phone can take it and may be sent there.
async fn seat(line: &Line, guard: &Guard) -> Result<Seat, TransferError> {
    let (answer, told) = oneshot::channel();
    let leg = line.leg;
    line.tell(Command::Seat { leg, answer }).await;
    let seat = match told.await {
        Ok(Ok(seat)) => seat,
        Ok(Err(CommandError::State | CommandError::Full)) => {
            return Err(TransferError::TargetNotUp);
        }
        Ok(Err(CommandError::Gone)) | Err(_) => return Err(TransferError::NoTarget),
    };
    if seat.takes_replaces == Some(false) {
        return Err(TransferError::TargetUnable);
    }
    may_lead_to(&seat.target, |number| guard.judge(number).map(drop)).map_err(denial)?;
    Ok(seat)
}

/// Whether a phone may be sent to where another takes calls: that one's own word, which could be a number
/// that costs. A name is no number, and stands on no list of those that may be dialled.
fn may_lead_to(target: &Uri, judge: impl FnOnce(&str) -> Result<(), Denied>) -> Result<(), Denied> {
    if target.has_context() {
        return Err(Denied::Veiled);
    }
    let user = target.number();
    let is_name = user.is_empty() || user.starts_with(char::is_alphabetic);
    match judge(&user) {
        Err(Denied::NotAllowed | Denied::Veiled) if is_name => Ok(()),
        other => other,
    }
}

/// Who may wait for one transfer.
const WAITING: usize = 16;

#[cfg(test)]
mod tests {
    use trunkline_base::dialling::DialPolicy;

    use super::*;
    use crate::sip::call::guard::moment;

    #[test]
    fn nobody_is_sent_to_a_phone_that_calls_itself_a_costly_number() {
        let listed = DialPolicy {
            allow: vec!["+1555".to_owned()],
            ..DialPolicy::default()
        };
        for (contact, policy, is_fine) in [
            ("sip:+15550100@192.0.2.7", &listed, true),
            ("sip:bob@192.0.2.7;transport=tcp", &listed, true),
            ("sip:192.0.2.7", &listed, true),
            ("sip:SD1a2b3c4d5e6f70@192.0.2.7", &listed, true),
            ("sip:+447700900000@192.0.2.7", &listed, false),
            ("sip:+447700900000@192.0.2.7", &DialPolicy::default(), true),
            ("sip:+19005550100@192.0.2.7", &DialPolicy::default(), false),
            (
                "sip:bob;phone-context=+1900@192.0.2.7",
                &DialPolicy::default(),
                false,
            ),
            (
                "sip:a%2B19005550100@192.0.2.7",
                &DialPolicy::default(),
                false,
            ),
        ] {
            let target = Uri::parse(contact).unwrap();
            let judge = |number: &str| policy.judge(number, number, &moment()).map(drop);
            assert_eq!(may_lead_to(&target, judge).is_ok(), is_fine, "{contact}");
        }
    }
}
