//! The agent's side: the one speech that may sound, and those that wait for it.

use std::collections::VecDeque;
use std::time::Instant;

use super::event::ReplyId;
use super::open::OpenTurn;

/// The agent's speeches.
#[derive(Debug, Default)]
pub(super) struct Voice {
    pub(super) active: Option<Speech>,
    pub(super) waiting: VecDeque<Queued>,
    /// When the agent's first sound was played; counts echo warm-up.
    pub(super) first_sound: Option<Instant>,
    /// The latest speech that can be answered, and since when.
    pub(super) asked: Option<(ReplyId, Instant)>,
}

/// A speech that waits for the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queued {
    pub(super) reply: ReplyId,
    pub(super) interruptible: bool,
}

/// The speech that has the floor.
#[derive(Debug)]
pub(super) struct Speech {
    pub(super) reply: ReplyId,
    pub(super) interruptible: bool,
    pub(super) phase: Phase,
    /// It did something that cannot be undone.
    pub(super) pinned: bool,
    /// The turn it answers, while that could still be reopened.
    pub(super) answers: Option<Answered>,
}

/// A turn that could still be reopened.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) turn: OpenTurn,
    pub(super) text: String,
}

/// Where the active speech stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It may sound and has not yet.
    Due,
    /// It sounds.
    Playing {
        /// Since when.
        since: Instant,
    },
    /// It is held.
    Paused {
        /// Since when.
        at: Instant,
        /// When its first sound was played, if any was.
        began: Option<Instant>,
    },
}

impl Speech {
    pub(super) fn new(reply: ReplyId, interruptible: bool) -> Self {
        Self {
            reply,
            interruptible,
            phase: Phase::Due,
            pinned: false,
            answers: None,
        }
    }

    pub(super) fn paused(&self) -> bool {
        matches!(self.phase, Phase::Paused { .. })
    }

    /// When its first sound was played.
    pub(super) fn began(&self) -> Option<Instant> {
        match self.phase {
            Phase::Due => None,
            Phase::Playing { since } => Some(since),
            Phase::Paused { began, .. } => began,
        }
    }
}

impl Voice {
    /// The caller has heard what there is to answer of this speech.
    pub(super) fn can_be_answered(&mut self, reply: ReplyId, now: Instant) {
        if self.is(reply) && self.asked.is_none_or(|(asked, _)| asked != reply) {
            self.asked = Some((reply, now));
        }
    }

    pub(super) fn is(&self, reply: ReplyId) -> bool {
        self.active
            .as_ref()
            .is_some_and(|speech| speech.reply == reply)
    }
}
