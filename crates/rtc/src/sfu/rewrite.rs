//! One unbroken RTP stream out of whatever is forwarded on a section.
//!
//! While a section carries a track it keeps its source, and with it SRTP's rollover counter and
//! the receiver's jitter buffer. Sequence numbers therefore never repeat and never jump when the
//! publisher changes its own source, is muted or comes back; timestamps advance by the time that
//! really passed.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::peer::{Codec, RtpIn};

/// Where a packet comes from. A change of any part starts a new run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) track: u32,
    pub(super) ssrc: u32,
    /// Counts the times the track was unmuted.
    pub(super) epoch: u32,
    pub(super) codec: Codec,
}

/// Sequence and timestamp to send a packet under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamped {
    pub(super) seq: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
}

/// State of one section we send on.
#[derive(Debug)]
pub(super) struct Outgoing {
    last_seq: u64,
    last_timestamp: u32,
    last_sent: Option<Instant>,
    run: Option<Run>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    origin: Origin,
    first_in: u64,
    first_out: u64,
    /// Added to an incoming timestamp.
    shift: u32,
}

impl Outgoing {
    /// Begins at random numbers, the sequence low enough that the rollover counter starts at 0.
    pub(super) fn new(rng: &mut impl Rng) -> Self {
        Self {
            last_seq: rng.random_range(1..0x7fff),
            last_timestamp: rng.random(),
            last_sent: None,
            run: None,
        }
    }

    /// `None` if the packet is older than the present run and must not be sent.
    pub(super) fn stamp(&mut self, origin: Origin, rtp: &RtpIn, now: Instant) -> Option<Stamped> {
        let fresh = self.run.is_none_or(|r| r.origin != origin);
        if fresh {
            self.start_run(origin, rtp, now);
        }
        let run = self.run?;
        let seq = run.first_out + rtp.seq.checked_sub(run.first_in)?;
        let timestamp = rtp.timestamp.wrapping_add(run.shift);
        if seq > self.last_seq {
            self.last_seq = seq;
            self.last_timestamp = timestamp;
            self.last_sent = Some(now);
        }
        Some(Stamped {
            seq,
            timestamp,
            marker: rtp.marker || fresh,
        })
    }

    fn start_run(&mut self, origin: Origin, rtp: &RtpIn, now: Instant) {
        let elapsed = self
            .last_sent
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let clock = origin.codec.clock_rate();
        let ticks = ticks(elapsed, clock).max(clock / 50);
        let same_clock = self.run.filter(|r| r.origin.ssrc == origin.ssrc);
        let kept = same_clock.map(|r| rtp.timestamp.wrapping_add(r.shift));
        let plausible = |at: &u32| {
            let advance = at.wrapping_sub(self.last_timestamp);
            advance.abs_diff(ticks) < clock
        };
        let timestamp = match (self.run, kept.filter(plausible)) {
            (None, _) => self.last_timestamp,
            (Some(_), Some(kept)) => kept,
            (Some(_), None) => self.last_timestamp.wrapping_add(ticks),
        };
        self.run = Some(Run {
            origin,
            first_in: rtp.seq,
            first_out: self.last_seq + 1,
            shift: timestamp.wrapping_sub(rtp.timestamp),
        });
    }
}

/// RTP ticks in a time span; spans beyond a day saturate, nobody compares those.
fn ticks(span: Duration, clock: u32) -> u32 {
    let ticks = span.as_micros().saturating_mul(u128::from(clock)) / 1_000_000;
    u32::try_from(ticks).unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::clock::start;

    fn packet(seq: u64, timestamp: u32, arrival: Instant) -> RtpIn {
        RtpIn {
            mid: "0".into(),
            ssrc: 1,
            seq,
            timestamp,
            marker: false,
            level: None,
            codec: Codec::Opus,
            payload: vec![0].into(),
            arrival,
            report: None,
        }
    }

    fn origin(track: u32, ssrc: u32, epoch: u32) -> Origin {
        Origin {
            track,
            ssrc,
            epoch,
            codec: Codec::Opus,
        }
    }

    fn begin() -> (Outgoing, Instant) {
        (Outgoing::new(&mut StdRng::seed_from_u64(1)), start())
    }

    #[test]
    fn loss_and_reorder_of_the_source_are_kept() {
        let (mut out, t) = begin();
        let o = origin(1, 1, 0);
        let first = out.stamp(o, &packet(100, 0, t), t).unwrap();
        let third = out.stamp(o, &packet(102, 1920, t), t).unwrap();
        let second = out.stamp(o, &packet(101, 960, t), t).unwrap();
        assert_eq!((third.seq, second.seq), (first.seq + 2, first.seq + 1));
        assert_eq!(third.timestamp.wrapping_sub(first.timestamp), 1920);
        assert!(first.marker && !third.marker);
    }

    #[test]
    fn a_mute_leaves_no_gap_in_sequence_and_keeps_time() {
        let (mut out, t) = begin();
        let first = out.stamp(origin(1, 1, 0), &packet(100, 0, t), t).unwrap();
        let later = t + Duration::from_secs(3);
        let rtp = packet(250, 144_000, later);
        let next = out.stamp(origin(1, 1, 1), &rtp, later).unwrap();
        assert_eq!(next.seq, first.seq + 1);
        assert_eq!(next.timestamp.wrapping_sub(first.timestamp), 144_000);
    }

    #[test]
    fn another_source_continues_by_the_time_that_passed() {
        let (mut out, t) = begin();
        let first = out.stamp(origin(1, 1, 0), &packet(9, 77, t), t).unwrap();
        let later = t + Duration::from_millis(500);
        let next = out
            .stamp(origin(2, 8, 0), &packet(60_000, 5, later), later)
            .unwrap();
        assert_eq!(next.seq, first.seq + 1);
        assert_eq!(next.timestamp.wrapping_sub(first.timestamp), 24_000);
        assert!(next.marker);
    }

    #[test]
    fn a_packet_from_before_the_run_is_dropped() {
        let (mut out, t) = begin();
        out.stamp(origin(1, 1, 0), &packet(10, 0, t), t).unwrap();
        assert_eq!(out.stamp(origin(1, 1, 0), &packet(9, 0, t), t), None);
    }

    #[test]
    fn a_source_that_rewound_its_clock_does_not_rewind_ours() {
        let (mut out, t) = begin();
        let first = out
            .stamp(origin(1, 1, 0), &packet(9, 500_000, t), t)
            .unwrap();
        let later = t + Duration::from_secs(1);
        let next = out
            .stamp(origin(1, 1, 1), &packet(10, 3, later), later)
            .unwrap();
        assert_eq!(next.timestamp.wrapping_sub(first.timestamp), 48_000);
    }
}
