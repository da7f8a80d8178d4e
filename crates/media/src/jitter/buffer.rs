use std::time::{Duration, Instant};

use super::estimate::Estimator;
use super::numbers::{Numbers, Place, Placed};
use super::queue::Queue;
use super::unwrap::{Clock, NANOS};
use super::{Config, Inserted, Packet, Playout, Stats};

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
    clock: Clock,
    numbers: Numbers,
    queue: Queue<Entry>,
    cursor: Option<Cursor>,
    estimator: Estimator,
    patience: u32,
    stats: Stats,
}

#[derive(Debug)]
enum Entry {
    Sound {
        ticks: i64,
        packet: Packet,
    },
    /// A packet that takes a number and no time.
    Nothing,
}

impl Entry {
    fn sound(&self) -> Option<(i64, &Packet)> {
        match self {
            Self::Sound { ticks, packet } => Some((*ticks, packet)),
            Self::Nothing => None,
        }
    }
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
    /// The sender sends something else than sound just now.
    passing: bool,
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
        let clock = Clock(config.clock_hz);
        let estimator = Estimator::new(nanos(config.min_delay), nanos(config.max_delay));
        Self {
            config,
            origin: None,
            clock,
            numbers: Numbers::new(clock),
            queue: Queue::new(),
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
        match self.numbers.place(packet, arrival) {
            Placed::At(packet, place) => self.take(packet, place, arrival),
            Placed::Repeated => {
                self.stats.duplicate += 1;
                Inserted::Duplicate
            }
            Placed::Suspect => Inserted::Suspect,
            Placed::Follow {
                earlier: (earlier, since),
                place,
                packet,
            } => {
                self.take(earlier, place, since);
                if let Placed::At(packet, place) = self.numbers.place(packet, arrival) {
                    self.take(packet, place, arrival);
                }
                Inserted::Reset
            }
        }
    }

    /// Takes note of a packet that is no sound, such as one of a telephone key: it takes a sequence
    /// number of its source, and nothing is missing there.
    pub fn pass_over(&mut self, ssrc: u32, seq: u16) {
        let Some(seq) = self.numbers.pass_over(ssrc, seq) else {
            return;
        };
        if self.cursor.is_none_or(|cursor| seq >= cursor.seq) {
            self.queue.insert(seq, Entry::Nothing);
            self.bound_queue();
        }
    }

    /// Says what to play at `now`. Call it when the last answer has been played out.
    pub fn pull(&mut self, now: Instant) -> Playout {
        let now = self.since_origin(now);
        self.pass_nothing();
        if !self.cursor.is_some_and(|cursor| cursor.playing) && !self.try_start(now) {
            return Playout::Empty;
        }
        self.drop_overdue(now);
        loop {
            let Some(mut cursor) = self.cursor else {
                return Playout::Empty;
            };
            let Some((seq, entry)) = self.queue.first() else {
                return self.bridge(cursor);
            };
            let missing = seq - cursor.seq;
            let ticks = match entry {
                Entry::Sound { ticks, .. } => *ticks,
                // Its time is not known; what is missing before it took as long as usual.
                Entry::Nothing => cursor.ticks + missing * i64::from(cursor.duration),
            };
            if missing <= 0 {
                if matches!(entry, Entry::Nothing) {
                    self.pass_nothing();
                    continue;
                }
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
                let next = self.queue.first().filter(|_| missing == 1);
                let next = next.and_then(|(_, entry)| entry.sound());
                let fec = next.map(|(_, next)| next.payload.clone());
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
            resets: self.numbers.resets(),
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
        self.numbers.clear();
        self.estimator.restart();
    }

    fn take(&mut self, packet: Packet, place: Place, arrival: i64) -> Inserted {
        let Place { seq, ticks, .. } = place;
        if self.queue.is_empty() && self.cursor.is_some_and(|cursor| !cursor.playing) {
            // The sender may have paused its clock as well: old transit times prove nothing now.
            self.estimator.restart();
        }
        self.estimator.record(arrival - self.clock.nanos(ticks));
        if self.cursor.is_some_and(|cursor| seq < cursor.seq) {
            self.stats.late += 1;
            return Inserted::Late;
        }
        self.stats.reordered += u64::from(place.reordered);
        self.queue.insert(seq, Entry::Sound { ticks, packet });
        self.bound_queue();
        Inserted::Queued
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
            if let Some((ticks, packet)) = entry.sound() {
                cursor.ticks = ticks + i64::from(packet.duration);
                cursor.bridged = 0;
            }
        }
    }

    /// Packets without sound whose turn has come are gone in no time.
    fn pass_nothing(&mut self) {
        while let Some((seq, entry)) = self.queue.first() {
            let due = self
                .cursor
                .is_none_or(|cursor| !cursor.playing || seq <= cursor.seq);
            if !due || entry.sound().is_some() {
                return;
            }
            self.queue.pop_first();
            if let Some(cursor) = &mut self.cursor {
                cursor.seq = cursor.seq.max(seq + 1);
                cursor.passing = true;
            }
        }
    }

    /// Begins a talk spurt once its first packet has waited for the target delay.
    fn try_start(&mut self, now: i64) -> bool {
        let first = self.queue.first();
        let Some((seq, (ticks, packet))) = first.and_then(|(seq, e)| Some((seq, e.sound()?)))
        else {
            return false;
        };
        if now < self.due(ticks) {
            return false;
        }
        let cursor = Cursor {
            seq,
            ticks,
            duration: packet.duration,
            bridged: 0,
            passing: false,
            playing: true,
        };
        self.cursor = Some(cursor);
        true
    }

    /// After a stall, throws away what would be played later than the longest delay allows.
    fn drop_overdue(&mut self, now: i64) {
        let limit = nanos(self.config.max_delay).max(nanos(self.config.min_delay));
        let first = self.first_sound().map(|(_, ticks)| ticks);
        if first.is_none_or(|ticks| self.delay_of(ticks, now) <= limit) {
            return;
        }
        while let Some((_, first)) = self.queue.first() {
            let ticks = first.sound().map(|(ticks, _)| ticks);
            let kept = |ticks: i64| {
                self.queue.len() <= 1 || self.delay_of(ticks, now) <= self.estimator.target()
            };
            if ticks.is_some_and(kept) {
                break;
            }
            if let Some((seq, entry)) = self.queue.pop_first() {
                self.stats.dropped += u64::from(ticks.is_some());
                self.skip_past(seq, &entry);
            }
        }
        // The packets between were dropped with their time: the next one follows at once.
        if let (Some((seq, ticks)), Some(cursor)) = (self.first_sound(), &mut self.cursor) {
            (cursor.seq, cursor.ticks) = (seq, ticks);
        }
    }

    fn first_sound(&self) -> Option<(i64, i64)> {
        self.queue
            .iter()
            .find_map(|(seq, entry)| Some((seq, entry.sound()?.0)))
    }

    /// The queue is empty: bridge for a while, then end the talk spurt.
    fn bridge(&mut self, mut cursor: Cursor) -> Playout {
        if cursor.bridged == 0 && !cursor.passing {
            self.stats.bridged += 1;
        }
        cursor.bridged += i64::from(cursor.duration.max(1));
        cursor.playing = self.clock.nanos(cursor.bridged) <= MAX_DRY;
        if !cursor.playing {
            cursor.bridged = 0;
        }
        self.cursor = Some(cursor);
        let duration = cursor.duration;
        match (cursor.playing, cursor.passing) {
            (true, false) => Playout::Bridge { duration },
            // Nothing is missing: the sender does something else.
            (true, true) => Playout::Silence { duration },
            (false, _) => Playout::Empty,
        }
    }

    /// The next packet in sequence is here: is it its time?
    fn play_or_wait(&mut self, mut cursor: Cursor, ticks: i64, now: i64) -> Playout {
        let frame = self.clock.nanos(i64::from(cursor.duration));
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
        let Some((seq, Entry::Sound { packet, .. })) = self.queue.pop_first() else {
            return Playout::Empty;
        };
        let delay = self.delay_of(ticks, now);
        self.stats.played += 1;
        self.stats.delay = duration(delay);
        let length = packet.duration;
        self.cursor = Some(Cursor {
            seq: seq + 1,
            ticks: ticks + i64::from(length),
            duration: length,
            bridged: 0,
            passing: false,
            playing: true,
        });
        let hurry = self.should_hurry(delay - self.estimator.target() > frame + SPARE);
        Playout::Packet { packet, hurry }
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
        self.estimator.base() + self.clock.nanos(ticks) + self.estimator.target()
    }

    /// How late a packet would be played now, over the fastest one.
    fn delay_of(&self, ticks: i64, now: i64) -> i64 {
        now - self.estimator.base() - self.clock.nanos(ticks)
    }

    fn since_origin(&mut self, at: Instant) -> i64 {
        let origin = *self.origin.get_or_insert(at);
        match at.checked_duration_since(origin) {
            Some(after) => nanos(after),
            None => -nanos(origin - at),
        }
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 4)
}

fn duration(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
