//! The answering side.

use std::time::Instant;

use bytes::Bytes;

use super::{Repeat, Step, Timers};

/// Answers one INVITE.
#[derive(Debug)]
pub struct InviteServer {
    state: InviteState,
    timers: Timers,
    reliable: bool,
    last: Option<Bytes>,
    repeat: Option<Repeat>,
    end: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InviteState {
    Proceeding,
    Accepted,
    Completed,
    Confirmed,
}

impl InviteServer {
    /// An INVITE came in.
    pub const fn new(timers: Timers, reliable: bool) -> Self {
        Self {
            state: InviteState::Proceeding,
            timers,
            reliable,
            last: None,
            repeat: None,
            end: None,
        }
    }

    /// Is a final answer still to come?
    pub fn is_pending(&self) -> bool {
        self.state == InviteState::Proceeding
    }

    /// Takes an answer. `false` means a final one was sent before and this one must not be.
    pub fn respond(&mut self, status: u16, bytes: &Bytes, now: Instant) -> bool {
        if self.state != InviteState::Proceeding {
            return false;
        }
        match status {
            100..=199 => self.last = Some(bytes.clone()),
            200..=299 => {
                self.state = InviteState::Accepted;
                self.last = None;
                self.end = Some(now + self.timers.limit());
            }
            _ => {
                self.state = InviteState::Completed;
                self.last = Some(bytes.clone());
                self.end = Some(now + self.timers.limit());
                if !self.reliable {
                    self.repeat = Some(Repeat::new(now, self.timers.t1, self.timers.t2));
                }
            }
        }
        true
    }

    /// The INVITE came again: what to send again.
    pub fn on_repeat(&self) -> Option<Bytes> {
        self.last
            .clone()
            .filter(|_| self.state != InviteState::Confirmed)
    }

    /// An ACK with this transaction's branch came. `true` means it confirmed a refusal; `false`
    /// means it belongs to the call (an ACK of a 2xx).
    pub fn on_ack(&mut self, now: Instant) -> bool {
        match self.state {
            InviteState::Completed => {
                self.state = InviteState::Confirmed;
                self.repeat = None;
                self.end = Some(if self.reliable {
                    now
                } else {
                    now + self.timers.t4
                });
                true
            }
            InviteState::Confirmed => true,
            InviteState::Proceeding | InviteState::Accepted => false,
        }
    }

    /// Looks at the clock.
    pub fn handle_timeout(&mut self, now: Instant) -> Step {
        if self.end.is_some_and(|end| end <= now) {
            let failed = self.state == InviteState::Completed;
            return Step {
                send: None,
                failed,
                done: true,
            };
        }
        let due = self.repeat.as_mut().is_some_and(|repeat| repeat.due(now));
        Step {
            send: self.last.clone().filter(|_| due),
            ..Step::default()
        }
    }

    /// When to look again.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        earliest(self.repeat, self.end, "repeat refusal", "end of invite")
    }
}

/// Answers one request that is not an INVITE.
#[derive(Debug)]
pub struct PlainServer {
    timers: Timers,
    reliable: bool,
    last: Option<Bytes>,
    end: Option<Instant>,
}

impl PlainServer {
    /// A request came in.
    pub const fn new(timers: Timers, reliable: bool) -> Self {
        Self {
            timers,
            reliable,
            last: None,
            end: None,
        }
    }

    /// Takes the final answer. `false` means there was one already.
    pub fn respond(&mut self, bytes: &Bytes, now: Instant) -> bool {
        if self.last.is_some() {
            return false;
        }
        self.last = Some(bytes.clone());
        self.end = Some(if self.reliable {
            now
        } else {
            now + self.timers.limit()
        });
        true
    }

    /// The request came again: what to send again.
    pub fn on_repeat(&self) -> Option<Bytes> {
        self.last.clone()
    }

    /// Looks at the clock.
    pub fn handle_timeout(&self, now: Instant) -> Step {
        Step {
            done: self.end.is_some_and(|end| end <= now),
            ..Step::default()
        }
    }

    /// When to look again.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        self.end.map(|end| (end, "end of request"))
    }
}

pub(super) fn earliest(
    repeat: Option<Repeat>,
    end: Option<Instant>,
    repeat_reason: &'static str,
    end_reason: &'static str,
) -> Option<(Instant, &'static str)> {
    let repeat = repeat.map(|repeat| (repeat.at, repeat_reason));
    let end = end.map(|end| (end, end_reason));
    [repeat, end]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
}
