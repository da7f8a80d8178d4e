//! What a stream carries, and what comes of it.

use crate::g711::Law;
use crate::g722;
use crate::opus::{self, OpusError};
use crate::resample::RatioError;

/// What the packets carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.711, clock 8 kHz.
    G711(Law),
    /// G.722, sampled at 16 kHz and counted at 8 kHz.
    G722,
    /// Opus, clock 48 kHz.
    Opus,
}

/// What a frame is made of; the most alive part of it wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heard {
    /// Nothing was playing: zeroes, or the noise the sender asked for when it fell silent.
    Idle,
    /// The sender is silent on purpose.
    Silence,
    /// Invented.
    Concealed,
    /// As the sender sent it.
    Sound,
}

/// Why a stream cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayoutError {
    /// The decoder does not work at that rate.
    #[error(transparent)]
    Opus(#[from] OpusError),
    /// The telephone rate does not convert to that rate.
    #[error(transparent)]
    Ratio(#[from] RatioError),
}

impl Codec {
    /// Ticks of its RTP clock in a second. G.722 counts as G.711 does (RFC 3551 4.5.2).
    #[must_use]
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::G711(_) => 8_000,
            Self::G722 => g722::CLOCK_HZ,
            Self::Opus => opus::CLOCK_HZ,
        }
    }
}
