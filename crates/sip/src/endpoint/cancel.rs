//! Callers who wait: those nobody has decided about yet, and what CANCEL does to them and to those
//! who were let in.
//!
//! Whoever waits to be decided about is in no transaction, since nothing is kept of strangers: a
//! repeat is passed over, one answer goes out at the end, and a withdrawn INVITE is remembered for
//! as long as it may be repeated, so that it does not become a call after all.

use std::time::Instant;

use crate::message::{Request, name};

use super::key::Key;
use super::leg::State;
use super::refusal::Refusal;
use super::table::{Server, ServerEntry};
use super::waiting::Withdrawn;
use super::way::Way;
use super::{EndCause, Endpoint, Fate, Invitation};

impl Endpoint {
    /// Nobody can say yet whether this one is let in. Its owner bounds how many wait.
    pub fn let_wait(&mut self, invitation: Invitation) {
        self.waiting.callers.push(invitation);
    }

    /// Those who wait.
    pub fn waiting(&self) -> &[Invitation] {
        &self.waiting.callers
    }

    /// Those who still wait, to be decided about.
    pub fn take_waiting(&mut self) -> Vec<Invitation> {
        std::mem::take(&mut self.waiting.callers)
    }

    /// Is this a request of somebody who waits, or did? It is a repeat then, and needs no decision.
    pub(super) fn on_repeat_of_waiting(&mut self, key: &Key, now: Instant) -> bool {
        if self.waits(key) {
            return true;
        }
        let Some(known) = self.withdrawn(key, now) else {
            return false;
        };
        if let Some(answer) = known.answer.clone() {
            let way = known.way;
            self.send(way, answer);
        }
        true
    }

    /// Is there an INVITE of this key that a CANCEL can be for?
    pub(super) fn can_cancel(&mut self, invite: &Key, now: Instant) -> bool {
        self.table.servers.contains_key(invite)
            || self.waits(invite)
            || self.withdrawn(invite, now).is_some()
    }

    pub(super) fn on_cancel(
        &mut self,
        invite: &Key,
        way: Way,
        request: &Request,
        now: Instant,
    ) -> Fate {
        if !self.table.servers.contains_key(invite) {
            return self.on_withdrawal(invite, way, request, now);
        }
        let Some(entry) = self.table.servers.get(invite) else {
            return Fate::Dropped("no_call");
        };
        let (id, way, pending) = (entry.leg, entry.way, is_pending(entry));
        let tag = self.legs.get(&id).map(|leg| leg.local_tag.clone());
        let response = self.response(request, 200, tag.as_deref());
        self.send(way, response.to_bytes());
        if !pending {
            return Fate::Taken;
        }
        self.respond(invite, 487, now, |_| {});
        match self.legs.get_mut(&id).map(|leg| leg.state) {
            // A re-INVITE was withdrawn; the call goes on.
            Some(State::Up) => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.pending = None;
                }
            }
            _ => {
                let reason = request.headers.joined(name::REASON);
                self.end(id, EndCause::RemoteCancel { reason });
            }
        }
        Fate::Taken
    }

    /// 200 to the CANCEL and 487 to the INVITE of one who waited.
    fn on_withdrawal(&mut self, invite: &Key, way: Way, request: &Request, now: Instant) -> Fate {
        let place = |caller: &Invitation| caller.key == *invite;
        let Some(place) = self.waiting.callers.iter().position(place) else {
            // A repeat, whose answer was lost.
            return self.inform(way.owed(false), request, 200, &[]);
        };
        let caller = self.waiting.callers.remove(place);
        let fate = self.inform(way.owed(false), request, 200, &[]);
        let refusal = Refusal::new(487, "withdrawn");
        let told = self.refuse(caller.way.owed(false), &caller.request, refusal);
        let answer = match told {
            Fate::Refused(_) => self.transmits.back().map(|sent| sent.bytes.clone()),
            Fate::Taken | Fate::TurnedAway | Fate::Dropped(_) => None,
        };
        if self.waiting.withdrawn.len() >= MAX_WITHDRAWN {
            self.waiting.withdrawn.pop_front();
        }
        self.waiting.withdrawn.push_back(Withdrawn {
            key: caller.key,
            way: caller.way.owed(false),
            answer,
            until: now + self.config.timers.limit(),
        });
        match fate {
            Fate::Taken => Fate::Refused("withdrawn"),
            other => other,
        }
    }

    fn waits(&self, key: &Key) -> bool {
        self.waiting.callers.iter().any(|caller| caller.key == *key)
    }

    fn withdrawn(&mut self, key: &Key, now: Instant) -> Option<&Withdrawn> {
        let withdrawn = &mut self.waiting.withdrawn;
        while withdrawn.front().is_some_and(|old| old.until <= now) {
            withdrawn.pop_front();
        }
        withdrawn.iter().find(|old| old.key == *key)
    }
}

fn is_pending(entry: &ServerEntry) -> bool {
    match &entry.machine {
        Server::Invite(machine) => machine.is_pending(),
        Server::Plain(_) => false,
    }
}

/// Withdrawn INVITEs whose repeats are known. As many as wait at a time may be withdrawn at once.
const MAX_WITHDRAWN: usize = 64;
