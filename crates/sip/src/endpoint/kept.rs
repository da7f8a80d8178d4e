//! What is remembered of requests inside a call. Their answers are kept for repeats, and a caller
//! may send as many as he likes: a call keeps its latest few, and at a full table only those.

use std::time::Instant;

use crate::message::{Method, Request};
use crate::transaction::{InviteServer, PlainServer};

use super::key::Key;
use super::leg::Kept;
use super::refusal::Refusal;
use super::table::Server;
use super::way::Way;
use super::{Endpoint, Fate, LegId};

impl Endpoint {
    /// Can a request of this method be remembered, if need be in the place of an older one? BYE is
    /// obeyed either way.
    pub(super) fn has_room_inside(&self, id: LegId, method: &Method) -> bool {
        if matches!(method, Method::Bye | Method::Options | Method::Other(_)) {
            return true;
        }
        let replaceable = |kept: &Kept| self.table.servers.contains_key(&kept.key);
        let leg = self.legs.get(&id);
        self.is_roomy() || leg.is_some_and(|leg| leg.answered.iter().any(replaceable))
    }

    /// Refuses a change of the session for what stands in its way now. Its repeats must hear the same,
    /// when that is over too.
    pub(super) fn refuse_inside(
        &mut self,
        (key, way, id): (&Key, Way, LegId),
        request: &Request,
        refusal: Refusal,
        now: Instant,
    ) -> Fate {
        if !self.is_roomy() {
            return self.refuse(way, request, refusal);
        }
        let reliable = way.flow.transport.is_stream();
        let timers = self.config.timers;
        let machine = match request.method {
            Method::Invite => Server::Invite(InviteServer::new(timers, reliable)),
            _ => Server::Plain(PlainServer::new(timers, reliable)),
        };
        self.table.serve(key, machine, way, id, request);
        let Refusal {
            status,
            headers,
            word,
            ..
        } = refusal;
        self.respond(key, status, now, |response| {
            for (header, value) in headers {
                response.headers.push(header, value);
            }
        });
        Fate::Refused(word)
    }

    /// Is there room for one more transaction?
    pub(super) fn is_roomy(&self) -> bool {
        self.table.len() < self.config.limits.transactions
    }

    /// A request inside a call has its answer, of that many bytes, which is kept.
    pub(super) fn keep_answered(&mut self, id: LegId, key: &Key, bytes: usize) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.answered
            .retain(|kept| self.table.servers.contains_key(&kept.key));
        leg.answered.push_back(Kept {
            key: key.clone(),
            bytes,
        });
        let mut held: usize = leg.answered.iter().map(|kept| kept.bytes).sum();
        while leg.answered.len() > 1 {
            let is_too_much = leg.answered.len() > MAX_ANSWERED || held > MAX_BYTES;
            if !is_too_much && self.table.len() <= self.config.limits.transactions {
                break;
            }
            let Some(oldest) = leg.answered.pop_front() else {
                break;
            };
            held -= oldest.bytes;
            self.table.forget(&oldest.key);
        }
    }

    /// The call is over, and what was answered inside it is asked no more. An INVITE's refusal waits
    /// for its ACK all the same.
    pub(super) fn forget_answered(&mut self, answered: impl IntoIterator<Item = Kept>) {
        for Kept { key, .. } in answered {
            let entry = self.table.servers.get(&key);
            if entry.is_some_and(|entry| matches!(entry.machine, Server::Plain(_))) {
                self.table.forget(&key);
            }
        }
    }
}

/// Answers kept for one call. A phone sends the next request once it has the answer to the last, or
/// a few at a time where keys are pressed; what is older is repeated by nobody.
const MAX_ANSWERED: usize = 16;

/// Bytes of them. An answer has some 400, and nearly as many as its request where that is made to.
const MAX_BYTES: usize = 64 * 1024;
