//! Where on a recording's clock a packet belongs.
//!
//! RTP timestamps say how packets lie to each other, arrival says where the track lies on the
//! recording. The fastest packets of the last seconds give the offset, so network jitter does not
//! move sound. Clock drift and a bad first guess are taken out in steps of a frame, and only where
//! nothing sounds.

use std::collections::VecDeque;
use std::time::Duration;

use crate::opus::CLOCK_HZ;

/// Packets remembered: about ten seconds. Longer rides out worse stalls and follows drift later.
const WINDOW: usize = 500;
/// The step of a correction and the smallest error worth correcting, in 48 kHz samples: 20 ms.
const STEP: i64 = 960;
/// A timestamp this far ahead of its arrival belongs to a new timeline: 2 s.
const JUMP: i64 = 2 * CLOCK_HZ as i64;
/// A packet later than this over the fastest comes from a sender whose clock stood still while it
/// was silent, or out of a stall of the network: 300 ms. Either way its sound starts now; after a
/// stall the packets behind it arrive early, and the next quiet moment moves the track back.
const STALL: i64 = CLOCK_HZ as i64 * 3 / 10;

/// Places the packets of one track whose RTP clock runs at 48 kHz.
#[derive(Debug, Default)]
pub struct Timeline {
    newest: Option<i64>,
    /// Position of timestamp zero.
    offset: i64,
    errors: VecDeque<i64>,
    corrections: u64,
    restarts: u64,
}

impl Timeline {
    /// A timeline that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The position, in 48 kHz samples since the recording began, of a packet that arrived
    /// `arrival` after that. `quiet` says that this packet or the moment before it is silent, so
    /// that the track may be moved here.
    pub fn place(&mut self, timestamp: u32, arrival: Duration, quiet: bool) -> u64 {
        let arrival = i64::try_from(arrival.as_micros() * u128::from(CLOCK_HZ) / 1_000_000)
            .unwrap_or(i64::MAX / 4);
        let ticks = match self.newest {
            Some(newest) => unwrap(newest, timestamp),
            None => i64::from(timestamp),
        };
        let error = arrival - (ticks + self.offset);
        let fastest = self.errors.iter().copied().min().unwrap_or(0);
        if self.newest.is_none() || error.abs() > JUMP || error - fastest > STALL {
            self.restarts += u64::from(self.newest.is_some());
            self.errors.clear();
            self.offset = arrival - ticks;
            self.errors.push_back(0);
        } else {
            if self.errors.len() == WINDOW {
                self.errors.pop_front();
            }
            self.errors.push_back(error);
        }
        self.newest = Some(self.newest.map_or(ticks, |newest| newest.max(ticks)));
        if quiet {
            self.correct();
        }
        u64::try_from(ticks + self.offset).unwrap_or(0)
    }

    /// Times the track was moved by a frame.
    #[must_use]
    pub fn corrections(&self) -> u64 {
        self.corrections
    }

    /// Times the timestamps jumped.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    fn correct(&mut self) {
        let Some(fastest) = self.errors.iter().copied().min() else {
            return;
        };
        // Rounded towards zero after a quarter step, so that three quarters of a frame are enough.
        let steps = (fastest + fastest.signum() * STEP / 4) / STEP;
        if steps != 0 {
            self.offset += steps * STEP;
            self.errors
                .iter_mut()
                .for_each(|error| *error -= steps * STEP);
            self.corrections += steps.unsigned_abs();
        }
    }
}

fn unwrap(newest: i64, timestamp: u32) -> i64 {
    let low = u32::try_from(newest & 0xFFFF_FFFF).unwrap_or(0);
    newest + i64::from(timestamp.wrapping_sub(low).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_does_not_move_sound() {
        let mut timeline = Timeline::new();
        let start = 4_294_900_000_u32;
        for n in 0..200_u32 {
            let jitter = u64::from((n * 7) % 11);
            let arrival = Duration::from_millis(1_000 + u64::from(n) * 20 + jitter);
            let at = timeline.place(start.wrapping_add(n * 960), arrival, false);
            assert_eq!(at, 48_000 + u64::from(n) * 960);
        }
    }

    #[test]
    fn a_late_first_packet_is_put_right_in_the_first_quiet_moment() {
        let mut timeline = Timeline::new();
        let place = |timeline: &mut Timeline, n: u32, late: u64, quiet| {
            let arrival = Duration::from_millis(u64::from(n) * 20 + late);
            timeline.place(n * 960, arrival, quiet)
        };
        assert_eq!(place(&mut timeline, 0, 100, false), 4_800);
        assert_eq!(place(&mut timeline, 1, 0, false), 5_760);
        assert_eq!(place(&mut timeline, 2, 0, true), 1_920);
        assert_eq!(timeline.corrections(), 5);
    }

    #[test]
    fn a_slow_clock_is_followed_frame_by_frame() {
        let mut timeline = Timeline::new();
        let mut worst = 0;
        for n in 0..90_000_u32 {
            let real = Duration::from_micros(u64::from(n) * 20_004);
            let at = timeline.place(n.wrapping_mul(960), real, n % 50 == 0);
            let expected = i64::try_from(real.as_micros() * 48 / 1_000).unwrap();
            worst = worst.max((i64::try_from(at).unwrap() - expected).abs());
        }
        assert!(worst <= 1_500, "{} samples off", worst);
        assert!(timeline.corrections() >= 10);
    }

    #[test]
    fn a_sender_whose_clock_stands_still_in_silence_is_placed_by_arrival() {
        let mut timeline = Timeline::new();
        for n in 0..50_u32 {
            timeline.place(n * 960, Duration::from_millis(u64::from(n) * 20), false);
        }
        let at = timeline.place(50 * 960, Duration::from_millis(2_000), false);
        assert_eq!(at, 96_000);
    }

    #[test]
    fn after_a_stall_the_next_quiet_moment_puts_the_track_back() {
        let mut timeline = Timeline::new();
        for n in 0..50_u32 {
            timeline.place(n * 960, Duration::from_millis(u64::from(n) * 20), false);
        }
        for n in 50..80_u32 {
            timeline.place(n * 960, Duration::from_millis(1_600), false);
        }
        assert_eq!(
            timeline.place(80 * 960, Duration::from_millis(1_600), true),
            80 * 960
        );
    }

    #[test]
    fn silence_keeps_its_length_and_a_new_clock_starts_at_its_arrival() {
        let mut timeline = Timeline::new();
        timeline.place(0, Duration::ZERO, false);
        assert_eq!(
            timeline.place(480_000, Duration::from_secs(10), false),
            480_000
        );
        assert_eq!(timeline.place(77, Duration::from_secs(11), false), 528_000);
        assert_eq!(timeline.restarts(), 1);
    }
}
