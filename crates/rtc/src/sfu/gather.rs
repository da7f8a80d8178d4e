//! How long changes are gathered before they are offered together.
//!
//! A caller waits for the offer that brings the agent's voice, so a connection's first offers go
//! out at once: one opens its data channels, one brings the first voice. After that, changes are
//! gathered: where many come and go, each offer would hold only one of them.

use std::time::Duration;

/// So that what comes in one breath goes in one offer.
pub(super) const BRIEFLY: Duration = Duration::from_millis(10);
/// Five publishers that join cost one offer, not five.
const LONG: Duration = Duration::from_millis(150);
/// Quick offers of a connection. More would be felt by nobody, and clients have little practice
/// with tracks that go and come within a few milliseconds.
const QUICK: u32 = 2;

/// Quick offers left.
#[derive(Debug)]
pub(super) struct Gathering(u32);

impl Gathering {
    pub(super) const fn new() -> Self {
        Self(QUICK)
    }

    /// How long to gather.
    pub(super) const fn wait(&self) -> Duration {
        if self.0 > 0 { BRIEFLY } else { LONG }
    }

    /// An offer was made.
    pub(super) const fn spend(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_offers_are_quick_and_later_ones_gather() {
        let mut gathering = Gathering::new();
        for _ in 0..QUICK {
            assert_eq!(gathering.wait(), BRIEFLY);
            gathering.spend();
        }
        assert_eq!(gathering.wait(), LONG);
        gathering.spend();
        assert_eq!(gathering.wait(), LONG);
    }
}
