//! Where a call's packets are, as it is written down: a process that comes back goes on from there.
//!
//! Each place reserves the numbers behind it until the next one is written down, and whoever comes back
//! begins behind those: no number is used that may have been used before. For encrypted packets that is
//! what their secrecy rests on (RFC 3711 9.1); for plain ones it keeps receivers from taking new packets
//! for old. [`RESERVE`] is below the 3000 numbers whose lack a receiver takes for loss and not for
//! another stream (RFC 3550 A.1), and far below the 2^15 at which it would count wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_base::time::UnixTime;
use trunkline_sip::srtp::Heard;

/// A place in both streams of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// When it was.
    pub(crate) at: UnixTime,
    pub(crate) ssrc: u32,
    /// The number of the next packet, with those that have run over.
    pub(crate) next: u64,
    /// Its time, on the codec's clock.
    pub(crate) timestamp: u32,
    /// What has gone out, for reports.
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// The number of the next encrypted report.
    pub(crate) reports: u32,
    /// What has come, where that is encrypted.
    pub(crate) heard: Heard,
}

impl Place {
    /// Where to go on at `now`: behind what was reserved, and behind what can have gone out since if
    /// the reservation was not renewed in time.
    pub(crate) fn after(&self, now: UnixTime, clock_hz: u32) -> Self {
        let away = now.since(self.at);
        let passed = |each: Duration| {
            let passed = away.as_micros() / each.as_micros().max(1);
            u64::try_from(passed).unwrap_or(u64::MAX)
        };
        let ticks = away.as_millis() * u128::from(clock_hz) / 1000;
        // The clock of a stream runs over by itself.
        let ticks = u32::try_from(ticks & u128::from(u32::MAX)).unwrap_or(0);
        let most = passed(SHORTEST).saturating_add(MARGIN);
        let reports = passed(SHORTEST_REPORT).saturating_add(MARGIN);
        let reports = u32::try_from(reports.max(RESERVED_REPORTS)).unwrap_or(u32::MAX);
        Self {
            at: now,
            next: self.next.saturating_add(most.max(RESERVE)),
            timestamp: self.timestamp.wrapping_add(ticks),
            reports: self.reports.saturating_add(reports),
            ..self.clone()
        }
    }
}

/// When a place is to be written down again.
#[derive(Default)]
pub(super) struct Milestone {
    /// The number and the time of the last, on the wall.
    last: Option<(u64, UnixTime)>,
}

impl Milestone {
    /// Everything has changed: now.
    pub(super) const fn pass(&mut self) {
        self.last = None;
    }

    pub(super) fn is_due(&self, next: u64, now: UnixTime) -> bool {
        self.last.is_none_or(|(number, at)| {
            next.saturating_sub(number) >= RESERVE / 2 || now.since(at) >= EVERY
        })
    }

    pub(super) const fn reached(&mut self, next: u64, now: UnixTime) {
        self.last = Some((next, now));
    }
}

/// Packets that may go out before the place is written down again; it is after half of them.
const RESERVE: u64 = 2_048;

/// And after this long, for what comes may go on while nothing goes out.
const EVERY: Duration = Duration::from_secs(20);

/// No packet of ours is shorter.
const SHORTEST: Duration = Duration::from_millis(10);

/// Reports go out every five seconds, and at an end.
const RESERVED_REPORTS: u64 = 64;
const SHORTEST_REPORT: Duration = Duration::from_secs(1);

/// For what was on its way while the place was taken.
const MARGIN: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: u64) -> Place {
        Place {
            at: UnixTime(at),
            ssrc: 7,
            next: 65_000,
            timestamp: u32::MAX - 7,
            packets: 0,
            octets: 0,
            reports: 3,
            heard: Heard::default(),
        }
    }

    /// 50 packets a second went out until the end, and not one of their numbers comes again.
    #[test]
    fn numbers_go_on_behind_all_that_can_have_been_used() {
        for away_ms in [0, 5_000, 20_000, 25_000, 600_000] {
            let after = place(1_000).after(UnixTime(1_000 + away_ms), 8_000);
            let used = 65_000 + away_ms / 10;
            assert!(after.next > used, "{away_ms}");
            if away_ms <= 20_000 {
                assert!(after.next - used.min(65_000 + 1_024) < 3_000, "{away_ms}");
            }
            assert!(u64::from(after.reports) > 3 + away_ms / 5_000);
        }
    }

    #[test]
    fn the_streams_time_goes_on_as_if_nothing_had_happened() {
        let after = place(1_000).after(UnixTime(2_000), 8_000);
        assert_eq!(after.timestamp, 8_000 - 8);
        // A clock that was set back meanwhile moves nothing back.
        let after = place(9_000).after(UnixTime(2_000), 8_000);
        assert_eq!(
            (after.timestamp, after.next),
            (u32::MAX - 7, 65_000 + RESERVE)
        );
    }

    #[test]
    fn a_place_is_written_down_before_its_reserve_is_used_up() {
        let mut milestone = Milestone::default();
        assert!(milestone.is_due(0, UnixTime(0)));
        milestone.reached(100, UnixTime(0));
        assert!(!milestone.is_due(100 + RESERVE / 2 - 1, UnixTime(19_999)));
        assert!(milestone.is_due(100 + RESERVE / 2, UnixTime(0)));
        assert!(milestone.is_due(100, UnixTime(20_000)));
        milestone.pass();
        assert!(milestone.is_due(100, UnixTime(0)));
    }
}
