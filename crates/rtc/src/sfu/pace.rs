//! How fast one participant may have offers handled.
//!
//! An offer costs by its media sections, on a thread that other rooms' sound needs too. What
//! comes faster than it may is not refused: it waits, and the offer after it takes its place.

use std::time::{Duration, Instant};

/// What a section costs: 500 of them a second are far more than a client renegotiates.
const SECTION: Duration = Duration::from_millis(2);
/// What may be spent at once: a large client's joining, a few offers in a row.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The pace of one participant.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When everything spent so far is paid for.
    paid: Option<Instant>,
}

impl Pace {
    /// When the next offer may be handled; not after `now` if at once.
    pub(super) fn next(&self, now: Instant) -> Instant {
        let debt = |paid: Instant| paid.saturating_duration_since(now);
        let wait = self.paid.map_or(Duration::ZERO, debt);
        now + wait.saturating_sub(AT_ONCE)
    }

    /// An offer of so many sections is handled.
    pub(super) fn spend(&mut self, sections: usize, now: Instant) {
        let sections = u32::try_from(sections).unwrap_or(u32::MAX).max(1);
        let from = self.paid.map_or(now, |paid| paid.max(now));
        self.paid = Some(from + SECTION.saturating_mul(sections));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::start;

    #[test]
    fn a_client_that_negotiates_often_never_waits() {
        let (mut pace, mut now) = (Pace::default(), start());
        for _ in 0..1_000 {
            assert_eq!(pace.next(now), now);
            pace.spend(40, now);
            now += Duration::from_millis(100);
        }
    }

    #[test]
    fn large_offers_in_a_row_wait_for_one_another() {
        let (mut pace, now) = (Pace::default(), start());
        let mut handled = 0;
        while pace.next(now) == now {
            pace.spend(500, now);
            handled += 1;
        }
        assert_eq!(handled, 3);
        let next = pace.next(now);
        assert_eq!(next, now + Duration::from_secs(1));
        assert_eq!(pace.next(next), next);
    }
}
