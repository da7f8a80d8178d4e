//! How stored events are looked after.

use std::time::Duration;

/// How stored events are looked after.
#[derive(Clone, Copy, Debug)]
pub struct EventsConfig {
    /// Events that may wait to be processed; more are refused until there is room.
    pub most_waiting: u64,
    /// How often and how patiently an event is tried again.
    pub patience: Patience,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            most_waiting: 100_000,
            patience: Patience::default(),
        }
    }
}

/// How often and how patiently an event is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Tries before it is parked.
    pub tries: u32,
    /// The wait after the first; each later one is twice as long.
    pub first_wait: Duration,
    /// No wait is longer.
    pub longest_wait: Duration,
    /// A try that takes longer has failed.
    pub limit: Duration,
}

impl Default for Patience {
    /// Eight tries within two minutes: longer than a restart of what a consumer needs.
    fn default() -> Self {
        Self {
            tries: 8,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            limit: Duration::from_secs(10),
        }
    }
}

impl Patience {
    /// The wait after a try that failed, or `None` after the last.
    pub(super) fn wait(self, failed_before: u32) -> Option<Duration> {
        let doubled = self.first_wait.saturating_mul(1 << failed_before.min(20));
        (failed_before + 1 < self.tries).then(|| doubled.min(self.longest_wait))
    }
}
