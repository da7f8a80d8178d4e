//! Streaming rate conversion: a polyphase windowed-sinc filter with 1.5 ms of delay at 8 kHz.
//!
//! Any rate to any rate, with the ratio kept exactly as a fraction, so that no drift builds up. The
//! filter's delay is half its length at the slower of the two rates.

use std::f64::consts::PI;
use std::time::Duration;

use crate::{SampleRate, sample};

/// Filter length in samples of the slower rate. Longer is sharper and later: 24 gives 1.5 ms at
/// 8 kHz and keeps the telephone band up to 3.4 kHz.
const TAPS: usize = 24;
/// Shape of the Kaiser window: about 60 dB of stop-band attenuation.
const KAISER_BETA: f64 = 5.65;
/// Largest coefficient table; only absurd rate pairs (such as 44 099 to 48 000 Hz) reach it.
const MAX_TABLE: usize = 1 << 21;

/// The two rates have no common fraction small enough for a filter table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no small ratio between {from} and {to}")]
pub struct RatioError {
    /// Rate of the input.
    pub from: SampleRate,
    /// Rate of the output.
    pub to: SampleRate,
}

/// A streaming converter from one rate to another.
#[derive(Clone, Debug)]
pub struct Resampler {
    from: SampleRate,
    to: SampleRate,
    /// Output steps per input step are `up / down`, in lowest terms.
    up: usize,
    down: usize,
    /// `up` phases of `width` coefficients each.
    phases: Vec<f32>,
    width: usize,
    /// The last `width` inputs before the current block, then the block.
    history: Vec<f32>,
    phase: usize,
}

impl Resampler {
    /// A converter from `from` to `to`; equal rates copy.
    ///
    /// # Errors
    /// The rates have no common fraction small enough for a filter table.
    pub fn new(from: SampleRate, to: SampleRate) -> Result<Self, RatioError> {
        let divisor = gcd(from.hz() as usize, to.hz() as usize);
        let (up, down) = (to.hz() as usize / divisor, from.hz() as usize / divisor);
        let width = if down > up {
            (TAPS * down).div_ceil(up).next_multiple_of(2)
        } else {
            TAPS
        };
        if up.saturating_mul(width) > MAX_TABLE {
            return Err(RatioError { from, to });
        }
        let phases = if up == down {
            Vec::new()
        } else {
            design(up, down, width)
        };
        let history = vec![0.0; width - 1];
        Ok(Self {
            from,
            to,
            up,
            down,
            phases,
            width,
            history,
            phase: 0,
        })
    }

    /// Converts a block, appending to `out`. Blocks may have any length; nothing is lost between.
    pub fn process(&mut self, input: &[i16], out: &mut Vec<i16>) {
        if self.phases.is_empty() {
            out.extend_from_slice(input);
            return;
        }
        self.history
            .extend(input.iter().map(|&value| f32::from(value)));
        let mut at = 0;
        while let Some(window) = self.history.get(at..at + self.width) {
            let start = self.phase * self.width;
            let taps = self
                .phases
                .get(start..start + self.width)
                .unwrap_or_default();
            out.push(sample::from_f32(dot(window, taps)));
            self.phase += self.down;
            at += self.phase / self.up;
            self.phase %= self.up;
        }
        self.history.drain(..at.min(self.history.len()));
    }

    /// Gives out what the filter still holds, by feeding it silence for as long as its delay.
    pub fn flush(&mut self, out: &mut Vec<i16>) {
        if !self.phases.is_empty() {
            let tail = vec![0; self.width / 2];
            self.process(&tail, out);
        }
    }

    /// How much later the sound comes out.
    #[must_use]
    pub fn delay(&self) -> Duration {
        if self.phases.is_empty() {
            return Duration::ZERO;
        }
        self.from.duration_of(self.width / 2)
    }

    /// Rate of the input.
    #[must_use]
    pub fn from_rate(&self) -> SampleRate {
        self.from
    }

    /// Rate of the output.
    #[must_use]
    pub fn to_rate(&self) -> SampleRate {
        self.to
    }
}

/// Converts a whole recording at once, with the filter's delay removed.
///
/// # Errors
/// The rates have no common fraction small enough for a filter table.
pub fn convert(from: SampleRate, to: SampleRate, pcm: &[i16]) -> Result<Vec<i16>, RatioError> {
    let mut resampler = Resampler::new(from, to)?;
    let expected = (pcm.len() as u64 * u64::from(to.hz())).div_ceil(u64::from(from.hz()));
    let expected = usize::try_from(expected).unwrap_or(usize::MAX);
    let mut out = Vec::with_capacity(expected + TAPS * 2);
    resampler.process(pcm, &mut out);
    resampler.flush(&mut out);
    let late = to.samples_in(resampler.delay()).min(out.len());
    out.drain(..late);
    out.resize(expected, 0);
    Ok(out)
}

/// A multiply-add over two windows of equal length, unrolled so that it vectorises.
fn dot(window: &[f32], taps: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (blocks, tail) = window.as_chunks::<8>();
    let (tap_blocks, tap_tail) = taps.as_chunks::<8>();
    for (values, factors) in blocks.iter().zip(tap_blocks) {
        for ((sum, value), factor) in sums.iter_mut().zip(values).zip(factors) {
            *sum += value * factor;
        }
    }
    let rest: f32 = tail
        .iter()
        .zip(tap_tail)
        .map(|(value, factor)| value * factor)
        .sum();
    sums.iter().sum::<f32>() + rest
}

/// The prototype low-pass, cut into `up` phases. Each phase is scaled to unity gain, so that a
/// constant input gives a constant output.
fn design(up: usize, down: usize, width: usize) -> Vec<f32> {
    let cutoff = (up as f64 / down as f64).min(1.0);
    let centre = width as f64 / 2.0;
    let mut phases = Vec::with_capacity(up * width);
    for phase in 0..up {
        let offset = phase as f64 / up as f64;
        let taps: Vec<f64> = (0..width)
            .map(|index| {
                let distance = index as f64 + 1.0 - offset - centre;
                sinc(distance * cutoff) * kaiser(distance / centre)
            })
            .collect();
        let gain: f64 = taps.iter().sum();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "coefficients are single precision"
        )]
        phases.extend(taps.iter().map(|tap| (tap / gain) as f32));
    }
    phases
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

fn kaiser(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        0.0
    } else {
        bessel(KAISER_BETA * (1.0 - x * x).sqrt()) / bessel(KAISER_BETA)
    }
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
