//! Finding the period of a voice.

use crate::SampleRate;

/// Shortest period looked for: 400 Hz.
const MIN_PERIOD_US: u32 = 2_500;
/// Longest period looked for: 66 Hz.
const MAX_PERIOD_US: u32 = 15_000;
/// Length compared: long enough for one period of the deepest voice.
const WINDOW_US: u32 = 20_000;

fn samples(rate: SampleRate, micros: u32) -> usize {
    (u64::from(rate.hz()) * u64::from(micros) / 1_000_000) as usize
}

/// How much past a search needs.
pub(super) fn history(rate: SampleRate) -> usize {
    samples(rate, WINDOW_US) + samples(rate, MAX_PERIOD_US) + 1
}

/// The shortest and the longest period looked for, in samples.
pub(super) fn range(rate: SampleRate) -> (usize, usize) {
    (
        samples(rate, MIN_PERIOD_US).max(2),
        samples(rate, MAX_PERIOD_US).max(3),
    )
}

/// The lag at which the end of `past` looks most like itself.
pub(super) fn best_lag(past: &[i16], rate: SampleRate) -> usize {
    let (min, max) = range(rate);
    let window = samples(rate, WINDOW_US).min(past.len().saturating_sub(max));
    let Some(newest) = past.get(past.len() - window..) else {
        return min;
    };
    let mut best = (min, f64::MIN);
    for lag in min..=max.min(past.len().saturating_sub(window)) {
        let start = past.len() - window - lag;
        let Some(older) = past.get(start..start + window) else {
            continue;
        };
        let score = similarity(newest, older);
        if score > best.1 + 0.02 {
            best = (lag, score);
        }
    }
    best.0
}

/// Correlation normalised by energy: 1 when equal up to a positive factor.
pub(super) fn similarity(a: &[i16], b: &[i16]) -> f64 {
    let (mut cross, mut energy_a, mut energy_b) = (0_i64, 0_i64, 0_i64);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (i64::from(a), i64::from(b));
        cross += a * b;
        energy_a += a * a;
        energy_b += b * b;
    }
    let scale = (energy_a as f64 * energy_b as f64).sqrt();
    if scale < 1.0 {
        0.0
    } else {
        cross as f64 / scale
    }
}

/// The last period of `past`, ready to be repeated: it starts where the past ended, and its end
/// leads into its start.
pub(super) fn repeatable(past: &[i16], rate: SampleRate) -> Vec<f32> {
    let lag = best_lag(past, rate);
    let Some(start) = past.len().checked_sub(lag) else {
        return Vec::new();
    };
    let mut period: Vec<f32> = past
        .get(start..)
        .unwrap_or_default()
        .iter()
        .map(|&value| f32::from(value))
        .collect();
    let blend = lag / 4;
    for index in 0..blend {
        let before = start
            .checked_sub(blend)
            .and_then(|from| past.get(from + index));
        let (Some(&before), Some(slot)) = (before, period.get_mut(lag - blend + index)) else {
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "a few hundred samples at most")]
        let share = (index as f32 + 1.0) / blend as f32;
        *slot = *slot * (1.0 - share) + f32::from(before) * share;
    }
    period
}
