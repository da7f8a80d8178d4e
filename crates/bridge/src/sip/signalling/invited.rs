//! Who is let in: what becomes of each INVITE that begins a call, or that wants the place of a phone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::endpoint::{Invitation, LegId, Rejection, Replaced, Standing};
use trunkline_sip::routing::{Accepted, Question};

use super::super::clock::now;
use super::super::desk::{Decision, Desk};
use super::super::load::{NoRoom, Setup, Share};
use super::asking::may_wait;
use super::owner::{Owner, line};
use super::run::{Arrival, Signalling, tell_fate};
use super::{LegEvent, Takeover};

impl Signalling {
    /// Nothing is kept of a caller who is turned away.
    pub(super) fn on_invited(&mut self, invitation: Invitation) {
        let now = now();
        match self.parts.endpoint.replaced(&invitation.request) {
            Ok(None) => {}
            Ok(Some(replaced)) => return self.on_replacing(&invitation, replaced, now),
            Err(rejection) => return self.do_not_replace(&invitation, &rejection),
        }
        match self.parts.desk.decide(&invitation, now) {
            Decision::Unknown(_)
                if self.parts.desk.may_ask()
                    && may_wait(self.parts.endpoint.waiting(), &invitation) =>
            {
                self.parts.endpoint.let_wait(invitation);
                self.parts.asking.ask(now);
            }
            // What lets this one in may have been taken back since.
            Decision::Admit(..) | Decision::Ask(..)
                if self.parts.desk.is_stale(now) && self.is_worth_it(now) =>
            {
                self.parts.endpoint.let_wait(invitation);
                self.parts.asking.ask(now);
            }
            decision => self.carry_out(&invitation, decision, now),
        }
    }

    fn on_replacing(&mut self, invitation: &Invitation, replaced: Replaced, now: Instant) {
        if let Err(rejection) = self.replace(invitation, replaced, now) {
            self.do_not_replace(invitation, &rejection);
        }
    }

    fn do_not_replace(&mut self, invitation: &Invitation, rejection: &Rejection) {
        let status = rejection.status;
        debug!(status, from = %invitation.flow.remote, "no call is replaced");
        if status != 407 {
            count(Counter::CallsRefused, 1, &[("reason", "replaces")]);
        }
        let fate = self.parts.endpoint.turn_away(invitation, rejection);
        tell_fate(fate, invitation.flow);
    }

    fn is_worth_it(&self, now: Instant) -> bool {
        let waiting = self.parts.endpoint.waiting().len();
        self.parts.asking.is_worth_it(waiting, now)
    }

    /// The server has been asked again for those who wait.
    pub(super) fn decide_again(&mut self, answered: bool) {
        let now = now();
        self.parts.asking.done(answered, now);
        for invitation in self.parts.endpoint.take_waiting() {
            let decision = self.parts.desk.decide(&invitation, now);
            self.carry_out(&invitation, decision, now);
        }
    }

    fn carry_out(&mut self, invitation: &Invitation, decision: Decision, now: Instant) {
        let let_in = match decision {
            Decision::Reject(rejection) => Err(rejection),
            Decision::Unknown(row) => Err(self.parts.desk.turn_away(*row, now)),
            Decision::Admit(accepted, standing) => {
                self.let_in(invitation, (accepted, None), standing, now)
            }
            Decision::Ask(question, standing) => {
                let first = Box::new(question.first.clone());
                self.let_in(invitation, (first, Some(question)), standing, now)
            }
        };
        if let Err(rejection) = let_in {
            let fate = self.parts.endpoint.turn_away(invitation, &rejection);
            tell_fate(fate, invitation.flow);
        }
    }

    fn let_in(
        &mut self,
        invitation: &Invitation,
        (accepted, question): (Box<Accepted>, Option<Box<Question>>),
        standing: Standing,
        now: Instant,
    ) -> Result<(), Rejection> {
        let helps = || accepted.trunk.plan.is_emergency(accepted.called.expose());
        let found = self.find_room(invitation, helps, now);
        let (setup, share) = found.map_err(|NoRoom { why, retry_after }| {
            self.parts.desk.note_full(invitation, why, now);
            Rejection::retry_after(retry_after)
        })?;
        let full = |desk: &mut Desk| {
            desk.note_full(invitation, "no_room", now);
            Rejection::retry_after(LATER)
        };
        let Ok(place) = self.parts.arrivals.try_reserve() else {
            return Err(full(&mut self.parts.desk));
        };
        let admitted = self.parts.endpoint.admit(invitation, standing, now);
        let Ok((leg, tag)) = admitted else {
            return Err(full(&mut self.parts.desk));
        };
        let ip = invitation.flow.remote.ip();
        self.stakes.let_in(leg, ip, &share);
        self.parts.tape.let_in(leg, &tag, invitation);
        self.parts.keeping.look_at(leg, &self.parts.endpoint, now);
        let call = (tag.as_str().into(), Some(accepted.trunk.id.clone()));
        let (line, owner) = line(leg, call, &self.parts.for_calls);
        place.send(Arrival {
            line,
            tag,
            invite: invitation.request.clone(),
            flow: invitation.flow,
            accepted,
            question,
            setup: Some(setup.of(share)),
            at: now,
        });
        self.own(invitation, (leg, owner), standing);
        Ok(())
    }

    /// For one more call, in the share of its source and in the machine. An emergency finds both, unless
    /// its source has many of them.
    fn find_room(
        &mut self,
        invitation: &Invitation,
        helps: impl Fn() -> bool,
        now: Instant,
    ) -> Result<(Setup, Arc<Share>), NoRoom> {
        let admission = &self.parts.admission;
        let ip = invitation.flow.remote.ip();
        let source = (ip, self.parts.endpoint.has_confirmed(ip, now));
        let share = self.stakes.ask(source, admission.most(), now);
        let share = share.or_else(|| helps().then(|| self.stakes.help(source)).flatten());
        let share = share.ok_or_else(|| admission.no_share())?;
        Ok((admission.admit(helps)?, share))
    }

    /// A call that came in has an owner, and the connection it came over carries it.
    fn own(&mut self, invitation: &Invitation, (leg, owner): (LegId, Owner), standing: Standing) {
        if invitation.flow.transport.is_stream() {
            let remote = invitation.flow.remote;
            self.parts.connections.carry(remote, standing);
        }
        self.legs.insert(leg, owner);
    }

    /// Brings a phone that wants the place of another one to its call.
    fn replace(
        &mut self,
        invitation: &Invitation,
        replaced: Replaced,
        now: Instant,
    ) -> Result<(), Rejection> {
        // A call without an owner is being hung up.
        let owner = self.legs.get(&replaced.leg);
        let Owner { lane, call, trunk } = owner.ok_or_else(|| Rejection::status(603))?.clone();
        let peer = (trunk.as_ref(), replaced.peer.ip());
        self.parts.desk.may_replace(invitation, peer, now)?;
        let place = lane.try_reserve();
        let place = place.map_err(|_| Rejection::retry_after(LATER))?;
        let admitted = self.parts.endpoint.admit(invitation, Standing::Known, now);
        let (leg, tag) = admitted.map_err(|_| Rejection::retry_after(LATER))?;
        self.parts.keeping.look_at(leg, &self.parts.endpoint, now);
        self.parts.tape.let_in(leg, &call, invitation);
        let (line, owner) = line(leg, (call, trunk), &self.parts.for_calls);
        place.send(LegEvent::Replaced(Box::new(Takeover {
            line,
            tag,
            invite: invitation.request.clone(),
            flow: invitation.flow,
        })));
        self.own(invitation, (leg, owner), Standing::Known);
        Ok(())
    }
}

/// When to try again at a full house: a call has usually ended by then.
const LATER: Duration = Duration::from_secs(5);
