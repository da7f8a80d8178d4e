//! The sampling rate as a type, so that it is never swapped with a length or a bit rate.

use std::fmt;
use std::time::Duration;

/// Samples per second of one channel, between 1 kHz and 384 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

/// The rate is outside what audio uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "sample rate {hz} Hz is outside {}..={} Hz",
    SampleRate::MIN_HZ,
    SampleRate::MAX_HZ
)]
pub struct RateError {
    /// The rate that was asked for.
    pub hz: u32,
}

impl SampleRate {
    const MIN_HZ: u32 = 1_000;
    const MAX_HZ: u32 = 384_000;

    /// Narrow band: the telephone network.
    pub const HZ_8000: Self = Self(8_000);
    /// Wide band: what speech recognition takes.
    pub const HZ_16000: Self = Self(16_000);
    /// The usual rate of synthesised voices.
    pub const HZ_22050: Self = Self(22_050);
    /// Super-wide band.
    pub const HZ_24000: Self = Self(24_000);
    /// Compact disc.
    pub const HZ_44100: Self = Self(44_100);
    /// Full band: the clock of Opus and of WebRTC.
    pub const HZ_48000: Self = Self(48_000);

    /// Accepts any rate that audio files and codecs use.
    ///
    /// # Errors
    /// The rate is below 1 kHz or above 384 kHz.
    pub fn new(hz: u32) -> Result<Self, RateError> {
        if (Self::MIN_HZ..=Self::MAX_HZ).contains(&hz) {
            Ok(Self(hz))
        } else {
            Err(RateError { hz })
        }
    }

    /// Samples per second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// Samples in `ms` milliseconds, rounded down.
    #[must_use]
    pub const fn samples_in_ms(self, ms: u32) -> usize {
        (self.0 as u64 * ms as u64 / 1000) as usize
    }

    /// Samples in `time`, rounded to the nearest.
    #[must_use]
    pub fn samples_in(self, time: Duration) -> usize {
        crate::sample::count(time.as_secs_f64() * f64::from(self.0))
    }

    /// How long `samples` last.
    #[must_use]
    pub fn duration_of(self, samples: usize) -> Duration {
        let nanos = samples as u128 * 1_000_000_000 / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

impl TryFrom<u32> for SampleRate {
    type Error = RateError;

    fn try_from(hz: u32) -> Result<Self, RateError> {
        Self::new(hz)
    }
}
