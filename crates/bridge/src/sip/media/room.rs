//! To the room: the caller's voice as a track of Opus, encoded or passed on, and at rest while there
//! is nothing to hear.

use bytes::Bytes;
use tracing::warn;
use trunkline_client::room::audio::PcmWriter;
use trunkline_client::room::{AudioTrack, OpusFrame};
use trunkline_media::SampleRate;
use trunkline_media::opus::Voice;
use trunkline_media::opus::packet::{self, Toc};
use trunkline_media::playout::Heard;

pub(super) struct ToRoom {
    track: AudioTrack,
    complexity: u8,
    /// Made anew when the rate of the voice changes.
    writer: Option<(SampleRate, PcmWriter)>,
    /// The shape of the last packet passed on.
    toc: Toc,
    /// Frames without a sound, one after the other.
    quiet: u32,
}

impl ToRoom {
    pub(super) fn new(track: AudioTrack, complexity: u8) -> Self {
        Self {
            track,
            complexity,
            writer: None,
            toc: Toc(SILENT_TOC),
            quiet: 0,
        }
    }

    /// Whether there is something to hear, or was a moment ago.
    pub(super) const fn is_heard(&self) -> bool {
        self.quiet <= TAIL
    }

    /// Encodes 20 ms at `rate`; false once the room is over.
    pub(super) fn write(&mut self, pcm: &[i16], rate: SampleRate, heard: Heard) -> bool {
        let nothing = heard <= Heard::Silence && pcm.iter().all(|sample| *sample == 0);
        if self.rests(nothing) {
            return true;
        }
        if self.writer.as_ref().is_none_or(|(made, _)| *made != rate) {
            let voice = Voice {
                complexity: self.complexity,
                ..Voice::default()
            };
            self.writer = match PcmWriter::with_voice(self.track.clone(), rate.hz(), voice) {
                Ok(writer) => Some((rate, writer)),
                Err(error) => {
                    warn!(%error, "the caller's voice cannot be encoded");
                    None
                }
            };
        }
        self.writer
            .as_mut()
            .is_some_and(|(_, writer)| writer.write_20ms(pcm).is_ok())
    }

    /// Passes a packet on as it is.
    pub(super) fn pass(&mut self, payload: Bytes, ticks: u32, level: i8) -> bool {
        if let Some(first) = payload.first() {
            self.toc = Toc(*first).with_code(0);
        }
        self.quiet = 0;
        // RFC 6464 counts downwards.
        let level = Some(level.saturating_neg());
        self.send(payload, ticks, level)
    }

    /// Time without a packet: a frame in which nothing is coded makes its listeners conceal a loss,
    /// and keeps silence as long as it was.
    pub(super) fn gap(&mut self, ticks: u32, meant: bool) -> bool {
        if self.rests(meant) {
            return true;
        }
        let frame = self.toc.frame_48k().max(120);
        let payload = Bytes::copy_from_slice(&[self.toc.0]);
        (0..(ticks / frame).clamp(1, MOST_FRAMES)).all(|_| self.send(payload.clone(), frame, None))
    }

    /// Rests after a while without a sound, but for a sign of life now and then, as a codec does that
    /// sends discontinuously.
    fn rests(&mut self, nothing: bool) -> bool {
        self.quiet = if nothing {
            self.quiet.saturating_add(1)
        } else {
            0
        };
        self.quiet > TAIL && !self.quiet.is_multiple_of(SIGN_OF_LIFE)
    }

    fn send(&self, payload: Bytes, duration_48k: u32, level: Option<i8>) -> bool {
        debug_assert!(packet::duration_samples_48k(&payload).is_some());
        self.track.send(OpusFrame {
            payload,
            duration_48k,
            level,
        })
    }
}

/// Full band, 20 ms, mono, one frame.
const SILENT_TOC: u8 = 0xf8;

/// Frames of silence that are sent before rest: what a listener's buffer holds is heard to its end.
const TAIL: u32 = 12;

/// One frame in so many is sent at rest: 400 ms, as libopus has it.
const SIGN_OF_LIFE: u32 = 20;

/// No loss that is concealed lasts longer than this many frames.
const MOST_FRAMES: u32 = 48;
