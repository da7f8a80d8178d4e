//! Where a packet belongs: endless numbers and times for the packets of one sender, who may change
//! its SSRC, count from elsewhere, or have a clock that jumps or stands still.
//!
//! Numbers and times are those of the first stream. What follows it, or jumps, is shifted so that it
//! goes on where that one stopped, and nobody behind notices.

use super::Packet;
use super::unwrap::{Clock, NANOS, Sequence, Ticks, low16, low32};

/// Follows one sender.
#[derive(Debug)]
pub(super) struct Numbers {
    clock: Clock,
    newest: Option<Newest>,
    /// A packet that did not fit, and when it came.
    suspect: Option<(Packet, i64)>,
    resets: u64,
}

/// The youngest packet by sequence number.
#[derive(Clone, Copy, Debug)]
struct Newest {
    ssrc: u32,
    /// The youngest number of any packet.
    seq: i64,
    /// Bit `n` says that `seq - n` was here.
    seen: u128,
    /// The youngest packet of sound.
    voice: i64,
    ticks: i64,
    duration: i64,
    arrival: i64,
    /// Packets without sound behind it.
    passed: i64,
    seq_shift: u16,
    tick_shift: u32,
}

/// A number and a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) ticks: i64,
    /// A younger packet was here before.
    pub(super) reordered: bool,
}

/// What is known of a packet.
#[derive(Debug)]
pub(super) enum Placed {
    /// It belongs there.
    At(Packet, Place),
    /// It was here before.
    Repeated,
    /// It does not fit; the next one will show.
    Suspect,
    /// The sender went elsewhere with the packet before, which belongs there. Ask for this one's
    /// place again.
    Follow {
        earlier: (Packet, i64),
        place: Place,
        packet: Packet,
    },
}

impl Numbers {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            newest: None,
            suspect: None,
            resets: 0,
        }
    }

    /// Times it went along with a new source or a jump.
    pub(super) fn resets(&self) -> u64 {
        self.resets
    }

    pub(super) fn clear(&mut self) {
        self.newest = None;
        self.suspect = None;
    }

    /// Places a packet of sound.
    pub(super) fn place(&mut self, packet: Packet, arrival: i64) -> Placed {
        let Some(newest) = self.newest else {
            let place = Place {
                seq: i64::from(packet.seq) + (1 << 20),
                ticks: i64::from(packet.timestamp),
                reordered: false,
            };
            self.begin(&packet, place, arrival, 0);
            return Placed::At(packet, place);
        };
        if packet.ssrc != newest.ssrc {
            return self.on_stranger(packet, arrival);
        }
        let seq = Sequence(newest.seq).unwrap(packet.seq.wrapping_add(newest.seq_shift));
        let Some((seq, ticks)) = self.fit(&newest, seq, &packet, arrival) else {
            return self.on_stranger(packet, arrival);
        };
        if self.note_seen(seq) {
            return self.on_repeat(&newest, packet, arrival);
        }
        self.suspect = None;
        let reordered = seq < newest.voice;
        if let Some(newest) = self.newest.as_mut().filter(|_| !reordered) {
            (newest.voice, newest.ticks, newest.arrival) = (seq, ticks, arrival);
            newest.duration = i64::from(packet.duration);
            newest.passed = 0;
        }
        let place = Place {
            seq,
            ticks,
            reordered,
        };
        Placed::At(packet, place)
    }

    /// The number of a packet that is no sound, unless it was here before or is none of this sender.
    pub(super) fn pass_over(&mut self, ssrc: u32, seq: u16) -> Option<i64> {
        let newest = self.newest.filter(|newest| newest.ssrc == ssrc)?;
        let seq = Sequence(newest.seq).unwrap(seq.wrapping_add(newest.seq_shift));
        let near = (-MAX_MISORDER..MAX_DROPOUT).contains(&(seq - newest.seq));
        if !near || self.note_seen(seq) {
            return None;
        }
        if let Some(newest) = self.newest.as_mut().filter(|newest| seq > newest.voice) {
            newest.passed += 1;
        }
        Some(seq)
    }

    /// From this packet on the numbers are these.
    fn begin(&mut self, packet: &Packet, place: Place, arrival: i64, seen: u128) {
        self.newest = Some(Newest {
            ssrc: packet.ssrc,
            seq: place.seq,
            seen: seen | 1,
            voice: place.seq,
            ticks: place.ticks,
            duration: i64::from(packet.duration),
            arrival,
            passed: 0,
            seq_shift: low16(place.seq).wrapping_sub(packet.seq),
            tick_shift: low32(place.ticks).wrapping_sub(packet.timestamp),
        });
    }

    /// The number and time of a packet, or nothing if it does not seem to be of this stream. A clock
    /// that jumps or stands while the numbers go on is put right.
    fn fit(
        &mut self,
        newest: &Newest,
        mut seq: i64,
        packet: &Packet,
        arrival: i64,
    ) -> Option<(i64, i64)> {
        let raw = Ticks(newest.ticks).unwrap(packet.timestamp.wrapping_add(newest.tick_shift));
        let moved = raw - newest.ticks;
        let waited = self.clock.ticks(arrival - newest.arrival);
        let step = seq - newest.voice;
        if step <= 0 {
            let lag = self.clock.nanos(waited - moved);
            let late = step >= -MAX_MISORDER && moved <= 0 && lag <= MAX_LAG;
            return late.then_some((seq, raw));
        }
        if step >= MAX_DROPOUT {
            return None;
        }
        let missing = (step - 1 - newest.passed).max(0);
        let expected = newest.duration + missing * i64::from(packet.duration);
        let ahead = self.clock.nanos(moved - expected.max(waited));
        if moved <= 0 || ahead > MAX_AHEAD {
            self.resets += u64::from(moved != 0);
            let ticks = newest.ticks + expected.max(waited);
            if let Some(newest) = &mut self.newest {
                newest.tick_shift = low32(ticks).wrapping_sub(packet.timestamp);
            }
            return Some((seq, ticks));
        }
        if missing > SKIPPED && moved * 2 < expected {
            seq -= missing;
            if let Some(newest) = &mut self.newest {
                newest.seq_shift = low16(seq).wrapping_sub(packet.seq);
            }
        }
        Some((seq, raw))
    }

    /// A network repeats packets at once or among others. Two in a row at the pace of speech, with
    /// nothing new between, are a sender that went a little back.
    fn on_repeat(&mut self, newest: &Newest, packet: Packet, arrival: i64) -> Placed {
        let half = self.clock.nanos(newest.duration) / 2;
        let paced = |since: i64| arrival - since >= half;
        if self
            .suspect
            .as_ref()
            .is_some_and(|(_, since)| paced(*since))
        {
            return self.on_stranger(packet, arrival);
        }
        self.suspect = paced(newest.arrival).then_some((packet, arrival));
        Placed::Repeated
    }

    /// A packet of another source or elsewhere in the numbers is followed when the next one agrees
    /// with it.
    fn on_stranger(&mut self, packet: Packet, arrival: i64) -> Placed {
        let agrees = self.suspect.take().filter(|(earlier, _)| {
            earlier.ssrc == packet.ssrc && (1..=3).contains(&packet.seq.wrapping_sub(earlier.seq))
        });
        let (Some((earlier, since)), Some(newest)) = (agrees, self.newest) else {
            self.suspect = Some((packet, arrival));
            return Placed::Suspect;
        };
        self.resets += 1;
        let waited = self.clock.ticks(since - newest.arrival);
        let place = Place {
            seq: newest.seq + 1,
            ticks: newest.ticks + waited.max(newest.duration),
            reordered: false,
        };
        let seen = newest.seen.checked_shl(1).unwrap_or(0);
        self.begin(&earlier, place, since, seen);
        Placed::Follow {
            earlier: (earlier, since),
            place,
            packet,
        }
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
}

/// A timestamp this much ahead of what sequence and arrival say is another clock's. Less is taken
/// for silence that the sender did not send.
const MAX_AHEAD: i64 = NANOS / 5;

/// What is farther ahead is another stream: RFC 3550 appendix A.1.
const MAX_DROPOUT: i64 = 3_000;

/// What is farther behind is no late packet: RFC 3550 appendix A.1.
const MAX_MISORDER: i64 = 100;

/// A packet older than this is of no use to anybody; two in a row are a sender that counts anew.
const MAX_LAG: i64 = NANOS * 3 / 10;

/// So many packets missing where the clock says that none is: the sender skipped their numbers.
const SKIPPED: i64 = 10;
