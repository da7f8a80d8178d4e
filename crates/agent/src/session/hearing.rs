//! The caller's recent sound, by sample number, and its cutting into windows.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_media::level::rms;

use crate::turn::{RATE, WINDOW};

/// Keeps the last half minute of sound at 16 kHz.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    kept: VecDeque<i16>,
    /// Number of the first sample kept.
    first: u64,
    /// Samples of the window that is not full yet, at the end of `kept`.
    open: usize,
}

/// Samples kept: longer than any segment that is transcribed at once.
const KEPT: usize = 30 * 16_000;

impl Hearing {
    /// Takes sound and hands every window it fills to `each`.
    pub(super) fn push(&mut self, samples: &[i16], mut each: impl FnMut(&[i16; WINDOW])) {
        for sample in samples {
            self.kept.push_back(*sample);
            self.open += 1;
            if self.open == WINDOW {
                self.open = 0;
                let mut window = [0_i16; WINDOW];
                let from = self.kept.len() - WINDOW;
                for (place, sample) in window.iter_mut().zip(self.kept.range(from..)) {
                    *place = *sample;
                }
                each(&window);
            }
        }
        let surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..surplus);
        self.first += surplus as u64;
    }

    /// Samples taken so far.
    pub(super) fn total(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// The sound of a range, as far as it is kept.
    pub(super) fn cut(&self, range: &Range<u64>) -> Arc<[i16]> {
        let index = |sample: u64| {
            usize::try_from(sample.saturating_sub(self.first))
                .unwrap_or(usize::MAX)
                .min(self.kept.len())
        };
        let (start, end) = (index(range.start), index(range.end));
        self.kept.range(start..end.max(start)).copied().collect()
    }
}

/// The time so many samples ago.
pub(super) fn samples_ago(samples: u64) -> Instant {
    let back = Duration::from_millis(samples * 1000 / u64::from(RATE));
    let now = Instant::now();
    now.checked_sub(back).unwrap_or(now)
}

/// Loudness in decibels below full scale; silence is far down.
#[expect(
    clippy::cast_possible_truncation,
    reason = "decibels need no more than a float"
)]
pub(super) fn level_of(samples: &[i16]) -> f32 {
    (20.0 * (rms(samples).max(1.0) / 32_768.0).log10()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_found_again_by_its_number() {
        let mut hearing = Hearing::default();
        let mut windows = 0;
        let mut number = 0_i32;
        for _ in 0..(40 * 50) {
            let frame: Vec<i16> = (0..320)
                .map(|_| {
                    number += 1;
                    i16::try_from(number % 1000).unwrap()
                })
                .collect();
            hearing.push(&frame, |_| windows += 1);
        }
        assert_eq!(windows, 40 * 16_000 / 512);
        let part = hearing.cut(&(39 * 16_000..39 * 16_000 + 3));
        assert_eq!(&*part, [1, 2, 3]);
        assert_eq!(hearing.cut(&(0..16_000)).len(), 0, "too long ago");
        assert_eq!(hearing.cut(&(39 * 16_000..99 * 16_000)).len(), 16_000);
    }
}
