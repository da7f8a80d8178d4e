//! Whether a call that failed is sent again, and when: a pure decision from what the call is, what
//! went wrong, what time is left and what the budget holds.
//!
//! The rules, by what is known of the attempt:
//!
//! | attempt | a call that may be repeated | dial, record, dispatch |
//! |---|---|---|
//! | never left this machine | again | again |
//! | refused for its token, and a fresh token would differ | again, once | again, once |
//! | refused by a region that may not serve it | again, elsewhere | again, elsewhere |
//! | broke, came late, `unavailable`, a proxy's 5xx | again | never |
//! | `internal`, `unknown`, `aborted` | again, once | never |
//! | too many requests | again, after the wait the server names | never |
//! | any other answer, or one with a SIP status | never | never |

use std::time::Duration;

use rand::{Rng, RngCore};
use trunkline_base::retry::{Budget, RetryPolicy};

use super::rpc::Repeat;

/// Bounds of a whole call and of what is made of a server's wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Attempts and their spacing. Its `total` bounds the time in which repeats start.
    pub policy: RetryPolicy,
    /// The longest wait a server may ask for; longer ones are cut to this.
    pub retry_after_cap: Duration,
    /// The wait after "too many requests" without a named one.
    pub throttled: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            policy: RetryPolicy::API,
            retry_after_cap: Duration::from_secs(60),
            throttled: Duration::from_secs(1),
        }
    }
}

/// What is known of an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection came about: the server has seen nothing.
    NotSent,
    /// The connection broke, the attempt's time passed, or something in between answered instead
    /// of the server. The call may have been carried out.
    Lost,
    /// The server is busy or away, and may have carried the call out.
    Away,
    /// The server stumbled; once is worth a try.
    Stumbled,
    /// Too many requests.
    Throttled,
    /// The token was refused. `curable` when one made now would be another.
    Token {
        /// Another token may be taken.
        curable: bool,
    },
    /// This region may not serve the project; another may.
    Region,
    /// The thing is not there.
    Missing,
    /// The thing's state forbids it.
    Forbidden,
    /// Anything else: the same call would fail the same way.
    Final,
}

/// The moment of a decision.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since the call began.
    pub elapsed: Duration,
    /// What calls to this server usually take; a repeat that has less left is not begun.
    pub usual: Duration,
    /// The wait the server asked for.
    pub asked: Option<Duration>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// An earlier attempt did it.
    Done,
    /// Send it again after this wait.
    Again(Duration),
    /// Give up.
    Stop,
}

/// One call's attempts.
#[derive(Clone, Debug)]
pub struct Series {
    rules: Rules,
    repeat: Repeat,
    limit: Duration,
    made: u32,
    /// An attempt may have been carried out without our knowing.
    doubtful: bool,
    stumbled: bool,
    reminted: bool,
    paid: Option<u32>,
}

/// What a fault allows.
enum Chance {
    Stop,
    Again { throttled: bool },
}

impl Series {
    /// Begins a call that may take `limit`; the first attempt counts as made.
    pub const fn new(rules: Rules, repeat: Repeat, limit: Duration) -> Self {
        Self {
            rules,
            repeat,
            limit,
            made: 1,
            doubtful: false,
            stumbled: false,
            reminted: false,
            paid: None,
        }
    }

    /// Attempts made so far.
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// What the last repeat took from the budget.
    pub const fn paid(&self) -> Option<u32> {
        self.paid
    }

    /// How long the attempt that begins now may take: all that is left, or half of it where
    /// another attempt could use the rest.
    pub fn attempt_limit(&self, elapsed: Duration) -> Duration {
        let left = self.limit.saturating_sub(elapsed);
        let last = self.made >= self.attempts() || self.repeat == Repeat::Never;
        if last { left } else { left / 2 }
    }

    /// Decides after an attempt failed.
    pub fn judge(
        &mut self,
        fault: Fault,
        at: Moment,
        budget: &mut Budget,
        rng: &mut impl RngCore,
    ) -> Decision {
        if self.is_done_already(fault) {
            return Decision::Done;
        }
        let chance = self.chance(fault);
        self.doubtful |= matches!(fault, Fault::Lost | Fault::Away | Fault::Stumbled);
        let Chance::Again { throttled } = chance else {
            return Decision::Stop;
        };
        if self.made >= self.attempts() {
            return Decision::Stop;
        }
        let Some(wait) = self.wait(fault, at.asked, rng) else {
            return Decision::Stop;
        };
        let resumed = at.elapsed.saturating_add(wait);
        let bound = self.limit.min(self.rules.policy.total);
        if resumed.saturating_add(at.usual) > self.limit || resumed > bound {
            return Decision::Stop;
        }
        // Another token mends what was wrong, once for each call: nothing that has to be rationed.
        if !matches!(fault, Fault::Token { .. }) {
            let Some(cost) = budget.pay(throttled) else {
                return Decision::Stop;
            };
            self.paid = Some(cost);
        }
        self.made += 1;
        Decision::Again(wait)
    }

    /// A removal that finds nothing on a repeat was done by an attempt whose answer was lost.
    fn is_done_already(&self, fault: Fault) -> bool {
        let done = match self.repeat {
            Repeat::GoneIsDone => fault == Fault::Missing,
            Repeat::EndedIsDone => matches!(fault, Fault::Missing | Fault::Forbidden),
            Repeat::Safe | Repeat::AtOnce | Repeat::Never => false,
        };
        done && self.doubtful
    }

    fn chance(&mut self, fault: Fault) -> Chance {
        let again = Chance::Again { throttled: false };
        let repeatable = self.repeat != Repeat::Never;
        match fault {
            Fault::NotSent | Fault::Region => again,
            Fault::Lost | Fault::Away if repeatable => again,
            Fault::Stumbled if repeatable && !self.stumbled => {
                self.stumbled = true;
                again
            }
            Fault::Throttled if repeatable => Chance::Again { throttled: true },
            Fault::Token { curable: true } if !self.reminted => {
                self.reminted = true;
                again
            }
            _ => Chance::Stop,
        }
    }

    /// The wait before the next attempt; nothing when it would come too late to be of use.
    fn wait(
        &self,
        fault: Fault,
        asked: Option<Duration>,
        rng: &mut impl RngCore,
    ) -> Option<Duration> {
        if matches!(fault, Fault::Token { .. } | Fault::Region) {
            return Some(Duration::ZERO);
        }
        let asked = match (fault, asked) {
            (Fault::Throttled, None) => Some(self.rules.throttled),
            (_, asked) => asked,
        };
        if self.repeat == Repeat::AtOnce {
            return asked
                .is_none_or(|asked| asked.is_zero())
                .then_some(Duration::ZERO);
        }
        let jittered = self.rules.policy.jittered(self.made, rng);
        let Some(asked) = asked else {
            return Some(jittered);
        };
        // Everyone was asked for the same wait; they shall not all come back at the same time.
        let spread = 1.0 + 0.2 * rng.random::<f64>();
        let asked = asked.min(self.rules.retry_after_cap).mul_f64(spread);
        Some(asked.max(jittered))
    }

    const fn attempts(&self) -> u32 {
        match self.repeat {
            Repeat::AtOnce if self.rules.policy.attempts > 2 => 2,
            _ => self.rules.policy.attempts,
        }
    }
}

/// Reads `Retry-After`: seconds, or a date that is compared with `now`.
pub(super) fn retry_after(text: &str, now: std::time::SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
