//! What arrives: extended numbers, loss and jitter (RFC 3550 A.1, A.3, A.8). A stream whose numbers
//! jump is another stream, once the next packet agrees.

use std::time::Instant;

use super::packet::Header;
use super::rtcp::ReportBlock;

/// Counts one incoming stream.
#[derive(Debug)]
pub struct Reception {
    clock_rate: u32,
    origin: Instant,
    stream: Option<Stream>,
    finished: ReceptionSummary,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    first: u64,
    highest: u64,
    received: u64,
    transit: i64,
    jitter: f64,
    last_sr: Option<(u32, Instant)>,
    reported: (u64, u64),
    /// The number that would prove a jump.
    jumped_to: Option<u16>,
}

/// Totals over all streams of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReceptionSummary {
    /// Packets that came.
    pub received: u64,
    /// Packets that should have come.
    pub expected: u64,
    /// Inter-arrival jitter of the last stream in milliseconds.
    pub jitter_ms: f64,
    /// How many times the sender changed its SSRC or began to count elsewhere.
    pub restarts: u32,
}

impl ReceptionSummary {
    /// Packets that never came.
    pub const fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.received)
    }
}

impl Reception {
    /// `now` is only an origin for arithmetic.
    pub fn new(clock_rate: u32, now: Instant) -> Self {
        Self {
            clock_rate,
            origin: now,
            stream: None,
            finished: ReceptionSummary::default(),
        }
    }

    /// Counts a packet; returns its sequence number without wraps.
    pub fn on_packet(&mut self, header: &Header, now: Instant) -> u64 {
        let transit = self.ticks(now).wrapping_sub(i64::from(header.timestamp));
        let same = self
            .stream
            .as_mut()
            .is_some_and(|stream| stream.ssrc == header.ssrc && !stream.restarts(header.sequence));
        match &mut self.stream {
            Some(stream) if same => {
                let number = extend(stream.highest, header.sequence);
                stream.received += 1;
                if stream.jumped_to.is_some() {
                    // Of a jump that is not proven yet; neither first nor highest.
                    return number;
                }
                // A step back below the first packet is a late one from before it.
                stream.first = stream.first.min(number);
                if number > stream.highest {
                    stream.highest = number;
                    // Timestamps wrap; only the low 32 bits of the difference mean anything.
                    let change = wrapped(transit.wrapping_sub(stream.transit)).unsigned_abs();
                    stream.transit = transit;
                    if change < self.clock_rate {
                        let change = f64::from(change);
                        stream.jitter += (change - stream.jitter) / 16.0;
                    }
                }
                number
            }
            _ => {
                let number = BASE + u64::from(header.sequence);
                self.finish_stream();
                self.stream = Some(Stream {
                    ssrc: header.ssrc,
                    first: number,
                    highest: number,
                    received: 1,
                    transit,
                    jitter: 0.0,
                    last_sr: None,
                    reported: (0, 0),
                    jumped_to: None,
                });
                number
            }
        }
    }

    /// Another codec may count time otherwise; what was counted stays.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        if self.clock_rate != clock_rate {
            self.finish_stream();
            self.clock_rate = clock_rate;
        }
    }

    /// Takes note of the sender's report, for the round trip it will compute.
    pub fn on_sender_report(&mut self, ssrc: u32, ntp_middle: u32, now: Instant) {
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == ssrc) {
            stream.last_sr = Some((ntp_middle, now));
        }
    }

    /// The block for the next report; resets the interval.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the wire's fields are narrower; low bits and saturation are what the RFC asks"
    )]
    pub fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let stream = self.stream.as_mut()?;
        let expected = stream.highest - stream.first + 1;
        let (old_expected, old_received) = stream.reported;
        stream.reported = (expected, stream.received);
        let interval = expected.saturating_sub(old_expected);
        let lost = interval.saturating_sub(stream.received.saturating_sub(old_received));
        let fraction = (lost * 256).checked_div(interval).unwrap_or(0).min(255) as u8;
        let total = expected.saturating_sub(stream.received).min(0x7f_ffff) as u32;
        let (last_sr, delay) = stream.last_sr.map_or((0, 0), |(middle, at)| {
            let delay = now.saturating_duration_since(at).as_millis() * 65_536 / 1000;
            (middle, u32::try_from(delay).unwrap_or(u32::MAX))
        });
        Some(ReportBlock {
            ssrc: stream.ssrc,
            fraction_lost: fraction,
            total_lost: total,
            highest: (stream.highest - BASE) as u32,
            jitter: stream.jitter as u32,
            last_sr,
            delay_since_sr: delay,
        })
    }

    /// Totals so far.
    pub fn summary(&self) -> ReceptionSummary {
        let mut total = self.finished;
        if let Some(stream) = &self.stream {
            total.received += stream.received;
            total.expected += stream.highest - stream.first + 1;
            total.jitter_ms = stream.jitter * 1000.0 / f64::from(self.clock_rate);
        }
        total
    }

    fn finish_stream(&mut self) {
        if self.stream.is_some() {
            self.finished = self.summary();
            self.finished.restarts += 1;
            self.stream = None;
        }
    }

    fn ticks(&self, now: Instant) -> i64 {
        let micros = now.saturating_duration_since(self.origin).as_micros();
        i64::try_from(micros * u128::from(self.clock_rate) / 1_000_000).unwrap_or(i64::MAX)
    }
}

impl Stream {
    /// Do two packets in a row say that the sender counts from elsewhere?
    fn restarts(&mut self, sequence: u16) -> bool {
        let step = extend(self.highest, sequence).cast_signed() - self.highest.cast_signed();
        if (-MAX_MISORDER..MAX_DROPOUT).contains(&step) {
            self.jumped_to = None;
            return false;
        }
        self.jumped_to.replace(sequence.wrapping_add(1)) == Some(sequence)
    }
}

/// The number nearest to the highest seen.
fn extend(highest: u64, sequence: u16) -> u64 {
    let [.., high, low] = highest.to_be_bytes();
    let step = sequence
        .wrapping_sub(u16::from_be_bytes([high, low]))
        .cast_signed();
    highest.saturating_add_signed(i64::from(step))
}

fn wrapped(difference: i64) -> i32 {
    let [.., a, b, c, d] = difference.to_be_bytes();
    i32::from_be_bytes([a, b, c, d])
}

/// RFC 3550 A.1: what comes later than this is no late packet.
const MAX_MISORDER: i64 = 100;

/// RFC 3550 A.1: what is farther ahead is no loss.
const MAX_DROPOUT: i64 = 3000;

/// Extended numbers start one wrap up, so that a late packet from before the first has one too.
const BASE: u64 = 1 << 16;
