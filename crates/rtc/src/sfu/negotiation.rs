//! Where the negotiation of one connection stands.

use std::time::{Duration, Instant};

use super::gather::Gathering;
use super::pace::Pace;

/// How long the offer after the first answer waits for the connection. A client whose transport
/// has not begun takes the next offer for an ICE restart (pion compares it with credentials that
/// it has not set yet); once it is connected, it has.
const CONNECTING: Duration = Duration::from_secs(5);
/// Where the negotiation of one connection stands.
#[derive(Debug)]
pub(super) struct Negotiation {
    pub(super) next_id: u32,
    pub(super) open: Option<(u32, Instant)>,
    pub(super) due: Option<Instant>,
    /// Since when descriptions are agreed on for the first time (RFC 8829's stable state).
    pub(super) stable_since: Option<Instant>,
    /// The client's offer that came sooner than it may.
    pub(super) early: Option<Early>,
    pub(super) pace: Pace,
    /// A single-connection client was asked to offer and has not yet.
    pub(super) asked: bool,
    pub(super) restart_after_answer: bool,
    gathering: Gathering,
}

impl Negotiation {
    pub(super) fn new(first_id: u32) -> Self {
        Self {
            next_id: first_id,
            open: None,
            due: None,
            stable_since: None,
            early: None,
            pace: Pace::default(),
            asked: false,
            restart_after_answer: false,
            gathering: Gathering::new(),
        }
    }

    /// Something changed that has to be said.
    pub(super) fn touch(&mut self, now: Instant) {
        self.due_by(now + self.gathering.wait());
    }

    /// What was due is being said.
    pub(super) fn begin(&mut self) {
        self.due = None;
        self.gathering.spend();
    }

    pub(super) fn due_by(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// When the next description of ours may be written.
    pub(super) fn due(&self, connecting: bool) -> Option<Instant> {
        let due = self.due.filter(|_| self.open.is_none() && !self.asked)?;
        let held = self.stable_since.filter(|_| connecting);
        Some(held.map_or(due, |since| due.max(since + CONNECTING)))
    }

    pub(super) fn deadline(&self, connecting: bool) -> Option<(Instant, &'static str)> {
        let due = self.due(connecting).map(|at| (at, "negotiation"));
        let open = self.open.map(|(_, at)| (at, "answer timeout"));
        let early = self.early.as_ref().map(|early| (early.at, "next offer"));
        let all = [due, open, early].into_iter().flatten();
        all.min_by_key(|(at, _)| *at)
    }

    /// A description was agreed on.
    pub(super) fn agreed(&mut self, now: Instant) {
        self.stable_since.get_or_insert(now);
    }
}

/// A client's offer that waits until it may be handled.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) at: Instant,
    pub(super) id: u32,
    pub(super) sdp: String,
}
