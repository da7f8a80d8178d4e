//! What is known of a track of our own.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use rand::Rng;

use crate::peer::Slot;

use super::config::Publish;

/// A pause longer than this moves the timestamp by real time; less is jitter of the caller.
const PAUSE: Duration = Duration::from_millis(200);

/// A track of ours.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) wanted: Publish,
    pub(super) stage: Stage,
    pub(super) cid: String,
    pub(super) muted: bool,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// Not announced in this session yet.
    Wanted,
    /// Announced; the server answers by the deadline.
    Announced { deadline: Instant },
    /// Accepted; waiting for the description to be agreed on.
    Accepted { info: proto::TrackInfo, slot: Slot },
    /// On the air.
    Published { info: proto::TrackInfo, slot: Slot },
}

/// Sequence and timestamp of one section. They go on when another track takes the section over,
/// because its source, and with it SRTP's packet index, stays the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct SendClock {
    seq: u64,
    timestamp: u32,
    expected: Option<Instant>,
}

impl SendClock {
    pub(super) fn new(rng: &mut impl Rng) -> Self {
        Self {
            seq: rng.random_range(1..0x7fff),
            timestamp: rng.random(),
            expected: None,
        }
    }

    /// Numbers for a packet of this duration; true if it follows a pause.
    pub(super) fn next(&mut self, duration_48k: u32, now: Instant) -> (u64, u32, bool) {
        let pause = self.expected.map(|at| now.saturating_duration_since(at));
        let paused = pause.filter(|p| *p > PAUSE);
        if let Some(pause) = paused {
            let ticks = u32::try_from(pause.as_micros() * 48 / 1000).unwrap_or(u32::MAX / 2);
            self.timestamp = self.timestamp.wrapping_add(ticks);
        }
        let first = self.expected.is_none() || paused.is_some();
        let out = (self.seq, self.timestamp, first);
        self.seq += 1;
        self.timestamp = self.timestamp.wrapping_add(duration_48k);
        let duration = Duration::from_micros(u64::from(duration_48k) * 1000 / 48);
        let base = if first {
            now
        } else {
            self.expected.unwrap_or(now)
        };
        self.expected = Some((base + duration).max(now));
        out
    }
}

impl Local {
    /// A new session: announce again, under new names and with a new source.
    pub(super) fn start_over(&mut self) {
        self.stage = Stage::Wanted;
    }

    pub(super) fn info(&self) -> Option<&proto::TrackInfo> {
        match &self.stage {
            Stage::Accepted { info, .. } | Stage::Published { info, .. } => Some(info),
            Stage::Wanted | Stage::Announced { .. } => None,
        }
    }

    pub(super) fn slot(&self) -> Option<Slot> {
        match &self.stage {
            Stage::Accepted { slot, .. } | Stage::Published { slot, .. } => Some(*slot),
            Stage::Wanted | Stage::Announced { .. } => None,
        }
    }

    #[expect(deprecated, reason = "older servers read the flat fields")]
    pub(super) fn request(&self) -> proto::AddTrackRequest {
        let mut features = Vec::new();
        if self.wanted.stereo {
            features.push(proto::AudioTrackFeature::TfStereo as i32);
        }
        if self.wanted.disable_dtx {
            features.push(proto::AudioTrackFeature::TfNoDtx as i32);
        }
        proto::AddTrackRequest {
            cid: self.cid.clone(),
            name: self.wanted.name.clone(),
            r#type: proto::TrackType::Audio as i32,
            source: self.wanted.source as i32,
            muted: self.muted,
            stereo: self.wanted.stereo,
            disable_dtx: self.wanted.disable_dtx,
            disable_red: true,
            audio_features: features,
            ..Default::default()
        }
    }
}
