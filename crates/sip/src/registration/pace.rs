//! How long to wait after failures.

use std::time::Duration;

use rand::Rng;

/// Counts what went wrong in a row.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    refusals: u32,
}

impl Pace {
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
        self.refusals = 0;
    }

    /// Nobody answered as one should; they may any moment.
    pub(super) fn failed(&mut self, rng: &mut impl Rng) -> Duration {
        let pause = doubled(FAILED, self.failures, FAILED_MOST);
        self.failures = self.failures.saturating_add(1);
        jittered(pause, rng)
    }

    /// Somebody said no, and will until a person changes something.
    pub(super) fn refused(&mut self, rng: &mut impl Rng) -> Duration {
        let pause = doubled(REFUSED, self.refusals, REFUSED_MOST);
        self.refusals = self.refusals.saturating_add(1);
        jittered(pause, rng)
    }
}

fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    first
        .saturating_mul(2_u32.saturating_pow(times.min(16)))
        .min(most)
}

/// Up to a quarter less, so that a thousand trunks do not come at once.
fn jittered(pause: Duration, rng: &mut impl Rng) -> Duration {
    pause.mul_f64(rng.random_range(0.75..=1.0))
}

/// After the first failure in a row.
const FAILED: Duration = Duration::from_secs(2);

/// A provider that was away is back for us within this time.
const FAILED_MOST: Duration = Duration::from_secs(60);

/// After the first refusal: providers lock accounts that knock too often.
const REFUSED: Duration = Duration::from_secs(60);

const REFUSED_MOST: Duration = Duration::from_secs(1800);
