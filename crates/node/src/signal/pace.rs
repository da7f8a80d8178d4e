//! How fast one client may say things.
//!
//! What comes faster is not refused but read later: the socket fills, and the client waits. A
//! client that says more than this has lost its way or means harm; either way others share the
//! threads that would listen to it.

use std::time::{Duration, Instant};

/// A hundred messages a second, for as long as it likes.
const MESSAGE: Duration = Duration::from_millis(10);
/// A thousand messages at once: a client that joins a large room asks for each of its tracks.
const MESSAGES_AT_ONCE: Duration = Duration::from_secs(10);
/// Half a mebibyte a second.
const KIBIBYTE: Duration = Duration::from_millis(2);
/// Four mebibytes at once: a few of the largest messages.
const BYTES_AT_ONCE: Duration = Duration::from_secs(8);

/// The pace of one client.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    messages: Debt,
    bytes: Debt,
}

impl Pace {
    /// A message of so many bytes was read. Gives how long to wait before the next.
    pub(crate) fn heard(&mut self, bytes: usize, now: Instant) -> Duration {
        let kibibytes = u32::try_from(bytes / 1_024).unwrap_or(u32::MAX);
        let messages = self.messages.add(MESSAGE, now, MESSAGES_AT_ONCE);
        let bytes = self
            .bytes
            .add(KIBIBYTE.saturating_mul(kibibytes), now, BYTES_AT_ONCE);
        messages.max(bytes)
    }
}

/// Time already spoken for.
#[derive(Debug, Default)]
struct Debt {
    paid: Option<Instant>,
}

impl Debt {
    fn add(&mut self, cost: Duration, now: Instant, at_once: Duration) -> Duration {
        let from = self.paid.map_or(now, |paid| paid.max(now));
        let paid = from + cost;
        self.paid = Some(paid);
        paid.saturating_duration_since(now).saturating_sub(at_once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn a_burst_is_heard_at_once_and_what_follows_it_at_a_pace() {
        let (mut pace, mut now) = (Pace::default(), start());
        for _ in 0..1_000 {
            assert_eq!(pace.heard(100, now), Duration::ZERO);
        }
        for _ in 0..100 {
            let wait = pace.heard(100, now);
            assert_eq!(wait, MESSAGE);
            now += wait;
        }
    }

    #[test]
    fn large_messages_wait_sooner() {
        let (mut pace, now) = (Pace::default(), start());
        let mebibyte = 1 << 20;
        let heard = (0..10).take_while(|_| pace.heard(mebibyte, now).is_zero());
        assert_eq!(heard.count(), 3);
    }

    #[test]
    fn a_quiet_client_may_burst_again() {
        let (mut pace, now) = (Pace::default(), start());
        while pace.heard(0, now).is_zero() {}
        let later = now + Duration::from_secs(60);
        assert_eq!(pace.heard(0, later), Duration::ZERO);
    }
}
