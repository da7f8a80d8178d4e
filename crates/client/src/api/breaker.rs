//! A circuit breaker: a server that keeps failing is left alone for a while, and calls to it fail
//! at once. Pure; `now` is an argument.
//!
//! ```text
//!            half of ≥ 20 calls in 30 s failed,
//!            or five attempts in a row did not connect
//!   Closed ────────────────────────────────────────────► Open (5 s, doubling to 60 s)
//!     ▲                                                    │ time passed
//!     │ as many probes succeeded as may be under way       ▼
//!     └──────────────────────────────────────────────── HalfOpen ──► Open: a probe failed
//! ```
//! Refusals are answers: they show that the server works, and never open it. Refused tokens are
//! counted by a breaker of their own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Calls this old are forgotten.
    pub window: Duration,
    /// Fewer calls than this in the window say nothing.
    pub least: u32,
    /// It opens when this share of them failed, in percent.
    pub share: u32,
    /// It opens when so many attempts in a row did not connect, or had their token refused.
    pub in_a_row: u32,
    /// How long it stays open the first time.
    pub open: Duration,
    /// How long at most, doubling each time.
    pub open_cap: Duration,
    /// Probes at a time while it is half open.
    pub probes: u32,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            least: 20,
            share: 50,
            in_a_row: 5,
            open: Duration::from_secs(5),
            open_cap: Duration::from_secs(60),
            probes: 2,
        }
    }
}

/// What an attempt showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The server works.
    Works,
    Fails,
    /// It could not be reached, or refused the token: worse, and counted in a row.
    Refuses,
    /// Nothing: the attempt was dropped.
    Nothing,
}

/// A breaker's state, for people and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls fail at once.
    Open,
    /// A few calls pass, to see.
    HalfOpen,
}

/// The call is not sent; the breaker is open until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shut {
    /// When calls are let through again.
    pub until: Instant,
}

/// Leave to send one attempt, to be handed back with what it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    epoch: u64,
}

#[derive(Clone, Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: Inside,
    /// Counts changes of state, so that an attempt from before one says nothing after it.
    epoch: u64,
    /// How often it opened without closing in between.
    opened: u32,
}

#[derive(Clone, Debug)]
enum Inside {
    Closed { recent: Recent, in_a_row: u32 },
    Open { until: Instant },
    HalfOpen { under_way: u32, succeeded: u32 },
}

/// Calls of the window, summed by slice of it.
#[derive(Clone, Debug, Default)]
struct Recent {
    slices: VecDeque<Slice>,
}

#[derive(Clone, Copy, Debug)]
struct Slice {
    began: Instant,
    calls: u32,
    failed: u32,
}

/// The window is kept in so many slices; more would only be finer.
const SLICES: u32 = 10;

impl Breaker {
    /// A closed one.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: Inside::closed(),
            epoch: 0,
            opened: 0,
        }
    }

    pub const fn state(&self) -> State {
        match self.state {
            Inside::Closed { .. } => State::Closed,
            Inside::Open { .. } => State::Open,
            Inside::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Asks to send an attempt.
    ///
    /// # Errors
    /// [`Shut`] while it is open, or half open with enough probes under way.
    pub fn admit(&mut self, now: Instant) -> Result<Pass, Shut> {
        if let Inside::Open { until } = self.state {
            if now < until {
                return Err(Shut { until });
            }
            self.turn(Inside::HalfOpen {
                under_way: 0,
                succeeded: 0,
            });
        }
        if let Inside::HalfOpen { under_way, .. } = &mut self.state {
            if *under_way >= self.policy.probes {
                return Err(Shut {
                    until: now + self.policy.open,
                });
            }
            *under_way += 1;
        }
        Ok(Pass { epoch: self.epoch })
    }

    /// Hands back what an attempt showed.
    pub fn record(&mut self, pass: Pass, sign: Sign, now: Instant) {
        if pass.epoch != self.epoch {
            return;
        }
        let policy = self.policy;
        match &mut self.state {
            Inside::Closed { recent, in_a_row } => {
                *in_a_row = match sign {
                    Sign::Refuses => *in_a_row + 1,
                    Sign::Nothing => *in_a_row,
                    Sign::Works | Sign::Fails => 0,
                };
                if sign != Sign::Nothing {
                    recent.add(sign != Sign::Works, now, policy.window);
                }
                if *in_a_row >= policy.in_a_row || recent.is_bad(policy) {
                    self.open(now);
                }
            }
            Inside::HalfOpen {
                under_way,
                succeeded,
            } => {
                *under_way = under_way.saturating_sub(1);
                match sign {
                    Sign::Nothing => {}
                    Sign::Fails | Sign::Refuses => self.open(now),
                    Sign::Works => {
                        *succeeded += 1;
                        if *succeeded >= policy.probes {
                            self.close();
                        }
                    }
                }
            }
            Inside::Open { .. } => {}
        }
    }

    /// Closes it: what made it open is no longer so.
    pub fn close(&mut self) {
        self.opened = 0;
        self.turn(Inside::closed());
    }

    fn open(&mut self, now: Instant) {
        let doubled = self.policy.open.saturating_mul(1 << self.opened.min(16));
        let until = now + doubled.min(self.policy.open_cap);
        self.opened = self.opened.saturating_add(1);
        self.turn(Inside::Open { until });
    }

    fn turn(&mut self, state: Inside) {
        self.state = state;
        self.epoch += 1;
    }
}

impl Inside {
    fn closed() -> Self {
        Self::Closed {
            recent: Recent::default(),
            in_a_row: 0,
        }
    }
}

impl Recent {
    fn add(&mut self, failed: bool, now: Instant, window: Duration) {
        while let Some(oldest) = self.slices.front() {
            if now.saturating_duration_since(oldest.began) < window {
                break;
            }
            self.slices.pop_front();
        }
        let fresh =
            |slice: &&mut Slice| now.saturating_duration_since(slice.began) < window / SLICES;
        let failed = u32::from(failed);
        if let Some(slice) = self.slices.back_mut().filter(fresh) {
            slice.calls += 1;
            slice.failed += failed;
            return;
        }
        self.slices.push_back(Slice {
            began: now,
            calls: 1,
            failed,
        });
    }

    fn is_bad(&self, policy: BreakerPolicy) -> bool {
        let calls: u32 = self.slices.iter().map(|slice| slice.calls).sum();
        let failed: u32 = self.slices.iter().map(|slice| slice.failed).sum();
        calls >= policy.least
            && u64::from(failed) * 100 >= u64::from(calls) * u64::from(policy.share)
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
