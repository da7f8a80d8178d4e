//! Packets to keys. A press is known by SSRC, timestamp and code, and is over with its end; repeats,
//! late packets, a missing end, a marker anywhere or nowhere do no harm, and each press is told once.
//!
//! Senders that do not keep to RFC 4733 are understood where it costs nothing: a timestamp used
//! again for the next press, one that creeps along within a press, ends alone without a beginning,
//! a new SSRC or other numbers from one press to the next, or the very same ones.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rtp::Header;

/// A key went down or up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEvent {
    /// It went down.
    Down(char),
    /// It went up after this long.
    Up(char, Duration),
}

/// Follows the keys of one phone, whichever streams they come in.
#[derive(Debug, Default)]
pub struct Receiver {
    current: Option<Press>,
    /// Presses that are over, latest last, so that their repeats are known.
    recent: VecDeque<Press>,
    /// What looks like an old packet of the last press of this key, or like the first of another by a
    /// sender that counts from the same numbers at each press: the next packet tells.
    suspect: Option<Press>,
}

/// One press of a key, as far as it is known.
#[derive(Clone, Copy, Debug)]
struct Press {
    key: char,
    ssrc: u32,
    timestamp: u32,
    /// The youngest packet's.
    sequence: u16,
    /// Ticks of earlier segments of a long press.
    before: u32,
    duration: u16,
    clock: u32,
    ended: bool,
    heard: Instant,
}

/// What a packet means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// A press that was not known.
    New,
    /// The current one goes on.
    Current,
    /// One that is over goes on or is repeated.
    Known,
}

impl Receiver {
    /// Nothing pressed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a telephone-event packet, whose event clock runs at `clock`. Several events in one
    /// packet follow each other (RFC 4733 2.3).
    pub fn on_packet(
        &mut self,
        header: &Header,
        payload: &[u8],
        clock: u32,
        now: Instant,
    ) -> Vec<KeyEvent> {
        let mut told = Vec::new();
        let mut timestamp = header.timestamp;
        let mut first = true;
        for block in payload.chunks_exact(4) {
            let [event, flags, high, low] = *block else {
                break;
            };
            let (ended, reserved) = (flags & 0x80 != 0, flags & 0x40 != 0);
            let duration = u16::from_be_bytes([high, low]);
            // What follows the first is an event, or what some phones pad with.
            if !first && (duration == 0 || reserved) {
                break;
            }
            if let Some(key) = super::digit(event) {
                let press = Press {
                    key,
                    ssrc: header.ssrc,
                    timestamp,
                    sequence: header.sequence,
                    before: 0,
                    duration,
                    clock: clock.max(1),
                    ended,
                    heard: now,
                };
                self.on_press(press, &mut told);
            }
            if !ended {
                break;
            }
            timestamp = timestamp.wrapping_add(u32::from(duration));
            first = false;
        }
        told
    }

    /// All three end packets may be lost: after a pause the key counts as up.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<KeyEvent> {
        let stale = self.poll_timeout().is_some_and(|at| at <= now);
        if stale { self.release() } else { None }
    }

    /// When to look again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.current
            .as_ref()
            .map(|current| current.heard + LOST_END)
    }

    fn on_press(&mut self, press: Press, told: &mut Vec<KeyEvent>) {
        match self.meaning(&press) {
            Meaning::Known => return,
            Meaning::Current => {}
            Meaning::New => {
                told.extend(self.release());
                told.push(KeyEvent::Down(press.key));
                self.current = Some(Press {
                    ended: false,
                    ..press
                });
            }
        }
        if press.ended {
            if let Some(current) = &mut self.current {
                current.ended = true;
            }
            told.extend(self.release());
        }
    }

    fn meaning(&mut self, press: &Press) -> Meaning {
        if let Some(current) = &mut self.current
            && current.takes(press)
        {
            return Meaning::Current;
        }
        if let Some(current) = self.current.filter(|current| current.moves_to(press)) {
            // What is still on its way from the old stream is known.
            self.remember(current);
            self.current = Some(Press {
                ended: current.ended,
                before: current.before,
                ..*press
            });
            return Meaning::Current;
        }
        let same = |known: &&mut Press| {
            known.is_same(press) || known.creeps_on(press) || known.ended && known.moves_to(press)
        };
        if let Some(known) = self.recent.iter_mut().rev().find(same) {
            let suspect = self.suspect.take();
            if !known.repeated_by(press) || suspect.is_some_and(|first| first.leads_to(press)) {
                return Meaning::New;
            }
            if known.might_begin_again(press) {
                self.suspect = Some(*press);
                return Meaning::Known;
            }
            known.heard = press.heard;
            known.duration = known.duration.max(press.duration);
            return Meaning::Known;
        }
        let mut known = self.recent.iter().chain(&self.current);
        if known.any(|known| known.is_after(press)) {
            return Meaning::Known;
        }
        Meaning::New
    }

    fn remember(&mut self, press: Press) {
        self.recent.retain(|known| !known.is_same(&press));
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(press);
    }

    fn release(&mut self) -> Option<KeyEvent> {
        let press = self.current.take()?;
        self.remember(press);
        let ticks = u64::from(press.before) + u64::from(press.duration);
        let micros = ticks * 1_000_000 / u64::from(press.clock);
        Some(KeyEvent::Up(press.key, Duration::from_micros(micros)))
    }
}

impl Press {
    fn is_same(&self, other: &Self) -> bool {
        (self.ssrc, self.timestamp, self.key) == (other.ssrc, other.timestamp, other.key)
    }

    /// Packets from this one's youngest to the other, negative for one that is older.
    fn step(&self, other: &Self) -> i16 {
        other.sequence.wrapping_sub(self.sequence).cast_signed()
    }

    fn since(&self, other: &Self) -> Duration {
        other.heard.saturating_duration_since(self.heard)
    }

    /// Goes on with a packet, if it is one of this press, which is not over.
    fn takes(&mut self, next: &Self) -> bool {
        let newer = self.step(next) > 0;
        if self.is_same(next) {
            // The timestamp may have been used again, with the ends between lost.
            if newer && next.duration < self.duration && self.since(next) >= PAUSE {
                return false;
            }
        } else if newer && self.next_segment(next) {
            self.before = self.before.saturating_add(u32::from(self.duration));
            self.timestamp = next.timestamp;
            self.duration = 0;
        } else if self.creeps_on(next) && (next.ended || next.duration > self.duration) {
            self.timestamp = next.timestamp;
        } else {
            return false;
        }
        if newer {
            self.sequence = next.sequence;
        }
        self.duration = self.duration.max(next.duration);
        self.heard = next.heard;
        true
    }

    /// A press longer than its duration can say goes on as an event of its own, right behind
    /// (RFC 4733 2.5.1.3).
    fn next_segment(&self, next: &Self) -> bool {
        let end = self.timestamp.wrapping_add(u32::from(self.duration));
        let gap = next
            .timestamp
            .wrapping_sub(end)
            .cast_signed()
            .unsigned_abs();
        (self.ssrc, self.key) == (next.ssrc, next.key)
            && self.duration >= LONG_SEGMENT
            && gap <= self.clock / 8
    }

    /// The same press of a sender whose timestamp follows the clock instead of standing.
    fn creeps_on(&self, next: &Self) -> bool {
        (self.ssrc, self.key) == (next.ssrc, next.key)
            && self.step(next) > 0
            && next.duration >= self.duration
            && self.since(next) <= CREEP
            && (!self.ended || next.ended)
    }

    /// The call went over to another stream while the key was held or went up: no press begins where
    /// this one stopped.
    fn moves_to(&self, next: &Self) -> bool {
        let repeats = next.ended && next.duration == self.duration;
        let goes_on = next.duration > self.duration && !self.ended;
        self.ssrc != next.ssrc
            && self.key == next.key
            && (goes_on || repeats)
            && self.since(next) <= CREEP
    }

    /// This press is over. Does a packet that looks like one of it belong to it?
    fn repeated_by(&self, next: &Self) -> bool {
        if self.step(next) <= 0 {
            // Nothing is under way for so long, and what lost its beginning is an end.
            return !(self.ended && next.ended && self.since(next) > LOST_END);
        }
        match (self.ended, next.ended) {
            (true, true) => self.since(next) <= LOST_END,
            (true, false) => false,
            // It was given up during a long loss and is still held.
            (false, _) => next.duration >= self.duration,
        }
    }

    /// This press is over, and the other has no later number. Is it so short, after a pause, as only
    /// the beginning of a press is?
    fn might_begin_again(&self, next: &Self) -> bool {
        !next.ended && next.duration <= self.duration / 2 && self.since(next) >= SHORTEST_GAP
    }

    /// Does the other go on with what this one seemed to begin?
    fn leads_to(&self, next: &Self) -> bool {
        let is_longer = next.ended || next.duration > self.duration;
        self.is_same(next)
            && (1..=2).contains(&self.step(next))
            && is_longer
            && self.since(next) < LOST_END
    }

    /// Is the other one late, from before this one? At the same time it is none that was missed, but
    /// another key of a sender that uses its timestamps again.
    fn is_after(&self, other: &Self) -> bool {
        let late = other.timestamp.wrapping_sub(self.timestamp).cast_signed() < 0;
        self.ssrc == other.ssrc
            && late
            && (-MAX_MISORDER..=0).contains(&self.step(other))
            && self.since(other) <= LATEST
    }
}

/// Longer than the pauses of any sender that still holds the key, and than those between ends.
const LOST_END: Duration = Duration::from_millis(200);

/// Packets of one press are never this far apart unless some got lost.
const PAUSE: Duration = Duration::from_millis(80);

/// Packets of one press are mostly no farther apart than this; presses are.
const CREEP: Duration = Duration::from_millis(60);

/// Between two presses of a key there is more, and a packet overtaken by an end is not later.
const SHORTEST_GAP: Duration = Duration::from_millis(40);

/// A segment shorter than this was no reason to begin another: 4 s at 8 kHz.
const LONG_SEGMENT: u16 = 0x8000;

/// RFC 3550 A.1: what is farther behind is no late packet.
const MAX_MISORDER: i16 = 100;

/// A packet later than this is none of any network.
const LATEST: Duration = Duration::from_secs(2);

/// Presses whose repeats are known: more than can be on their way at once.
const REMEMBERED: usize = 16;
