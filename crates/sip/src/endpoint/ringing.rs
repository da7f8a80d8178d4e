//! What is kept of a call that rings: of the phones we let ring, and of what we said that must
//! arrive (RFC 3262).

use std::time::Instant;

use bytes::Bytes;

use crate::dialog::Dialog;
use crate::message::{Request, name};
use crate::transaction::{Repeat, Timers};

use super::way::Way;

/// One phone that rings.
pub(super) struct Early {
    pub(super) tag: String,
    pub(super) dialog: Dialog,
    /// The number of its last answer that had to be confirmed.
    pub(super) confirmed: Option<u32>,
}

/// What is reliable about one call's ringing.
#[derive(Default)]
pub(super) struct Provisional {
    can: Can,
    /// Did their INVITE bring no offer? Then the first reliable answer had to make one.
    pub(super) is_offerless: bool,
    pub(super) number: u32,
    pub(super) unconfirmed: Option<Unconfirmed>,
    /// What goes out next.
    pub(super) next: Option<(u16, Option<Bytes>)>,
    pub(super) answer: Option<Answer>,
}

/// A 200 that waits.
pub(super) struct Answer {
    pub(super) sdp: Bytes,
    pub(super) headers: Vec<(String, String)>,
}

/// What a caller can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Can {
    #[default]
    Nothing,
    Supports,
    Requires,
}

pub(super) struct Unconfirmed {
    pub(super) number: u32,
    bytes: Bytes,
    way: Way,
    repeat: Repeat,
    deadline: Instant,
}

/// What the clock asks for.
pub(super) enum Due {
    Repeat(Way, Bytes),
    /// Nobody confirms it.
    Over,
}

impl Provisional {
    pub(super) fn hear(&mut self, invite: &Request) {
        let headers = &invite.headers;
        self.is_offerless = invite.body.is_empty();
        self.can = if headers.lists(name::REQUIRE, RELIABLE) {
            Can::Requires
        } else if headers.lists(name::SUPPORTED, RELIABLE) {
            Can::Supports
        } else {
            Can::Nothing
        };
    }

    /// Ringing matters to those who require it, and a description to all who can.
    pub(super) fn is_reliable(&self, describes: bool) -> bool {
        match self.can {
            Can::Nothing => false,
            Can::Supports => describes,
            Can::Requires => true,
        }
    }

    pub(super) const fn waits(&self) -> bool {
        self.unconfirmed.is_some()
    }

    /// Keeps a 200 until what was said before is confirmed.
    pub(super) fn keep_answer(&mut self, answer: Answer) {
        self.answer = Some(answer);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let wait = self.unconfirmed.as_ref()?;
        Some(wait.repeat.at.min(wait.deadline))
    }

    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let wait = self.unconfirmed.as_mut()?;
        if wait.deadline <= now {
            self.unconfirmed = None;
            return Some(Due::Over);
        }
        let due = wait.repeat.due(now);
        due.then(|| Due::Repeat(wait.way, wait.bytes.clone()))
    }

    pub(super) fn wait(&mut self, (way, bytes): (Way, Bytes), timers: Timers, now: Instant) {
        self.unconfirmed = Some(Unconfirmed {
            number: self.number,
            bytes,
            way,
            repeat: Repeat::new(now, timers.t1, timers.limit()),
            deadline: now + timers.limit(),
        });
    }
}

/// The option tag.
pub(super) const RELIABLE: &str = "100rel";
