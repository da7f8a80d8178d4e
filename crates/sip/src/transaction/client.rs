//! The asking side.

use std::time::Instant;

use bytes::Bytes;

use super::server::earliest;
use super::{Repeat, Step, Timers};

/// What to do with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnResponse {
    /// New: the caller must look at it.
    Deliver,
    /// A final refusal again: send the ACK again.
    AckAgain,
    /// Seen before.
    Ignore,
}

/// Asks with INVITE.
#[derive(Debug)]
pub struct InviteClient {
    state: InviteState,
    timers: Timers,
    reliable: bool,
    request: Bytes,
    ack: Option<Bytes>,
    repeat: Option<Repeat>,
    end: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InviteState {
    Calling,
    Proceeding,
    Accepted,
    Completed,
}

impl InviteClient {
    /// The INVITE was just sent.
    pub fn new(request: Bytes, timers: Timers, reliable: bool, now: Instant) -> Self {
        Self {
            state: InviteState::Calling,
            timers,
            reliable,
            request,
            ack: None,
            // Timer A doubles without a ceiling; timer B ends it.
            repeat: (!reliable).then(|| Repeat::new(now, timers.t1, timers.limit())),
            end: Some(now + timers.limit()),
        }
    }

    /// Did anything come back yet?
    pub fn has_progress(&self) -> bool {
        self.state != InviteState::Calling
    }

    /// The request, while nothing at all came back.
    pub fn unanswered(&self) -> Option<Bytes> {
        (!self.has_progress()).then(|| self.request.clone())
    }

    /// A response came.
    pub fn on_response(&mut self, status: u16, now: Instant) -> OnResponse {
        let waiting = matches!(self.state, InviteState::Calling | InviteState::Proceeding);
        match (status, self.state) {
            (100..=199, _) if waiting => {
                self.state = InviteState::Proceeding;
                self.repeat = None;
                self.end = None;
                OnResponse::Deliver
            }
            (200..=299, InviteState::Accepted) => OnResponse::Deliver,
            (200..=299, _) if waiting => {
                self.state = InviteState::Accepted;
                self.repeat = None;
                self.end = Some(now + self.timers.limit());
                OnResponse::Deliver
            }
            (300..=699, InviteState::Completed) => OnResponse::AckAgain,
            (300..=699, _) if waiting => {
                self.state = InviteState::Completed;
                self.repeat = None;
                // Timer D: longer than the other side repeats its refusal.
                self.end = Some(if self.reliable {
                    now
                } else {
                    now + self.timers.limit()
                });
                OnResponse::Deliver
            }
            _ => OnResponse::Ignore,
        }
    }

    /// Keeps the ACK of a refusal for repeats.
    pub fn set_ack(&mut self, ack: Bytes) {
        self.ack = Some(ack);
    }

    /// The ACK of a refusal.
    pub fn ack(&self) -> Option<Bytes> {
        self.ack.clone()
    }

    /// Says nothing more, and goes on waiting.
    pub const fn hush(&mut self) {
        self.repeat = None;
    }

    /// Gives up at `at` unless a final response comes first (RFC 3261 9.1, after CANCEL).
    pub fn give_up_at(&mut self, at: Instant) {
        if matches!(self.state, InviteState::Calling | InviteState::Proceeding) {
            self.end = Some(at);
        }
    }

    /// Looks at the clock.
    pub fn handle_timeout(&mut self, now: Instant) -> Step {
        if self.end.is_some_and(|end| end <= now) {
            let failed = matches!(self.state, InviteState::Calling | InviteState::Proceeding);
            return Step {
                send: None,
                failed,
                done: true,
            };
        }
        let due = self.repeat.as_mut().is_some_and(|repeat| repeat.due(now));
        Step {
            send: due.then(|| self.request.clone()),
            ..Step::default()
        }
    }

    /// When to look again.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        earliest(self.repeat, self.end, "repeat invite", "end of invite")
    }
}

/// Asks with anything else.
#[derive(Debug)]
pub struct PlainClient {
    timers: Timers,
    reliable: bool,
    request: Bytes,
    answered: bool,
    repeat: Option<Repeat>,
    end: Instant,
}

impl PlainClient {
    /// The request was just sent.
    pub fn new(request: Bytes, timers: Timers, reliable: bool, now: Instant) -> Self {
        Self {
            timers,
            reliable,
            request,
            answered: false,
            repeat: (!reliable).then(|| Repeat::new(now, timers.t1, timers.t2)),
            end: now + timers.limit(),
        }
    }

    /// The request, while it has no final answer.
    pub fn unanswered(&self) -> Option<Bytes> {
        (!self.answered).then(|| self.request.clone())
    }

    /// A response came.
    pub fn on_response(&mut self, status: u16, now: Instant) -> OnResponse {
        if self.answered {
            return OnResponse::Ignore;
        }
        if status >= 200 {
            self.answered = true;
            self.repeat = None;
            self.end = if self.reliable {
                now
            } else {
                now + self.timers.t4
            };
        } else if let Some(repeat) = &mut self.repeat {
            // In Proceeding timer E runs at T2 (RFC 3261 17.1.2.2).
            *repeat = Repeat::new(now, self.timers.t2, self.timers.t2);
        }
        OnResponse::Deliver
    }

    /// Looks at the clock.
    pub fn handle_timeout(&mut self, now: Instant) -> Step {
        if self.end <= now {
            return Step {
                send: None,
                failed: !self.answered,
                done: true,
            };
        }
        let due = self.repeat.as_mut().is_some_and(|repeat| repeat.due(now));
        Step {
            send: due.then(|| self.request.clone()),
            ..Step::default()
        }
    }

    /// When to look again.
    pub fn deadline(&self) -> Option<(Instant, &'static str)> {
        earliest(
            self.repeat,
            Some(self.end),
            "repeat request",
            "end of request",
        )
    }
}
