//! PCM as a track of ours.

use trunkline_media::SampleRate;
use trunkline_media::level::audio_level_rfc6464;
use trunkline_media::opus::{Encoder, Voice};

use super::super::{AudioTrack, OpusFrame};
use super::PcmError;

/// 20 ms on the 48 kHz clock of Opus.
const FRAME_48K: u32 = 960;

/// Writes PCM into a track, 20 ms at a time. The caller paces.
pub struct PcmWriter {
    track: AudioTrack,
    encoder: Encoder,
    samples: usize,
}

impl std::fmt::Debug for PcmWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcmWriter")
            .field("track", &self.track)
            .finish_non_exhaustive()
    }
}

impl PcmWriter {
    /// Writes at `rate`: 8, 12, 16, 24 or 48 kHz.
    ///
    /// # Errors
    /// [`PcmError::Rate`] for another rate.
    pub fn new(track: AudioTrack, rate: u32) -> Result<Self, PcmError> {
        Self::with_voice(track, rate, Voice::default())
    }

    /// Writes with other encoder settings.
    ///
    /// # Errors
    /// [`PcmError::Rate`] for a rate Opus does not know.
    pub fn with_voice(track: AudioTrack, rate: u32, voice: Voice) -> Result<Self, PcmError> {
        let refused = PcmError::Rate { rate };
        let hz = SampleRate::new(rate).map_err(|_| refused.clone())?;
        let encoder = Encoder::voice(hz, voice).map_err(|_| refused)?;
        Ok(Self {
            track,
            encoder,
            samples: hz.samples_in_ms(20),
        })
    }

    /// Encodes and sends 20 ms, mono.
    ///
    /// # Errors
    /// [`PcmError`] for a frame of another length or a track that is over.
    pub fn write_20ms(&mut self, samples: &[i16]) -> Result<(), PcmError> {
        if samples.len() != self.samples {
            return Err(PcmError::FrameSize {
                len: samples.len(),
                expected: self.samples,
            });
        }
        let payload = self.encoder.encode(samples).map_err(|_| PcmError::Codec)?;
        let level = i8::try_from(audio_level_rfc6464(samples)).ok();
        let sent = self.track.send(OpusFrame {
            payload,
            duration_48k: FRAME_48K,
            level,
        });
        if sent { Ok(()) } else { Err(PcmError::Closed) }
    }

    /// Samples in 20 ms.
    pub const fn frame_samples(&self) -> usize {
        self.samples
    }

    /// The track written to.
    pub const fn track(&self) -> &AudioTrack {
        &self.track
    }
}
