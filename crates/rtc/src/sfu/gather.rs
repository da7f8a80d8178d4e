//! How long changes are gathered before they are offered together.
//!
//! A caller waits for the offer that brings the agent's voice, so the first few go out at once.
//! Where many come and go, each offer would hold only one change: then changes gather longer.

use std::time::{Duration, Instant};

/// So that what comes in one breath goes in one offer.
const BRIEFLY: Duration = Duration::from_millis(10);
/// While much is happening: five publishers that join cost one offer, not five.
const LONG: Duration = Duration::from_millis(150);
/// Quick offers in a row. A call needs one for its data channels and one for each voice.
const QUICK: u32 = 4;
/// One more quick offer is allowed after this long.
const REFILL: Duration = Duration::from_millis(500);

/// Quick offers left, as a bucket that refills.
#[derive(Debug)]
pub(super) struct Gathering {
    quick: u32,
    since: Option<Instant>,
}

impl Gathering {
    pub(super) const fn new() -> Self {
        Self {
            quick: QUICK,
            since: None,
        }
    }

    /// How long to gather from now.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        self.refill(now);
        if self.quick > 0 { BRIEFLY } else { LONG }
    }

    /// An offer was made.
    pub(super) fn spend(&mut self, now: Instant) {
        self.refill(now);
        self.quick = self.quick.saturating_sub(1);
    }

    fn refill(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        let earned = u32::try_from(passed.as_millis() / REFILL.as_millis()).unwrap_or(QUICK);
        if earned > 0 {
            self.quick = QUICK.min(self.quick.saturating_add(earned));
            self.since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_offers_are_quick_and_a_crowd_waits() {
        #[expect(
            clippy::disallowed_methods,
            reason = "an arbitrary start of virtual time"
        )]
        let start = Instant::now();
        let mut gathering = Gathering::new();
        for _ in 0..QUICK {
            assert_eq!(gathering.wait(start), BRIEFLY);
            gathering.spend(start);
        }
        assert_eq!(gathering.wait(start), LONG);
        assert_eq!(gathering.wait(start + REFILL), BRIEFLY);
        gathering.spend(start + REFILL);
        assert_eq!(gathering.wait(start + REFILL), LONG);
        let rested = start + REFILL * 100;
        for _ in 0..QUICK {
            gathering.spend(rested);
        }
        assert_eq!(gathering.wait(rested), LONG);
    }
}
