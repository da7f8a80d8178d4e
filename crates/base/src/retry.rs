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
        let doublings = self.made.saturating_sub(1).min(20);
        let ceiling = self
            .policy
            .base
            .saturating_mul(1 << doublings)
            .min(self.policy.cap);
        let jittered = ceiling.mul_f64(rng.random::<f64>());
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
    fn a_server_that_asks_for_too_long_a_wait_ends_the_series() {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut backoff = Backoff::new(RetryPolicy::API);
        let asked = Some(Duration::from_secs(60));
        assert_eq!(backoff.next_wait(Duration::ZERO, asked, &mut rng), None);
    }
}
