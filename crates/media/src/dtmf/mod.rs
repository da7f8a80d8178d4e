//! Telephone keys heard in the voice itself, for phones that send no telephone-events.
//!
//! Blocks of 12.75 ms, a Goertzel filter for each tone. A block speaks of a key when one low and one
//! high tone stand out among the eight, are about equally strong (ITU-T Q.24 allows 8 dB one way and
//! 4 dB the other), carry nearly all of the block's energy, and the high one has no second harmonic,
//! as voices do (that of a low tone lies beside a high one). A key counts after two such blocks in a
//! row of the same strength, which a tone of 40 ms always fills, and is over after two others.

use std::f32::consts::TAU;

use crate::SampleRate;

/// Listens to one voice.
#[derive(Clone, Debug)]
pub struct Detector {
    /// Samples of a block.
    length: usize,
    filters: [Filter; 12],
    energy: f32,
    heard: usize,
    /// What the last block spoke of, and for how many blocks it has been the same.
    last: Option<Pair>,
    same: u32,
    /// The key that is down, and blocks without it.
    down: Option<usize>,
    missed: u32,
}

impl Detector {
    /// For sound at `rate`, which is 8 kHz or more.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "rates of audio are small")]
        let hz = rate.hz() as f32;
        let tones = LOW.iter().chain(&HIGH).copied();
        let harmonics = HIGH.iter().map(|tone| tone * 2.0);
        let mut filters = [Filter::default(); 12];
        for (filter, tone) in filters.iter_mut().zip(tones.chain(harmonics)) {
            filter.coefficient = 2.0 * (TAU * tone / hz).cos();
        }
        Self {
            length: (u64::from(rate.hz()) * BLOCK_US / 1_000_000) as usize,
            filters,
            energy: 0.0,
            heard: 0,
            last: None,
            same: 0,
            down: None,
            missed: 0,
        }
    }

    /// Hears the next samples, no more than 40 ms of them, and tells of a key that went down.
    pub fn hear(&mut self, pcm: &[i16]) -> Option<char> {
        let mut found = None;
        for sample in pcm {
            let value = f32::from(*sample);
            self.energy += value * value;
            for filter in &mut self.filters {
                filter.take(value);
            }
            self.heard += 1;
            if self.heard == self.length {
                found = self.end_block().or(found);
            }
        }
        found
    }

    fn end_block(&mut self) -> Option<char> {
        let block = self.judge();
        for filter in &mut self.filters {
            filter.clear();
        }
        (self.energy, self.heard) = (0.0, 0);
        let goes_on = match (block, self.last) {
            (Some(now), Some(before)) => now.goes_on_from(before),
            _ => false,
        };
        self.same = match block {
            Some(_) if goes_on => self.same + 1,
            Some(_) => 1,
            None => 0,
        };
        self.last = block;
        let key = block.map(|pair| pair.key);
        self.missed = if key.is_some() && key == self.down {
            0
        } else {
            self.missed + 1
        };
        if self.missed >= BLOCKS {
            self.down = None;
        }
        let fresh = key.filter(|key| self.same >= BLOCKS && self.down != Some(*key))?;
        self.down = Some(fresh);
        self.missed = 0;
        KEYS.get(fresh).copied()
    }

    /// The key that the block speaks of.
    fn judge(&self) -> Option<Pair> {
        let powers = self.filters.map(|filter| filter.power());
        let (tones, harmonics) = powers.split_at(8);
        let (low, high) = tones.split_at(4);
        let (row, low_power) = standing_out(low)?;
        let (column, high_power) = standing_out(high)?;
        #[expect(clippy::cast_precision_loss, reason = "a few hundred samples")]
        let length = self.length as f32;
        let weakest = (FAINTEST * length / 2.0).powi(2);
        if low_power < weakest || high_power < weakest {
            return None;
        }
        if high_power > low_power * REVERSE_TWIST || low_power > high_power * TWIST {
            return None;
        }
        let both = low_power + high_power;
        if both * 2.0 / length < self.energy * SHARE {
            return None;
        }
        let overtone = harmonics.get(column).copied().unwrap_or(0.0);
        if overtone > high_power * OVERTONE {
            return None;
        }
        Some(Pair {
            key: row * 4 + column,
            low: low_power,
            high: high_power,
        })
    }
}

/// The two tones of a block.
#[derive(Clone, Copy, Debug)]
struct Pair {
    key: usize,
    low: f32,
    high: f32,
}

impl Pair {
    /// A voice that happens upon a pair does not stay there: each tone keeps its strength.
    fn goes_on_from(self, before: Self) -> bool {
        let steady = |now: f32, then: f32| now < then * STEADY && then < now * STEADY;
        self.key == before.key && steady(self.low, before.low) && steady(self.high, before.high)
    }
}

/// The strongest of four, if it is far above the others.
fn standing_out(powers: &[f32]) -> Option<(usize, f32)> {
    let (place, best) = powers
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let alone = powers
        .iter()
        .enumerate()
        .all(|(other, power)| other == place || power * ABOVE_OTHERS < best);
    alone.then_some((place, best))
}

/// A filter of Goertzel's: the strength of one frequency in a block.
#[derive(Clone, Copy, Debug, Default)]
struct Filter {
    coefficient: f32,
    last: f32,
    before: f32,
}

impl Filter {
    fn take(&mut self, value: f32) {
        let next = value + self.coefficient * self.last - self.before;
        (self.before, self.last) = (self.last, next);
    }

    fn power(&self) -> f32 {
        self.last * self.last + self.before * self.before
            - self.coefficient * self.last * self.before
    }

    fn clear(&mut self) {
        (self.last, self.before) = (0.0, 0.0);
    }
}

const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [char; 16] = [
    '1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D',
];

/// 102 samples at 8 kHz: tones are 70 Hz apart at least, and three blocks fit into 40 ms.
const BLOCK_US: u64 = 12_750;

/// Blocks in a row that make a key, and that end one.
const BLOCKS: u32 = 2;

/// Amplitude of the faintest tone: -33 dBm0, under what phones send after any line.
const FAINTEST: f32 = 511.0;

/// Strength against the other three of its group: 8 dB.
const ABOVE_OTHERS: f32 = 6.3;

/// The low tone may be 8 dB above the high one, ...
const TWIST: f32 = 6.3;

/// ... and the high one 4 dB above the low one, with a little for short blocks.
const REVERSE_TWIST: f32 = 2.8;

/// Part of the block's energy that the two tones carry. Tones 1 % off still have 0.86, as every
/// phone's are today; 0.78 would take the 1.5 % of Q.24 and a key from some voices every few minutes.
const SHARE: f32 = 0.85;

/// A tone's second harmonic stays 13 dB below it.
const OVERTONE: f32 = 0.05;

/// Two blocks of a key are within 2.5 dB of each other.
const STEADY: f32 = 1.8;

#[cfg(test)]
mod tests;
