//! What was played, or heard: its latest samples, and how loud it was before.

use std::collections::VecDeque;

use trunkline_media::SampleRate;
use trunkline_media::resample::Resampler;

use super::search::{LONGEST, PIECE};

/// Samples of one block of loudness: 16 ms at 8 kHz.
const BLOCK: usize = 128;

/// Blocks remembered: over half a minute.
const REMEMBERED: usize = 2200;

/// Around the time an echo is expected it may be this much early, or have lingered this long in a
/// room, in samples.
const EARLY: u64 = 320;
const LINGER: u64 = 640;

/// Power of silence.
const SILENCE: f32 = 1e-9;

/// One direction of a line, brought to 8 kHz.
#[derive(Debug)]
pub(super) struct Record {
    resampler: Option<Resampler>,
    latest: VecDeque<f32>,
    /// Samples so far.
    total: u64,
    blocks: VecDeque<f32>,
    /// Number of the first block remembered.
    first: u64,
    /// Power of the block that is not full yet, and its length.
    open: (f32, usize),
    pcm: Vec<i16>,
}

impl Record {
    pub(super) fn new(rate: u32) -> Self {
        let resampler = SampleRate::new(rate)
            .ok()
            .and_then(|rate| Resampler::new(rate, SampleRate::HZ_8000).ok());
        Self {
            resampler,
            latest: VecDeque::from(vec![0.0; LONGEST + PIECE]),
            total: 0,
            blocks: VecDeque::new(),
            first: 0,
            open: (0.0, 0),
            pcm: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, samples: &[i16]) {
        let Some(resampler) = &mut self.resampler else {
            return;
        };
        self.pcm.clear();
        resampler.process(samples, &mut self.pcm);
        for sample in &self.pcm {
            let sample = f32::from(*sample) / 32_768.0;
            self.latest.pop_front();
            self.latest.push_back(sample);
            self.open.0 += sample * sample;
            self.open.1 += 1;
            if self.open.1 == BLOCK {
                self.blocks.push_back(self.open.0 / BLOCK_LENGTH);
                self.open = (0.0, 0);
            }
        }
        self.total += self.pcm.len() as u64;
        let surplus = self.blocks.len().saturating_sub(REMEMBERED);
        self.blocks.drain(..surplus);
        self.first += surplus as u64;
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn latest(&self) -> &VecDeque<f32> {
        &self.latest
    }

    /// Whether anything sounded that could come back now.
    pub(super) fn sounded(&self) -> bool {
        let blocks = (LONGEST + PIECE) / BLOCK;
        let recent = self.blocks.iter().rev().take(blocks);
        recent.fold(0.0, |most: f32, power| most.max(*power)) > 1e-5
    }

    /// The loudest it was around the `length` samples before `end`, in decibels below full scale.
    pub(super) fn loudest(&self, end: u64, length: usize) -> f32 {
        let size = BLOCK as u64;
        let begin = end.saturating_sub(length as u64 + LINGER) / size;
        let until = (end + EARLY).div_ceil(size);
        let skipped = usize::try_from(begin.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let count = usize::try_from(until.saturating_sub(begin.max(self.first)));
        let around = self.blocks.iter().skip(skipped);
        let power = around
            .take(count.unwrap_or_default())
            .fold(SILENCE, |most, power| most.max(*power));
        10.0 * power.log10()
    }
}

/// `BLOCK` as a number to divide by.
const BLOCK_LENGTH: f32 = 128.0;
