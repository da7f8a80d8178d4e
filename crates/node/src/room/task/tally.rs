//! A room's media counters, carried to the process's metrics once a second and at its end.

use std::time::{Duration, Instant};

use trunkline_rtc::sfu::SfuStats;
use trunkline_service::metrics::{Counter, count};

/// Often enough for a dashboard, seldom enough to cost a packet nothing.
const EVERY: Duration = Duration::from_secs(1);

/// What has been carried so far.
#[derive(Debug)]
pub(super) struct Tally {
    packets_in: u64,
    packets_out: u64,
    late_frames: u64,
    due: Instant,
}

impl Tally {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            packets_in: 0,
            packets_out: 0,
            late_frames: 0,
            due: now,
        }
    }

    /// Carries what is new, if it is time.
    pub(super) fn look(&mut self, stats: &SfuStats, now: Instant) {
        if now >= self.due {
            self.due = now + EVERY;
            self.carry(stats);
        }
    }

    /// Carries what is new.
    pub(super) fn carry(&mut self, stats: &SfuStats) {
        let pairs = [
            (
                Counter::MediaPacketsIn,
                &mut self.packets_in,
                stats.packets_in,
            ),
            (
                Counter::MediaPacketsOut,
                &mut self.packets_out,
                stats.packets_out,
            ),
            (
                Counter::FramesLate,
                &mut self.late_frames,
                stats.late_frames,
            ),
        ];
        for (counter, before, now) in pairs {
            count(counter, now.saturating_sub(*before), &[]);
            *before = now;
        }
    }
}
