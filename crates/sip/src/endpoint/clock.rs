//! What the clock asks of transactions and calls.

use std::time::Instant;

use super::key::Key;
use super::leg::{Leg, LegStep};
use super::table::Timer;
use super::transfer::TransferOutcome;
use super::{EndCause, Endpoint, LegId};

impl Endpoint {
    pub(super) fn run_transactions(&mut self, now: Instant) {
        while let Some(timer) = self.table.due(now, false) {
            match timer {
                Timer::Server(key) => self.run_server(&key, now),
                Timer::Client(key) => self.run_client(&key, now),
                Timer::Leg(_) => {}
            }
        }
    }

    pub(super) fn run_legs(&mut self, now: Instant) {
        while let Some(Timer::Leg(id)) = self.table.due(now, true) {
            let due = |leg: &mut Leg| leg.handle_timeout(now);
            while let Some(step) = self.legs.get_mut(&id).and_then(due) {
                self.run_leg(id, step, now);
            }
            self.wake(id);
        }
    }

    fn run_leg(&mut self, id: LegId, step: LegStep, now: Instant) {
        match step {
            LegStep::Repeat(way, bytes) => self.send(way, bytes),
            LegStep::NoAck => self.give_up(id, EndCause::NoAck, now),
            LegStep::NoPrack => self.on_no_prack(id, now),
            LegStep::Refresh => self.refresh(id, now),
            LegStep::Expired => self.give_up(id, EndCause::Expired, now),
            LegStep::TryAgain(asking) => self.try_again(id, asking, now),
            LegStep::NoTransfer => self.end_transfer(id, TransferOutcome::TimedOut),
        }
    }

    /// Says goodbye to whoever may still be there, and waits for nothing.
    pub(super) fn give_up(&mut self, id: LegId, cause: EndCause, now: Instant) {
        if cause == EndCause::Expired
            && let Some(leg) = self.legs.get_mut(&id)
        {
            let reason = "SIP;cause=408;text=\"Session expired\"";
            leg.bye_headers = vec![(crate::message::name::REASON.to_owned(), reason.to_owned())];
        }
        self.send_bye(id, now);
        self.end(id, cause);
    }

    /// The call's next deadline counts from now on.
    pub(super) fn wake(&mut self, id: LegId) {
        let at = self.legs.get(&id).and_then(Leg::deadline);
        self.table.schedule(Timer::Leg(id), at);
    }

    fn run_server(&mut self, key: &Key, now: Instant) {
        let Some(entry) = self.table.servers.get_mut(key) else {
            return;
        };
        let way = entry.way;
        let step = entry.handle_timeout(now);
        if let Some(bytes) = step.send {
            self.send(way, bytes);
        }
        if step.done {
            self.table.servers.remove(key);
        } else {
            self.table.schedule_server(key);
        }
    }

    fn run_client(&mut self, key: &Key, now: Instant) {
        let Some(entry) = self.table.clients.get_mut(key) else {
            return;
        };
        let (way, leg) = (entry.way, entry.leg);
        let method = entry.request.method.clone();
        let step = entry.handle_timeout(now);
        if let Some(bytes) = step.send {
            self.send(way, bytes);
        }
        if !step.done {
            self.table.schedule_client(key);
            return;
        }
        self.table.clients.remove(key);
        if step.failed {
            self.on_unanswered(leg, &method, now);
        }
    }
}
