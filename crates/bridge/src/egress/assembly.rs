//! Packets of a room's tracks in, bytes of a file out: the recorder without a room or a disk.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_base::id::TrackSid;
use trunkline_media::ogg::{DualOpusWriter, Options, PushError, Side};
use trunkline_media::opus::packet;
use trunkline_media::timeline::Timeline;

use super::mixdown::{Mixdown, TrackCodec, TrackDecoder};

/// How long a packet may be late. Longer loses less to jitter and more to a killed process.
const HOLD: Duration = Duration::from_millis(400);
/// Packets of a page: half a second, so that page, hold and tick together stay within a second.
const PAGE_PACKETS: u64 = 25;
/// A track that has sent nothing for this long does not count as a second speaker.
const STALE: Duration = Duration::from_secs(2);
/// A gap of this many 48 kHz samples is a moment in which a track may be moved: 100 ms.
const GAP: u32 = 4_800;
/// RFC 6464 level at and below which a packet counts as quiet.
const QUIET: u8 = 60;

/// One packet of a track.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) timestamp: u32,
    pub(super) level: Option<i8>,
    pub(super) payload: Bytes,
    pub(super) arrival: Instant,
}

/// What happened to packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) untouched: u64,
    pub(super) mixed: u64,
    pub(super) late: u64,
    pub(super) refused: u64,
}

struct Track {
    side: Side,
    codec: TrackCodec,
    timeline: Timeline,
    last: Option<(u32, Instant)>,
    decoder: Option<TrackDecoder>,
    /// Its frames do not fit the grid.
    unfit: bool,
}

/// The recording in memory.
pub(super) struct Assembly {
    epoch: Instant,
    writer: DualOpusWriter,
    tracks: BTreeMap<TrackSid, Track>,
    mixes: [Mixdown; 2],
    counts: Counts,
}

impl Assembly {
    /// A file whose first sample is at `epoch`.
    pub(super) fn new(serial: u32, epoch: Instant) -> Self {
        let options = Options {
            serial,
            tags: Vec::new(),
            packets_per_page: PAGE_PACKETS,
        };
        Self {
            epoch,
            writer: DualOpusWriter::new(&options),
            tracks: BTreeMap::new(),
            mixes: [Mixdown::new(), Mixdown::new()],
            counts: Counts::default(),
        }
    }

    pub(super) fn add_track(&mut self, sid: TrackSid, side: Side, codec: TrackCodec) {
        let track = Track {
            side,
            codec,
            timeline: Timeline::new(),
            last: None,
            decoder: None,
            unfit: false,
        };
        self.tracks.insert(sid, track);
    }

    pub(super) fn remove_track(&mut self, sid: &TrackSid) {
        self.tracks.remove(sid);
    }

    /// Places a packet of a track.
    pub(super) fn packet(&mut self, sid: &TrackSid, packet: &Incoming) {
        let alone = self.speaks_alone(sid, packet.arrival);
        let Some(track) = self.tracks.get_mut(sid) else {
            return;
        };
        let ticks = packet.timestamp.wrapping_mul(track.codec.ticks_48k());
        let quiet = track.is_quiet(ticks, packet);
        track.last = Some((ticks, packet.arrival));
        let arrival = packet.arrival.saturating_duration_since(self.epoch);
        let at = track.timeline.place(ticks, arrival, quiet);
        if alone && track.codec == TrackCodec::Opus && !track.unfit {
            track.decoder = None;
            match self.writer.push(track.side, at, &packet.payload) {
                Ok(()) => self.counts.untouched += 1,
                Err(PushError::Late) => self.counts.late += 1,
                Err(PushError::BadPacket(_) | PushError::Far) => self.counts.refused += 1,
                Err(PushError::Unfit) => {
                    track.unfit = true;
                    self.mix_in(sid, at, packet);
                }
            }
            return;
        }
        self.mix_in(sid, at, packet);
    }

    /// Closes what is older than the time packets may be late, and returns whole pages.
    pub(super) fn advance(&mut self, now: Instant) -> Vec<u8> {
        let until = self.position(now.checked_sub(HOLD).unwrap_or(now));
        self.advance_to(until);
        self.writer.take()
    }

    /// Ends the file at `now` and returns the rest of it.
    pub(super) fn finish(&mut self, now: Instant) -> Vec<u8> {
        let until = self.position(now);
        self.advance_to(until);
        self.writer.finish();
        self.writer.take()
    }

    /// How long the file plays so far.
    pub(super) fn played(&self) -> Duration {
        Duration::from_micros(self.writer.played_48k() * 1_000 / 48)
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether any packet went in.
    pub(super) fn has_sound(&self) -> bool {
        self.counts.untouched + self.counts.mixed > 0
    }

    fn advance_to(&mut self, until: u64) {
        for (mix, side) in self.mixes.iter_mut().zip([Side::Left, Side::Right]) {
            mix.write(until, side, &mut self.writer);
        }
        self.writer.advance(until);
    }

    /// Whether no other track of the same side has sent anything lately.
    fn speaks_alone(&self, sid: &TrackSid, now: Instant) -> bool {
        let Some(side) = self.tracks.get(sid).map(|track| track.side) else {
            return true;
        };
        !self.tracks.iter().any(|(other, track)| {
            let lately = track
                .last
                .is_some_and(|(_, at)| now.saturating_duration_since(at) < STALE);
            other != sid && track.side == side && lately
        })
    }

    fn mix_in(&mut self, sid: &TrackSid, at: u64, packet: &Incoming) {
        let Some(track) = self.tracks.get_mut(sid) else {
            return;
        };
        if track.decoder.is_none() {
            track.decoder = TrackDecoder::new(track.codec);
        }
        let pcm = track
            .decoder
            .as_mut()
            .and_then(|decoder| decoder.decode(&packet.payload));
        let mix = match track.side {
            Side::Left => &mut self.mixes[0],
            Side::Right => &mut self.mixes[1],
        };
        match pcm {
            Some(pcm) => {
                mix.add(at, &pcm);
                self.counts.mixed += 1;
            }
            None => self.counts.refused += 1,
        }
    }

    fn position(&self, at: Instant) -> u64 {
        let micros = at.saturating_duration_since(self.epoch).as_micros();
        u64::try_from(micros * 48 / 1_000).unwrap_or(u64::MAX)
    }
}

impl Track {
    /// Whether the track may be moved at this packet without anybody hearing it.
    fn is_quiet(&self, ticks: u32, packet: &Incoming) -> bool {
        let low = packet
            .level
            .is_some_and(|level| level.unsigned_abs() >= QUIET);
        let after_gap = self
            .last
            .is_some_and(|(last, _)| ticks.wrapping_sub(last) > GAP);
        let dtx = self.codec == TrackCodec::Opus && packet::is_dtx(&packet.payload);
        low || after_gap || dtx
    }
}
