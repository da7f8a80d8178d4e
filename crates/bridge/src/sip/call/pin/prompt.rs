//! A caller who is being asked for a PIN.

use std::time::{Duration, Instant};

use tracing::{info, warn};
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::endpoint::Rejection;
use trunkline_sip::message::name;
use trunkline_sip::routing::{Accepted, Outcome, Question, match_pin};
use trunkline_sip::sdp::Encryption;

use super::super::super::desk::LONGEST;
use super::super::super::media::{Cue, MediaCommand, MediaEvent};
use super::super::super::signalling::{Command, LegEvent, Line, now};
use super::super::due::Due;
use super::super::end::End;
use super::super::keys::Way;
use super::super::secure::encryption;
use super::super::setup::Shared;
use super::super::talk::Talk;
use super::super::tries::Who;
use super::keypad::{Entry, Keypad};

pub(super) struct Prompt<'a> {
    line: &'a mut Line,
    talk: &'a mut Talk,
    pad: Keypad,
    question: &'a Question,
    who: Who,
    /// As long as the call may last,
    last: Instant,
    /// and as long as anybody is asked, on hold or not.
    patient_until: Instant,
    was_held: bool,
    shared: &'a Shared,
}

impl<'a> Prompt<'a> {
    pub(super) fn new(
        (line, talk): (&'a mut Line, &'a mut Talk),
        (question, who): (&'a Question, Who),
        (answered, longest): (Instant, Duration),
        shared: &'a Shared,
    ) -> Self {
        let wait = shared.config.pin_wait.min(LONGEST);
        Self {
            line,
            talk,
            pad: Keypad::new(wait, answered),
            question,
            who,
            last: answered + longest,
            patient_until: answered + wait.saturating_mul(WAITS),
            was_held: false,
            shared,
        }
    }

    pub(super) async fn until_known(&mut self) -> Result<Box<Accepted>, End> {
        loop {
            let due = self.due();
            let key = tokio::select! {
                biased;
                () = self.shared.ending() => return Err(End::Drained),
                () = tokio::time::sleep_until(due.at.into()) => return Err(due.end),
                event = self.line.next() => self.on_line(event).await?,
                event = self.talk.next() => self.on_media(event)?,
            };
            if let Some(key) = key
                && let Some(accepted) = self.press(key)?
            {
                return Ok(accepted);
            }
        }
    }

    /// On hold nobody can type.
    fn due(&mut self) -> Due {
        let held = self.talk.held_until(self.shared.config.hold_limit);
        if std::mem::replace(&mut self.was_held, held.is_some()) && held.is_none() {
            self.pad.wait_anew(now());
        }
        let last = Due::new(self.last, End::TooLong).or(Some(self.patient_until), End::PinMissing);
        match held {
            Some(_) => last.or(held, End::HeldTooLong),
            None => last.or(Some(self.pad.until()), End::PinMissing),
        }
    }

    fn press(&mut self, key: char) -> Result<Option<Box<Accepted>>, End> {
        let now = now();
        let Some(entry) = self.pad.press(key, now) else {
            return Ok(None);
        };
        // Others of the same caller may have used up the tries meanwhile.
        if !self.shared.tries.may_try(&self.who, now) {
            return Err(End::PinWrong);
        }
        if let Entry::Typed(pin) = entry
            && let Outcome::Accept(accepted) = match_pin(self.question, pin)
        {
            return self.admit(accepted).map(Some);
        }
        info!("the PIN is no rule's");
        count(Counter::CallsRefused, 1, &[("reason", "pin")]);
        if self.shared.tries.wrong(&self.who, now) {
            let trunk = &self.question.first.trunk.id;
            warn!(target: "audit", %trunk, "wrong PINs came so often that nobody is asked for a while");
        }
        self.pad.again(now).map_err(|_| End::PinWrong)?;
        self.talk.tell(MediaCommand::Play(Cue::Wrong));
        Ok(None)
    }

    /// The sound was agreed before anybody knew what this rule asks of it.
    fn admit(&self, accepted: Box<Accepted>) -> Result<Box<Accepted>, End> {
        let demand = encryption(&accepted, self.shared.config.encryption);
        if demand == Encryption::Require && !self.talk.negotiation.is_encrypted() {
            info!("the PIN's rule wants encrypted sound, and the phone has none");
            return Err(End::Unencrypted);
        }
        Ok(accepted)
    }

    /// What happens inside the call; a key, if it is one. There is nobody yet to pass it on to, nor to
    /// take its place.
    async fn on_line(&mut self, event: LegEvent) -> Result<Option<char>, End> {
        let leg = self.line.leg;
        match event {
            LegEvent::Change(request) => self.talk.change(&request, self.line).await,
            LegEvent::Changed(body) | LegEvent::Confirmed(body) => {
                if !body.is_empty() {
                    self.talk.accept(&body);
                }
            }
            LegEvent::Info { content_type, body } => {
                return Ok(self.talk.keep_relayed(&content_type, &body));
            }
            LegEvent::Refer(_) => {
                let rejection = Rejection::status(403).with(name::REASON, UNKNOWN);
                let refusal = Command::RefuseRefer { leg, rejection };
                self.line.tell(refusal).await;
            }
            LegEvent::Replaced(takeover) => {
                let leg = takeover.line.leg;
                let rejection = Rejection::status(486);
                let refusal = Command::Reject { leg, rejection };
                takeover.line.tell(refusal).await;
            }
            LegEvent::Ended(cause) => return Err(End::Phone(cause)),
            LegEvent::Transfer(_)
            | LegEvent::Progress { .. }
            | LegEvent::Answered { .. }
            | LegEvent::Unreached(_)
            | LegEvent::Declined { .. } => {}
        }
        Ok(None)
    }

    fn on_media(&mut self, event: Option<MediaEvent>) -> Result<Option<char>, End> {
        match event {
            Some(MediaEvent::Key(key)) => {
                let is_new = self.talk.is_new(Way::Rtp, (key, Duration::ZERO));
                Ok(Some(key).filter(|_| is_new))
            }
            Some(MediaEvent::Silent) => Err(End::MediaTimeout),
            Some(MediaEvent::Played | MediaEvent::Rated(_) | MediaEvent::Reached(_)) => Ok(None),
            None => Err(End::MediaLost),
        }
    }
}

/// So often the patience between two keys is the longest that anybody is asked: whoever types a digit
/// now and then, or holds the line, keeps no port of ours for it.
const WAITS: u32 = 8;

/// What a phone hears that passes its call on before anybody knows whose it is.
const UNKNOWN: &str = "SIP;cause=403;text=\"a call is passed on once its PIN is typed\"";
