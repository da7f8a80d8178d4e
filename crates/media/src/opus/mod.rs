//! Opus for telephone voice, over libopus.
//!
//! The codec takes and gives 8, 16, 24 or 48 kHz, so a G.711 leg needs no resampler: the encoder is
//! opened at 8 kHz and the decoder asked for 8 kHz. The RTP clock is 48 kHz whatever the rate.

mod decoder;
mod encoder;
pub mod packet;

pub use decoder::Decoder;
pub use encoder::{Application, Encoder, Voice};

use crate::SampleRate;

/// The clock of Opus timestamps and durations.
pub const CLOCK_HZ: u32 = 48_000;

/// Why the codec refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    /// libopus works at 8, 12, 16, 24 and 48 kHz only.
    #[error("opus does not work at {0}")]
    Rate(SampleRate),
    /// A frame must last 2.5, 5, 10, 20, 40 or 60 ms.
    #[error("{samples} samples at {rate} are no opus frame")]
    FrameLength {
        /// Samples given.
        samples: usize,
        /// The codec's rate.
        rate: SampleRate,
    },
    /// The bytes are no Opus packet.
    #[error("not an opus packet")]
    BadPacket,
    /// libopus failed for a reason of its own.
    #[error("libopus failed in {call}: {reason}")]
    Library {
        /// The function of libopus.
        call: &'static str,
        /// Its explanation.
        reason: &'static str,
    },
}

impl From<::opus::Error> for OpusError {
    fn from(error: ::opus::Error) -> Self {
        match error.code() {
            ::opus::ErrorCode::InvalidPacket => Self::BadPacket,
            _ => Self::Library {
                call: error.function(),
                reason: error.description(),
            },
        }
    }
}

fn check_rate(rate: SampleRate) -> Result<u32, OpusError> {
    match rate.hz() {
        hz @ (8_000 | 12_000 | 16_000 | 24_000 | 48_000) => Ok(hz),
        _ => Err(OpusError::Rate(rate)),
    }
}

#[cfg(test)]
mod tests;
