//! How long to wait before trying again: exponential growth with full jitter, bounded in attempts
//! and in total time. The generator is the caller's, so a run can be replayed.

use std::time::Duration;

use rand::{Rng, RngCore};

/// Growth and bounds of a series of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least one is made.
    pub attempts: u32,
    /// Ceiling of the first wait.
    pub base: Duration,
    /// Ceiling of any wait.
    pub cap: Duration,
    /// No new attempt starts after this much time.
    pub total: Duration,
}

impl RetryPolicy {
    /// One attempt, no retry.
    pub const NONE: Self = Self {
        attempts: 1,
        base: Duration::ZERO,
        cap: Duration::ZERO,
        total: Duration::ZERO,
    };

    /// Short and polite: what an API read does against a busy server.
    pub const API: Self = Self {
        attempts: 4,
        base: Duration::from_millis(100),
        cap: Duration::from_secs(2),
        total: Duration::from_secs(10),
    };

    /// The wait after `made` attempts: random between nothing and a ceiling that doubles with
    /// each.
    pub fn jittered(&self, made: u32, rng: &mut impl RngCore) -> Duration {
        let doublings = made.saturating_sub(1).min(20);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.cap);
        ceiling.mul_f64(rng.random::<f64>())
    }
}

/// What repeating may cost one server in all, whoever repeats: a bucket of tokens that calls which
/// succeed fill and repeats empty. While a server is down the bucket runs dry and calls fail at
/// once instead of multiplying its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetPolicy {
    /// Tokens of a full bucket.
    pub capacity: u32,
    /// What a repeat takes.
    pub retry: u32,
    /// What a repeat takes that the server asked for by naming a wait.
    pub throttled: u32,
    /// What a call that succeeded at once gives back; one that succeeded on a repeat gives back
    /// what the last repeat took.
    pub refund: u32,
}

impl BudgetPolicy {
    /// As the AWS SDKs have it: in the steady state about seven repeats in a hundred calls.
    pub const API: Self = Self {
        capacity: 500,
        retry: 14,
        throttled: 5,
        refund: 1,
    };
}

/// The bucket.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    policy: BudgetPolicy,
    tokens: u32,
}

impl Budget {
    /// A full one.
    pub const fn new(policy: BudgetPolicy) -> Self {
        Self {
            policy,
            tokens: policy.capacity,
        }
    }

    /// Tokens left.
    pub const fn left(&self) -> u32 {
        self.tokens
    }

    /// Pays for a repeat and says what it took; nothing when the bucket does not hold as much.
    pub fn pay(&mut self, throttled: bool) -> Option<u32> {
        let cost = if throttled {
            self.policy.throttled
        } else {
            self.policy.retry
        };
        self.tokens = self.tokens.checked_sub(cost)?;
        Some(cost)
    }

    /// A call succeeded; `paid` is what its last repeat took, if there was one.
    pub fn succeeded(&mut self, paid: Option<u32>) {
        let back = paid.unwrap_or(self.policy.refund);
        self.tokens = self.tokens.saturating_add(back).min(self.policy.capacity);
    }
}

/// Where one series of attempts stands.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: RetryPolicy,
    made: u32,
}

impl Backoff {
    /// Starts a series; the first attempt counts as made.
    pub const fn new(policy: RetryPolicy) -> Self {
        Self { policy, made: 1 }
    }

    /// Attempts made so far.
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// The wait before the next attempt, or nothing when the series is over. `asked` is a wait the
    /// server named (`Retry-After`): never undercut, and given up on when it exceeds what is left.
    pub fn next_wait(
        &mut self,
        elapsed: Duration,
        asked: Option<Duration>,
        rng: &mut impl RngCore,
    ) -> Option<Duration> {
        if self.made >= self.policy.attempts {
            return None;
        }
        let jittered = self.policy.jittered(self.made, rng);
        let wait = asked.map_or(jittered, |asked| asked.max(jittered));
        if elapsed.saturating_add(wait) > self.policy.total {
            return None;
        }
        self.made += 1;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::SmallRng};

    #[test]
    fn waits_stay_under_the_growing_ceiling_and_end() {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut backoff = Backoff::new(RetryPolicy::API);
        let mut ceilings = [100, 200, 400].into_iter();
        while let Some(wait) = backoff.next_wait(Duration::ZERO, None, &mut rng) {
            assert!(wait <= Duration::from_millis(ceilings.next().unwrap()));
        }
        assert_eq!(backoff.made(), 4);
    }

    #[test]
    fn a_budget_runs_dry_while_nothing_succeeds_and_never_overflows() {
        let mut budget = Budget::new(BudgetPolicy::API);
        let paid = std::iter::from_fn(|| budget.pay(false)).count();
        assert_eq!((paid, budget.left()), (35, 10));
        assert!(budget.pay(true).is_some());
        for _ in 0..1000 {
            budget.succeeded(None);
        }
        budget.succeeded(Some(14));
        assert_eq!(budget.left(), 500);
    }

    #[test]
    fn a_server_that_asks_for_too_long_a_wait_ends_the_series() {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut backoff = Backoff::new(RetryPolicy::API);
        let asked = Some(Duration::from_secs(60));
        assert_eq!(backoff.next_wait(Duration::ZERO, asked, &mut rng), None);
    }
}
