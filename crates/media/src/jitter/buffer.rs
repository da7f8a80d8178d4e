use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::estimate::Estimator;
use super::unwrap::{Sequence, Ticks};
use super::{Config, Inserted, Packet, Playout, Stats};

const NANOS: i64 = 1_000_000_000;
/// A step of the timestamp against the clock of more than this is another timeline.
const MAX_TIME_JUMP: i64 = 2 * NANOS;
/// A step of the sequence number of more than this is another stream: RFC 3550 appendix A.1.
const MAX_SEQ_JUMP: i64 = 3_000;
/// Running dry for longer than this ends the talk spurt.
const MAX_DRY: i64 = NANOS / 2;
/// Pulls with too much delay before the consumer is asked to hurry, and between two requests.
const PATIENCE: u32 = 10;
/// Spare delay beyond one packet that is worth taking out.
const SPARE: i64 = NANOS / 200;

/// The buffer; see the module's description.
#[derive(Debug)]
pub struct JitterBuffer {
    config: Config,
    origin: Option<Instant>,
    newest: Option<Newest>,
    suspect: Option<(Packet, i64)>,
    queue: BTreeMap<i64, Entry>,
    cursor: Option<Cursor>,
    estimator: Estimator,
    patience: u32,
    stats: Stats,
}

/// The youngest packet by sequence number.
#[derive(Clone, Copy, Debug)]
struct Newest {
    ssrc: u32,
    seq: i64,
    ticks: i64,
    arrival: i64,
    /// Bit `n` says that `seq - n` was here.
    seen: u128,
}

#[derive(Debug)]
struct Entry {
    ticks: i64,
    packet: Packet,
}

/// What should be played next.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    seq: i64,
    ticks: i64,
    /// Length of the last packet.
    duration: u32,
    /// Ticks bridged since the queue ran dry, not yet accounted to a packet.
    bridged: i64,
    playing: bool,
}

impl JitterBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let config = Config {
            clock_hz: config.clock_hz.max(1_000),
            ..config
        };
        let estimator = Estimator::new(nanos(config.min_delay), nanos(config.max_delay));
        Self {
            config,
            origin: None,
            newest: None,
            suspect: None,
            queue: BTreeMap::new(),
            cursor: None,
            estimator,
            patience: 0,
            stats: Stats::default(),
        }
    }

    /// Takes a packet that arrived at `arrival`.
    pub fn insert(&mut self, packet: Packet, arrival: Instant) -> Inserted {
        self.stats.received += 1;
        let arrival = self.since_origin(arrival);
        let Some(newest) = self.newest else {
            self.start_over(packet, arrival);
            return Inserted::Queued;
        };
        let seq = Sequence(newest.seq).unwrap(packet.seq);
        let ticks = Ticks(newest.ticks).unwrap(packet.timestamp);
        if packet.ssrc != newest.ssrc || self.jumps(&newest, seq, ticks, arrival) {
            return self.on_stranger(packet, arrival);
        }
        self.suspect = None;
        if self.note_seen(seq) {
            self.stats.duplicate += 1;
            return Inserted::Duplicate;
        }
        if self.queue.is_empty() && self.cursor.is_some_and(|cursor| !cursor.playing) {
            // The sender may have paused its clock as well: old transit times prove nothing now.
            self.estimator.restart();
        }
        self.estimator.record(arrival - self.to_nanos(ticks));
        if self.cursor.is_some_and(|cursor| seq < cursor.seq) {
            self.stats.late += 1;
            return Inserted::Late;
        }
        if seq < newest.seq {
            self.stats.reordered += 1;
        } else {
            self.advance_newest(seq, ticks, arrival);
        }
        self.queue.insert(seq, Entry { ticks, packet });
        self.bound_queue();
        Inserted::Queued
    }

    /// Says what to play at `now`. Call it when the last answer has been played out.
    pub fn pull(&mut self, now: Instant) -> Playout {
        let now = self.since_origin(now);
        if !self.cursor.is_some_and(|cursor| cursor.playing) && !self.try_start(now) {
            return Playout::Empty;
        }
        self.drop_overdue(now);
        loop {
            let Some(mut cursor) = self.cursor else {
                return Playout::Empty;
            };
            let Some((&seq, entry)) = self.queue.first_key_value() else {
                return self.bridge(cursor);
            };
            let (ticks, missing) = (entry.ticks, seq - cursor.seq);
            if missing <= 0 {
                return self.play_or_wait(cursor, ticks, now);
            }
            let step = self.lost_step(&cursor, missing, ticks);
            cursor.seq += 1;
            cursor.ticks += i64::from(step);
            self.stats.lost += 1;
            let already_bridged = cursor.bridged >= i64::from(step);
            if already_bridged {
                cursor.bridged -= i64::from(step);
            }
            self.cursor = Some(cursor);
            if !already_bridged {
                let fec = (missing == 1)
                    .then(|| self.queue.get(&seq).map(|next| next.packet.payload.clone()))
                    .flatten();
                return Playout::Lost {
                    duration: step,
                    fec,
                };
            }
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            target: duration(self.estimator.target()),
            ..self.stats
        }
    }

    /// Packets waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets everything but the counters and the target, as when a track is muted.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.cursor = None;
        self.newest = None;
        self.suspect = None;
        self.estimator.restart();
    }

    fn start_over(&mut self, packet: Packet, arrival: i64) {
        let (seq, ticks) = (
            i64::from(packet.seq) + (1 << 20),
            i64::from(packet.timestamp),
        );
        self.stats.dropped += self.queue.len() as u64;
        self.clear();
        self.newest = Some(Newest {
            ssrc: packet.ssrc,
            seq,
            ticks,
            arrival,
            seen: 1,
        });
        self.estimator.record(arrival - self.to_nanos(ticks));
        self.queue.insert(seq, Entry { ticks, packet });
    }

    /// A packet of another source or time starts over only when the next one agrees with it.
    fn on_stranger(&mut self, packet: Packet, arrival: i64) -> Inserted {
        let agrees = self.suspect.take().filter(|(earlier, _)| {
            earlier.ssrc == packet.ssrc && packet.seq.wrapping_sub(earlier.seq) <= 3
        });
        match agrees {
            Some((earlier, earlier_arrival)) if earlier.seq != packet.seq => {
                self.stats.resets += 1;
                self.start_over(earlier, earlier_arrival);
                let Some(newest) = self.newest else {
                    return Inserted::Reset;
                };
                let seq = Sequence(newest.seq).unwrap(packet.seq);
                let ticks = Ticks(newest.ticks).unwrap(packet.timestamp);
                self.note_seen(seq);
                self.advance_newest(seq, ticks, arrival);
                self.estimator.record(arrival - self.to_nanos(ticks));
                self.queue.insert(seq, Entry { ticks, packet });
                Inserted::Reset
            }
            _ => {
                self.suspect = Some((packet, arrival));
                Inserted::Suspect
            }
        }
    }

    fn jumps(&self, newest: &Newest, seq: i64, ticks: i64, arrival: i64) -> bool {
        let by_time = self.to_nanos(ticks - newest.ticks) - (arrival - newest.arrival);
        (seq - newest.seq).abs() > MAX_SEQ_JUMP || by_time.abs() > MAX_TIME_JUMP
    }

    /// Marks a sequence number as seen and says whether it was before.
    fn note_seen(&mut self, seq: i64) -> bool {
        let Some(newest) = &mut self.newest else {
            return false;
        };
        let age = newest.seq - seq;
        match u32::try_from(age) {
            Ok(age) if age < u128::BITS => {
                let bit = 1_u128 << age;
                let before = newest.seen & bit != 0;
                newest.seen |= bit;
                before
            }
            Ok(_) => false,
            Err(_) => {
                let ahead = u32::try_from(-age).unwrap_or(u32::MAX);
                newest.seen = newest.seen.checked_shl(ahead).unwrap_or(0) | 1;
                newest.seq = seq;
                false
            }
        }
    }

    fn advance_newest(&mut self, seq: i64, ticks: i64, arrival: i64) {
        if let Some(newest) = &mut self.newest {
            (newest.seq, newest.ticks, newest.arrival) = (seq, ticks, arrival);
        }
    }

    fn bound_queue(&mut self) {
        while self.queue.len() > self.config.capacity.max(1) {
            if let Some((seq, entry)) = self.queue.pop_first() {
                self.stats.dropped += 1;
                self.skip_past(seq, &entry);
            }
        }
    }

    fn skip_past(&mut self, seq: i64, entry: &Entry) {
        if let Some(cursor) = &mut self.cursor {
            cursor.seq = seq + 1;
            cursor.ticks = entry.ticks + i64::from(entry.packet.duration);
            cursor.bridged = 0;
        }
    }

    /// Begins a talk spurt once its first packet has waited for the target delay.
    fn try_start(&mut self, now: i64) -> bool {
        let Some((&seq, entry)) = self.queue.first_key_value() else {
            return false;
        };
        if now < self.due(entry.ticks) {
            return false;
        }
        let cursor = Cursor {
            seq,
            ticks: entry.ticks,
            duration: entry.packet.duration,
            bridged: 0,
            playing: true,
        };
        self.cursor = Some(cursor);
        true
    }

    /// After a stall, throws away what would be played later than the longest delay allows.
    fn drop_overdue(&mut self, now: i64) {
        let limit = nanos(self.config.max_delay).max(nanos(self.config.min_delay));
        let overdue = |entry: &Entry, this: &Self| this.delay_of(entry.ticks, now) > limit;
        if !self
            .queue
            .first_key_value()
            .is_some_and(|(_, entry)| overdue(entry, self))
        {
            return;
        }
        while let Some(first) = self.queue.first_entry() {
            let ticks = first.get().ticks;
            if self.queue.len() <= 1 || self.delay_of(ticks, now) <= self.estimator.target() {
                break;
            }
            if let Some((seq, entry)) = self.queue.pop_first() {
                self.stats.dropped += 1;
                self.skip_past(seq, &entry);
            }
        }
        // The packets between were dropped with their time: the next one follows at once.
        if let (Some(cursor), Some((&seq, entry))) =
            (&mut self.cursor, self.queue.first_key_value())
        {
            (cursor.seq, cursor.ticks) = (seq, entry.ticks);
        }
    }

    /// The queue is empty: bridge for a while, then end the talk spurt.
    fn bridge(&mut self, mut cursor: Cursor) -> Playout {
        if cursor.bridged == 0 {
            self.stats.bridged += 1;
        }
        cursor.bridged += i64::from(cursor.duration.max(1));
        cursor.playing = self.to_nanos(cursor.bridged) <= MAX_DRY;
        if !cursor.playing {
            cursor.bridged = 0;
        }
        self.cursor = Some(cursor);
        if cursor.playing {
            Playout::Bridge {
                duration: cursor.duration,
            }
        } else {
            Playout::Empty
        }
    }

    /// The next packet in sequence is here: is it its time?
    fn play_or_wait(&mut self, mut cursor: Cursor, ticks: i64, now: i64) -> Playout {
        let frame = self.to_nanos(i64::from(cursor.duration));
        let gap = ticks - cursor.ticks - cursor.bridged;
        if gap > 0 && now + frame / 2 < self.due(ticks) {
            let duration = u32::try_from(gap)
                .unwrap_or(u32::MAX)
                .min(cursor.duration.max(1));
            cursor.ticks += i64::from(duration);
            self.cursor = Some(cursor);
            return Playout::Silence { duration };
        }
        let short = self.estimator.target() - self.delay_of(ticks, now);
        if short > frame / 2 && cursor.bridged == 0 {
            cursor.bridged = i64::from(cursor.duration);
            self.cursor = Some(cursor);
            return Playout::Bridge {
                duration: cursor.duration,
            };
        }
        let Some((seq, entry)) = self.queue.pop_first() else {
            return Playout::Empty;
        };
        let delay = self.delay_of(ticks, now);
        self.stats.played += 1;
        self.stats.delay = duration(delay);
        let length = entry.packet.duration;
        self.cursor = Some(Cursor {
            seq: seq + 1,
            ticks: ticks + i64::from(length),
            duration: length,
            bridged: 0,
            playing: true,
        });
        let hurry = self.should_hurry(delay - self.estimator.target() > frame + SPARE);
        Playout::Packet {
            packet: entry.packet,
            hurry,
        }
    }

    fn should_hurry(&mut self, spare: bool) -> bool {
        self.patience = if spare { self.patience + 1 } else { 0 };
        let hurry = self.patience >= PATIENCE;
        if hurry {
            self.patience = PATIENCE / 2;
        }
        hurry
    }

    /// Ticks that one of `missing` lost packets took; silence between them stays a gap.
    fn lost_step(&self, cursor: &Cursor, missing: i64, next: i64) -> u32 {
        let average = u32::try_from((next - cursor.ticks) / missing.max(1)).unwrap_or(0);
        if (1..=cursor.duration.saturating_mul(2)).contains(&average) {
            average
        } else {
            cursor.duration.max(1)
        }
    }

    /// When a packet should be played: transit of the fastest, plus the target.
    fn due(&self, ticks: i64) -> i64 {
        self.estimator.base() + self.to_nanos(ticks) + self.estimator.target()
    }

    /// How late a packet would be played now, over the fastest one.
    fn delay_of(&self, ticks: i64, now: i64) -> i64 {
        now - self.estimator.base() - self.to_nanos(ticks)
    }

    fn since_origin(&mut self, at: Instant) -> i64 {
        let origin = *self.origin.get_or_insert(at);
        match at.checked_duration_since(origin) {
            Some(after) => nanos(after),
            None => -nanos(origin - at),
        }
    }

    fn to_nanos(&self, ticks: i64) -> i64 {
        let nanos = i128::from(ticks) * i128::from(NANOS) / i128::from(self.config.clock_hz);
        i64::try_from(nanos).unwrap_or(if ticks < 0 {
            i64::MIN / 4
        } else {
            i64::MAX / 4
        })
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 4)
}

fn duration(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
