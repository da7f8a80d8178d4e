//! One band's adaptive predictor (blocks 3L/3H and 4 of the recommendation).

use super::tables::{ILB, RH2, RL42, WH, WL};
use crate::sample;

/// A band: its quantizer's step and the predictor of two poles and six zeros.
#[derive(Clone, Debug, Default)]
pub(super) struct Band {
    /// What the next sample is expected to be.
    pub(super) predicted: i32,
    /// The quantizer's step.
    pub(super) step: i32,
    /// The step's logarithm.
    log_step: i32,
    zeros_part: i32,
    /// Reconstructed signal, now and the two before.
    signal: [i32; 3],
    /// The same without the poles' part.
    partial: [i32; 3],
    poles: [i32; 3],
    /// Quantized differences, now and the six before.
    differences: [i32; 7],
    zeros: [i32; 7],
}

impl Band {
    pub(super) fn with_step(step: i32) -> Self {
        Self {
            step,
            ..Self::default()
        }
    }

    /// The low band's next step, after a code whose upper four bits are these.
    pub(super) fn scale_low(&mut self, coarse: usize) {
        self.scale(WL[RL42[coarse]], 18_432, 8);
    }

    /// The high band's next step.
    pub(super) fn scale_high(&mut self, code: usize) {
        self.scale(WH[RH2[code]], 22_528, 10);
    }

    fn scale(&mut self, change: i32, most: i32, exponent: i32) {
        self.log_step = (((self.log_step * 127) >> 7) + change).clamp(0, most);
        let fraction = ILB[((self.log_step >> 6) & 31).unsigned_abs() as usize];
        let shift = exponent - (self.log_step >> 11);
        let step = if shift < 0 {
            fraction << -shift
        } else {
            fraction >> shift
        };
        self.step = step << 2;
    }

    /// Learns from a quantized difference and predicts what comes next.
    pub(super) fn adapt(&mut self, difference: i32) {
        self.differences[0] = difference;
        self.signal[0] = limit(self.predicted + difference);
        self.partial[0] = limit(self.zeros_part + difference);
        let poles = self.next_poles();
        self.adapt_zeros(difference);
        self.differences.copy_within(0..6, 1);
        self.signal.copy_within(0..2, 1);
        self.partial.copy_within(0..2, 1);
        self.poles = poles;
        self.predict();
    }

    fn next_poles(&self) -> [i32; 3] {
        let same_sign = |age: usize| (self.partial[0] < 0) == (self.partial[age] < 0);
        let wide = limit(self.poles[1] << 2);
        let push = if same_sign(1) { -wide } else { wide }.min(32_767);
        let second = if same_sign(2) { 128 } else { -128 };
        let second = second + (push >> 7) + ((self.poles[2] * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let first = if same_sign(1) { 192 } else { -192 };
        let first = limit(first + ((self.poles[1] * 32_640) >> 15));
        let bound = limit(15_360 - second);
        [0, first.clamp(-bound, bound), second]
    }

    fn adapt_zeros(&mut self, difference: i32) {
        let push = if difference == 0 { 0 } else { 128 };
        let olds = self.differences.iter().skip(1);
        for (zero, old) in self.zeros.iter_mut().skip(1).zip(olds) {
            let push = if (*old < 0) == (difference < 0) {
                push
            } else {
                -push
            };
            *zero = limit(push + ((*zero * 32_640) >> 15));
        }
    }

    fn predict(&mut self) {
        let poles_part: i32 = (1..3)
            .map(|age| (self.poles[age] * limit(self.signal[age] * 2)) >> 15)
            .sum();
        let zeros_part: i32 = self
            .zeros
            .iter()
            .zip(&self.differences)
            .skip(1)
            .map(|(zero, difference)| (zero * limit(difference * 2)) >> 15)
            .sum();
        self.zeros_part = limit(zeros_part);
        self.predicted = limit(limit(poles_part) + self.zeros_part);
    }
}

fn limit(value: i32) -> i32 {
    i32::from(sample::clamp(value))
}
