//! Where in what was played the sound that is heard now lies, if anywhere.

use std::collections::VecDeque;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Samples compared at once: a quarter of a second at 8 kHz.
pub(super) const PIECE: usize = 2048;

/// The longest delay looked for, in samples: the telephone's 600 ms, and buffers both ways.
pub(super) const LONGEST: usize = 9600;

/// Nothing comes back sooner than a frame after it was played.
const SHORTEST: usize = 160;

/// Holds `PIECE` twice and `LONGEST` once.
const SIZE: usize = 16_384;

/// Compares two signals at every delay at once.
pub(super) struct Search {
    forward: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    wave: Vec<f32>,
    /// Energy of what was played, a piece from each position on.
    energy: Vec<f32>,
    heard: Vec<Complex<f32>>,
    played: Vec<Complex<f32>>,
}

/// The likeliest delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    /// In samples.
    pub(super) delay: usize,
    /// How far the likeness there stands out from all other delays, as a multiple of their
    /// average. Two voices reach 12 by chance, an echo over two codecs 20 to 60.
    pub(super) height: f32,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Search")
    }
}

impl Search {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(SIZE);
        let back = planner.plan_fft_inverse(SIZE);
        Self {
            wave: forward.make_input_vec(),
            energy: Vec::with_capacity(LONGEST),
            heard: forward.make_output_vec(),
            played: forward.make_output_vec(),
            forward,
            back,
        }
    }

    /// Looks for the latest `PIECE` of `heard` in the latest `LONGEST + PIECE` of `played`.
    pub(super) fn find(&mut self, heard: &VecDeque<f32>, played: &VecDeque<f32>) -> Option<Match> {
        let fits = heard.len() >= PIECE && played.len() >= LONGEST + PIECE;
        if !fits {
            return None;
        }
        differences(heard, PIECE, &mut self.wave);
        self.forward.process(&mut self.wave, &mut self.heard).ok()?;
        differences(played, LONGEST + PIECE, &mut self.wave);
        energies(&self.wave, &mut self.energy);
        self.forward
            .process(&mut self.wave, &mut self.played)
            .ok()?;
        for (product, heard) in self.played.iter_mut().zip(&self.heard) {
            let likeness = *product * heard.conj();
            // Half whitened: a voice's few strong harmonics would match any other voice's.
            let weight = likeness.norm().sqrt().max(f32::MIN_POSITIVE);
            *product = likeness / weight;
        }
        // Both are real in the time domain; rounding must not say otherwise.
        for edge in [0, SIZE / 2] {
            if let Some(bin) = self.played.get_mut(edge) {
                bin.im = 0.0;
            }
        }
        self.back.process(&mut self.played, &mut self.wave).ok()?;
        peak(&self.wave, &self.energy)
    }
}

/// The latest samples as differences, which evens out the bass of a voice, and zeros after them.
fn differences(samples: &VecDeque<f32>, count: usize, wave: &mut [f32]) {
    let from = samples.len().saturating_sub(count);
    let mut before = samples.get(from).copied().unwrap_or_default();
    wave.fill(0.0);
    for (place, sample) in wave.iter_mut().zip(samples.range(from..)) {
        *place = sample - before;
        before = *sample;
    }
}

/// The energy of `PIECE` samples from each position on, as far as a delay may begin there.
fn energies(wave: &[f32], energy: &mut Vec<f32>) {
    energy.clear();
    let mut sum: f32 = wave.iter().take(PIECE).map(|sample| sample * sample).sum();
    let leaving = wave.iter().take(LONGEST - SHORTEST);
    for (gone, come) in leaving.zip(wave.iter().skip(PIECE)) {
        energy.push(sum.max(0.0));
        sum += come * come - gone * gone;
    }
}

/// Where this share of the most was played, something could be heard.
const AUDIBLE: f32 = 0.03;

/// The highest likeness, among the delays at which something was played: silence is unlike
/// everything, and would make any likeness stand out. Position 0 is the longest delay.
#[expect(
    clippy::cast_precision_loss,
    reason = "an average over ten thousand delays"
)]
fn peak(likeness: &[f32], energy: &[f32]) -> Option<Match> {
    let most = energy
        .iter()
        .fold(0.0, |most: f32, energy| most.max(*energy));
    let audible = likeness
        .iter()
        .zip(energy)
        .enumerate()
        .filter(|(_, (_, energy))| **energy > most * AUDIBLE)
        .map(|(at, (value, _))| (at, value.abs()));
    let (power, count) = audible
        .clone()
        .fold((0.0, 0_u32), |(power, count), (_, value)| {
            (power + value * value, count + 1)
        });
    let average = (power / count.max(1) as f32).sqrt();
    let (at, value) = audible.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (average > 0.0).then(|| Match {
        delay: LONGEST.saturating_sub(at),
        height: value / average,
    })
}
