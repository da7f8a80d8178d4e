//! Silence for a track that sends nothing yet.

use std::sync::Arc;
use std::time::Instant;

use crate::peer::{Codec, RtpIn};

use super::Sfu;
use super::opening::FRAMES_A_SECOND;
use super::rewrite::Origin;

impl Sfu {
    /// Sends the silence that is due.
    pub(super) fn send_openings(&mut self, now: Instant) {
        for (to, track, count) in self.openings.take(now) {
            let Some(found) = self.tracks.get(&track) else {
                continue;
            };
            let Some((codec, payload)) = silence(&found.info.mime_type) else {
                self.openings.end(to, track);
                continue;
            };
            let rtp = RtpIn {
                mid: found.mid,
                ssrc: 0,
                seq: count.into(),
                timestamp: count * (codec.clock_rate() / FRAMES_A_SECOND),
                marker: false,
                level: Some(SILENT),
                codec,
                payload,
                arrival: now,
                report: None,
            };
            let origin = Origin {
                track: track.0,
                ssrc: 0,
                epoch: found.epoch,
                codec,
            };
            // A subscriber whose section is not there any more has ended, and its opening with it.
            let _dropped = self.forward(to, track, origin, &rtp, now);
        }
    }
}

/// The quietest level of RFC 6464.
const SILENT: i8 = 127;

/// 20 ms of silence.
fn silence(mime: &str) -> Option<(Codec, Arc<[u8]>)> {
    const SAMPLES: usize = 160;
    let is = |codec: Codec| codec.mime().eq_ignore_ascii_case(mime);
    if is(Codec::Opus) {
        Some((Codec::Opus, Arc::from([0xf8, 0xff, 0xfe])))
    } else if is(Codec::Pcmu) {
        Some((Codec::Pcmu, Arc::from([0xff; SAMPLES])))
    } else if is(Codec::Pcma) {
        Some((Codec::Pcma, Arc::from([0xd5; SAMPLES])))
    } else {
        None
    }
}
