//! Test signals and call-progress sounds.

use std::f64::consts::TAU;

use crate::{SampleRate, sample};

/// A phase-continuous sine that can be drawn frame by frame.
#[derive(Clone, Debug)]
pub struct Sine {
    phase: f64,
    step: f64,
    amplitude: f64,
}

impl Sine {
    /// A sine of `hz` with its peak at `peak_dbfs` (0 is full scale).
    #[must_use]
    pub fn new(rate: SampleRate, hz: f64, peak_dbfs: f64) -> Self {
        let amplitude = 32_767.0 * 10_f64.powf(peak_dbfs / 20.0);
        Self {
            phase: 0.0,
            step: TAU * hz / f64::from(rate.hz()),
            amplitude,
        }
    }

    /// Draws the next samples over `out`.
    pub fn fill(&mut self, out: &mut [i16]) {
        for slot in out {
            *slot = sample::from_f64(self.phase.sin() * self.amplitude);
            self.phase = (self.phase + self.step) % TAU;
        }
    }
}

/// `samples` of a sine with its peak at `peak_dbfs`.
#[must_use]
pub fn sine(rate: SampleRate, hz: f64, peak_dbfs: f64, samples: usize) -> Vec<i16> {
    let mut out = vec![0; samples];
    Sine::new(rate, hz, peak_dbfs).fill(&mut out);
    out
}

/// The two frequencies of a keypad digit, or `None` if `digit` is no key.
#[must_use]
pub fn dtmf_pair(digit: char) -> Option<(f64, f64)> {
    const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
    const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
    let place = "123A456B789C*0#D".find(digit.to_ascii_uppercase())?;
    Some((*ROWS.get(place / 4)?, *COLUMNS.get(place % 4)?))
}

/// `samples` of a keypad digit at -6 dBFS peak, or `None` if `digit` is no key.
#[must_use]
pub fn dtmf(rate: SampleRate, digit: char, samples: usize) -> Option<Vec<i16>> {
    let (low, high) = dtmf_pair(digit)?;
    let mut out = sine(rate, low, -12.0, samples);
    let high = sine(rate, high, -12.0, samples);
    for (slot, other) in out.iter_mut().zip(high) {
        *slot = slot.saturating_add(other);
    }
    Some(out)
}

/// Quiet noise with a flat spectrum, from a seed: comfort noise and a test signal.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u32,
    amplitude: f32,
}

impl Noise {
    /// Noise with its RMS at `rms_dbfs`.
    #[must_use]
    pub fn new(seed: u32, rms_dbfs: f32) -> Self {
        // A uniform value in -1..1 has an RMS of 1/sqrt(3).
        let amplitude = 32_767.0 * 10_f32.powf(rms_dbfs / 20.0) * 3_f32.sqrt();
        Self {
            state: seed.max(1),
            amplitude,
        }
    }

    /// Draws the next samples over `out`.
    pub fn fill(&mut self, out: &mut [i16]) {
        for slot in out {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 17;
            self.state ^= self.state << 5;
            #[expect(clippy::cast_precision_loss, reason = "noise needs no exact mantissa")]
            let unit = self.state as f32 / u32::MAX as f32 * 2.0 - 1.0;
            *slot = sample::from_f32(unit * self.amplitude);
        }
    }
}

/// How strong one frequency is in a frame, as the peak amplitude of that sine in dBFS (Goertzel).
#[must_use]
pub fn strength_dbfs(pcm: &[i16], rate: SampleRate, hz: f64) -> f64 {
    if pcm.is_empty() {
        return f64::NEG_INFINITY;
    }
    let step = TAU * hz / f64::from(rate.hz());
    let coefficient = 2.0 * step.cos();
    let (mut before, mut last) = (0.0, 0.0);
    for &value in pcm {
        let next = f64::from(value) + coefficient * last - before;
        (before, last) = (last, next);
    }
    let power = last * last + before * before - coefficient * last * before;
    let amplitude = 2.0 * power.max(0.0).sqrt() / pcm.len() as f64;
    20.0 * (amplitude / 32_767.0).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_holds_its_frequency_and_level() {
        let pcm = sine(SampleRate::HZ_8000, 1000.0, -6.0, 8_000);
        assert!((strength_dbfs(&pcm, SampleRate::HZ_8000, 1000.0) + 6.0).abs() < 0.1);
        assert!(strength_dbfs(&pcm, SampleRate::HZ_8000, 1500.0) < -60.0);
    }

    #[test]
    fn frames_join_without_a_step() {
        let whole = sine(SampleRate::HZ_8000, 440.0, -6.0, 480);
        let mut parts = vec![0; 480];
        let mut source = Sine::new(SampleRate::HZ_8000, 440.0, -6.0);
        parts.chunks_mut(160).for_each(|part| source.fill(part));
        assert_eq!(whole, parts);
    }

    #[test]
    fn every_key_has_its_two_tones() {
        for digit in "0123456789*#ABCD".chars() {
            let pcm = dtmf(SampleRate::HZ_8000, digit, 800).unwrap();
            let (low, high) = dtmf_pair(digit).unwrap();
            assert!(strength_dbfs(&pcm, SampleRate::HZ_8000, low) > -13.0);
            assert!(strength_dbfs(&pcm, SampleRate::HZ_8000, high) > -13.0);
        }
        assert_eq!(dtmf_pair('x'), None);
    }

    #[test]
    fn noise_has_the_level_it_was_asked_for() {
        let mut pcm = vec![0; 8_000];
        Noise::new(7, -40.0).fill(&mut pcm);
        assert!((crate::level::dbov(&pcm) + 40).abs() <= 1);
    }
}
