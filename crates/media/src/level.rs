//! Loudness of a frame.

/// The level of silence in dBov, and the lowest that RFC 6464 can say.
pub const SILENCE_DBOV: i8 = -127;

/// Level relative to overload in dB: 0 for a full-scale square wave, -127 for silence.
#[must_use]
pub fn dbov(pcm: &[i16]) -> i8 {
    let rms = rms(pcm);
    if rms < 1e-3 {
        return SILENCE_DBOV;
    }
    let level = 20.0 * (rms / 32_768.0).log10();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "clamped to the range first"
    )]
    let level = level.round().clamp(-127.0, 0.0) as i8;
    level
}

/// The level byte of RFC 6464: 0 loudest, 127 silent.
#[must_use]
pub fn audio_level_rfc6464(pcm: &[i16]) -> u8 {
    dbov(pcm).unsigned_abs()
}

/// Root mean square in 16-bit units.
#[must_use]
pub fn rms(pcm: &[i16]) -> f64 {
    if pcm.is_empty() {
        return 0.0;
    }
    let energy: f64 = pcm
        .iter()
        .map(|&sample| f64::from(sample) * f64::from(sample))
        .sum();
    (energy / pcm.len() as f64).sqrt()
}

/// The largest magnitude.
#[must_use]
pub fn peak(pcm: &[i16]) -> u16 {
    pcm.iter()
        .map(|sample| sample.unsigned_abs())
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SampleRate, tone};

    #[test]
    fn silence_is_the_floor_and_full_scale_is_near_zero() {
        assert_eq!(dbov(&[]), -127);
        assert_eq!(dbov(&[0; 160]), -127);
        assert_eq!(dbov(&[i16::MIN; 160]), 0);
        assert_eq!(audio_level_rfc6464(&[0; 160]), 127);
    }

    #[test]
    fn a_sine_is_three_decibels_under_its_peak() {
        let sine = tone::sine(SampleRate::HZ_8000, 400.0, -10.0, 8_000);
        assert_eq!(dbov(&sine), -13);
        assert_eq!(audio_level_rfc6464(&sine), 13);
    }
}
