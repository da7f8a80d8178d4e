//! When a call's frames and reports are due. Two clocks: the room's follows the phone's packets, the
//! phone's begins with the answer.

use std::time::{Duration, Instant};

use super::super::FRAME;

/// What is due next of each kind.
pub(super) struct Clock {
    room: Instant,
    /// None before the answer.
    phone: Option<Instant>,
    report: Instant,
    rating: Instant,
}

impl Clock {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            room: now + FRAME,
            phone: None,
            report: now + REPORT,
            rating: now + RATE,
        }
    }

    /// When to look at it again.
    pub(super) fn wake(&self) -> Instant {
        self.phone.map_or(self.room, |phone| phone.min(self.room))
    }

    /// The phone is answered.
    pub(super) fn start(&mut self, now: Instant) {
        self.phone.get_or_insert(now);
    }

    /// Another phone comes, which is not answered yet.
    pub(super) fn stop(&mut self) {
        self.phone = None;
    }

    pub(super) fn has_started(&self) -> bool {
        self.phone.is_some()
    }

    /// The phone begins to speak: from here on each frame is due just when the buffer is willing to
    /// give it.
    pub(super) fn follow(&mut self, now: Instant) {
        self.room = now + FRAME + MARGIN;
    }

    /// When a frame for the room was due, if one was.
    pub(super) fn take_room(&mut self, now: Instant) -> Option<Instant> {
        let due = self.room;
        if due > now {
            return None;
        }
        self.room = next_tick(due, FRAME, now, CATCH_UP);
        Some(due)
    }

    /// When a packet for the phone was due, if one was; [`sent`](Self::sent) says when the next one is.
    pub(super) fn phone_due(&self, now: Instant) -> Option<Instant> {
        self.phone.filter(|due| *due <= now)
    }

    /// The packet that was due then was so long.
    pub(super) fn sent(&mut self, due: Instant, length: Duration, now: Instant) {
        self.phone = Some(next_tick(due, length, now, GIVE_UP));
    }

    pub(super) fn take_report(&mut self, now: Instant) -> bool {
        take(&mut self.report, REPORT, now)
    }

    pub(super) fn take_rating(&mut self, now: Instant) -> bool {
        take(&mut self.rating, RATE, now)
    }
}

/// Whether something is due; then it is again after so long.
fn take(due: &mut Instant, every: Duration, now: Instant) -> bool {
    let is_due = *due <= now;
    if is_due {
        *due = now + every;
    }
    is_due
}

/// The next tick; ticks missed by more than `most` are left out instead of made up for.
fn next_tick(tick: Instant, step: Duration, now: Instant, most: Duration) -> Instant {
    let next = tick + step;
    if now.saturating_duration_since(next) > most {
        now + step
    } else {
        next
    }
}

/// RFC 3550 6.2.
const REPORT: Duration = Duration::from_secs(5);

/// How often a room may hear how its phone sounds.
const RATE: Duration = Duration::from_secs(10);

/// Behind the phone by this much, catching up would only make a burst that its buffer does not take.
const GIVE_UP: Duration = Duration::from_millis(100);

/// Behind the room by this much, the caller's words are caught up with: less than the pause after which
/// a track's clock goes on by the time that passed, and than what a listener in the room bears.
const CATCH_UP: Duration = Duration::from_millis(180);

/// The timer's own coarseness.
pub(super) const MARGIN: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1);

    /// Frames of the room that were due, and packets of the phone, after such a wait.
    fn owed(wait: Duration) -> (usize, usize) {
        let start = Instant::now() + START;
        let mut clock = Clock::new(start);
        clock.start(start);
        let now = start + wait;
        let room = std::iter::from_fn(|| clock.take_room(now)).count();
        let mut phone = 0;
        while let Some(due) = clock.phone_due(now) {
            clock.sent(due, FRAME, now);
            phone += 1;
        }
        assert!(clock.wake() > now);
        (room, phone)
    }

    #[test]
    fn what_was_missed_is_made_up_for_as_long_as_somebody_is_served_by_it() {
        // The first packet is due with the answer, the first frame after one.
        assert_eq!(owed(Duration::ZERO), (0, 1));
        assert_eq!(owed(FRAME), (1, 2));
        assert_eq!(owed(GIVE_UP), (5, 6));
        assert_eq!(owed(CATCH_UP), (9, 1), "the phone's buffer takes no burst");
        assert_eq!(owed(3 * CATCH_UP), (1, 1));
    }

    #[test]
    fn reports_and_ratings_come_at_their_own_pace() {
        let start = Instant::now();
        let mut clock = Clock::new(start);
        assert!(!clock.take_report(start));
        assert!(clock.take_report(start + REPORT) && !clock.take_report(start + REPORT));
        assert!(!clock.take_rating(start + REPORT) && clock.take_rating(start + RATE));
    }

    #[test]
    fn a_phone_that_is_not_answered_is_owed_nothing() {
        let start = Instant::now();
        let mut clock = Clock::new(start);
        assert_eq!(clock.phone_due(start + START), None);
        clock.start(start);
        clock.stop();
        assert!(!clock.has_started());
        assert_eq!(clock.phone_due(start + START), None);
    }
}
