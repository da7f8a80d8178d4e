//! Whisper's log-mel features, as Smart Turn was trained on them: 8 s at 16 kHz, 80 bands on
//! Slaney's scale, 400-sample frames every 160.
//!
//! The waveform is normalised first, in single precision; the spectrum is double. Both choices
//! follow the feature extractor that the model was trained with, and a test holds the result to
//! its figures.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

/// Samples the model looks at.
const WINDOW: usize = 8 * 16_000;
const FFT: usize = 400;
const HOP: usize = 160;
const BINS: usize = FFT / 2 + 1;

/// Mel bands.
pub(super) const BANDS: usize = 80;

/// Frames in the window.
pub(super) const FRAMES: usize = WINDOW / HOP;

/// Power below this is taken for this.
const FLOOR: f64 = 1e-10;

/// Computes features; holds the tables.
pub(super) struct LogMel {
    fft: Arc<dyn RealToComplex<f64>>,
    hann: Vec<f64>,
    filters: Vec<Filter>,
}

/// One band: where its weights begin, and what they are.
struct Filter {
    first: usize,
    weights: Vec<f64>,
}

impl LogMel {
    pub(super) fn new() -> Self {
        let hann = (0..FFT)
            .map(|i| 0.5 - 0.5 * (2.0 * PI * real(i) / real(FFT)).cos())
            .collect();
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(FFT),
            hann,
            filters: filters(),
        }
    }

    /// Features of the last 8 s of `audio`, band by band. Shorter audio counts as preceded by
    /// silence.
    pub(super) fn compute(&self, audio: &[i16]) -> Vec<f32> {
        let waveform = reflect(&normalised(audio));
        let mut frame = vec![0.0; FFT];
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut log = vec![0.0; BANDS * FRAMES];
        let mut loudest = f64::MIN;
        // The reference computes one frame more and drops it.
        for (column, samples) in waveform.windows(FFT).step_by(HOP).take(FRAMES).enumerate() {
            for ((to, sample), weight) in frame.iter_mut().zip(samples).zip(&self.hann) {
                *to = sample * weight;
            }
            if self
                .fft
                .process_with_scratch(&mut frame, &mut spectrum, &mut scratch)
                .is_err()
            {
                continue; // lengths come from the planner itself
            }
            for (band, filter) in self.filters.iter().enumerate() {
                let bins = spectrum.iter().skip(filter.first);
                let power: f64 = bins
                    .zip(&filter.weights)
                    .map(|(x, w)| x.norm_sqr() * w)
                    .sum();
                let level = power.max(FLOOR).log10();
                loudest = loudest.max(level);
                if let Some(cell) = log.get_mut(band * FRAMES + column) {
                    *cell = level;
                }
            }
        }
        let floor = loudest - 8.0;
        log.iter()
            .map(|level| narrow((level.max(floor) + 4.0) / 4.0))
            .collect()
    }
}

/// The last 8 s, padded in front, with zero mean and unit variance.
fn normalised(audio: &[i16]) -> Vec<f32> {
    let audio = audio
        .get(audio.len().saturating_sub(WINDOW)..)
        .unwrap_or(audio);
    let mut wave = vec![0.0_f32; WINDOW - audio.len()];
    wave.extend(audio.iter().map(|s| f32::from(*s) / 32768.0));
    let count = real(WINDOW);
    let mean = wave.iter().map(|s| f64::from(*s)).sum::<f64>() / count;
    let variance = wave
        .iter()
        .map(|s| (f64::from(*s) - mean).powi(2))
        .sum::<f64>()
        / count;
    let (mean, scale) = (narrow(mean), narrow((variance + 1e-7).sqrt()));
    for sample in &mut wave {
        *sample = (*sample - mean) / scale;
    }
    wave
}

/// Mirrors half a frame at each end, without repeating the end sample.
fn reflect(wave: &[f32]) -> Vec<f64> {
    let pad = FFT / 2;
    let front = wave.iter().skip(1).take(pad).rev();
    let back = wave.iter().rev().skip(1).take(pad);
    front
        .chain(wave)
        .chain(back)
        .map(|s| f64::from(*s))
        .collect()
}

/// Triangular filters of equal area on Slaney's mel scale, from 0 to 8 kHz.
fn filters() -> Vec<Filter> {
    let top = mel(8_000.0);
    let edge = |i: usize| hertz(top * real(i) / real(BANDS + 1));
    let band = |band: usize| {
        let (low, centre, high) = (edge(band), edge(band + 1), edge(band + 2));
        let area = 2.0 / (high - low);
        let weight = |bin: usize| {
            let at = 8_000.0 * real(bin) / real(BINS - 1);
            let (up, down) = ((at - low) / (centre - low), (high - at) / (high - centre));
            up.min(down).max(0.0) * area
        };
        let first = (0..BINS).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
        let weights = (first..BINS).map(weight).take_while(|w| *w > 0.0).collect();
        Filter { first, weights }
    };
    (0..BANDS).map(band).collect()
}

/// Slaney's scale: linear to 1 kHz, logarithmic above.
fn mel(hertz: f64) -> f64 {
    if hertz < 1_000.0 {
        3.0 * hertz / 200.0
    } else {
        15.0 + (hertz / 1_000.0).ln() * 27.0 / 6.4_f64.ln()
    }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 {
        200.0 * mel / 3.0
    } else {
        1_000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
const fn real(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the model takes single precision"
)]
const fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests;
