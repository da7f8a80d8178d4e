//! G.722: wide band (50 Hz to 7 kHz, 16 kHz) in the 64 kbit/s of a telephone line.
//!
//! The ITU-T recommendation, mode 1: a filter pair cuts the sound into two bands of 8 kHz, each is
//! coded by its own adaptive predictor, six bits for the lower and two for the upper. One byte is two
//! samples. Names follow the recommendation's blocks. RTP counts its time at 8 kHz (RFC 3551 4.5.2).

mod band;
mod tables;

use band::Band;
use tables::{IHN, IHP, ILN, ILP, Q6, QM2, QM4, QM6, QMF};

use crate::sample;

/// The clock of its RTP timestamps, which is not its sampling rate.
pub const CLOCK_HZ: u32 = 8_000;

/// Sound at 16 kHz to bytes.
#[derive(Clone, Debug)]
pub struct Encoder {
    low: Band,
    high: Band,
    past: Past,
}

/// Bytes to sound at 16 kHz.
#[derive(Clone, Debug)]
pub struct Decoder {
    low: Band,
    high: Band,
    past: Past,
}

impl Encoder {
    /// One that has heard nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let (low, high) = bands();
        Self {
            low,
            high,
            past: Past::default(),
        }
    }

    /// Appends the bytes of `pcm`, one for two samples; an odd last sample is left out.
    pub fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        let (pairs, _) = pcm.as_chunks::<2>();
        out.extend(pairs.iter().map(|pair| self.encode_pair(*pair)));
    }

    fn encode_pair(&mut self, [first, second]: [i16; 2]) -> u8 {
        let (odd, even) = self.past.filter(i32::from(first), i32::from(second));
        let low = self.encode_low((even + odd) >> 14);
        let high = self.encode_high((even - odd) >> 14);
        (high << 6) | low
    }

    fn encode_low(&mut self, sound: i32) -> u8 {
        let error = i32::from(sample::clamp(sound - self.low.predicted));
        let size = if error >= 0 { error } else { -(error + 1) };
        let below = |bound: &i32| size >= (bound * self.low.step) >> 12;
        // The first bound is of no level.
        let level = Q6.partition_point(below).max(1);
        let code = if error < 0 { ILN[level] } else { ILP[level] };
        let coarse = usize::from(code >> 2);
        let difference = (self.low.step * QM4[coarse]) >> 15;
        self.low.scale_low(coarse);
        self.low.adapt(difference);
        code
    }

    fn encode_high(&mut self, sound: i32) -> u8 {
        let error = i32::from(sample::clamp(sound - self.high.predicted));
        let size = if error >= 0 { error } else { -(error + 1) };
        let level = if size >= (564 * self.high.step) >> 12 {
            2
        } else {
            1
        };
        let code = if error < 0 { IHN[level] } else { IHP[level] };
        let difference = (self.high.step * QM2[usize::from(code)]) >> 15;
        self.high.scale_high(usize::from(code));
        self.high.adapt(difference);
        code
    }
}

impl Decoder {
    /// One that has heard nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let (low, high) = bands();
        Self {
            low,
            high,
            past: Past::default(),
        }
    }

    /// Appends the samples of `bytes`, two for each.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<i16>) {
        for byte in bytes {
            out.extend(self.decode_pair(*byte));
        }
    }

    fn decode_pair(&mut self, byte: u8) -> [i16; 2] {
        let (fine, code) = (usize::from(byte & 0x3f), usize::from(byte >> 6));
        let low = band_limit(self.low.predicted + ((self.low.step * QM6[fine]) >> 15));
        let coarse = fine >> 2;
        let difference = (self.low.step * QM4[coarse]) >> 15;
        self.low.scale_low(coarse);
        self.low.adapt(difference);

        let difference = (self.high.step * QM2[code]) >> 15;
        let high = band_limit(self.high.predicted + difference);
        self.high.scale_high(code);
        self.high.adapt(difference);

        let (late, early) = self.past.filter(low + high, low - high);
        [sample::clamp(early >> 11), sample::clamp(late >> 11)]
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// The low and the high band before anything was heard.
fn bands() -> (Band, Band) {
    (Band::with_step(32), Band::with_step(8))
}

fn band_limit(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

/// The last twelve pairs, as both halves of the mirror filter want them.
#[derive(Clone, Debug, Default)]
struct Past {
    first: [i32; 12],
    second: [i32; 12],
}

impl Past {
    /// Takes a pair; returns what the two halves of the filter make of the past.
    fn filter(&mut self, first: i32, second: i32) -> (i32, i32) {
        push(&mut self.first, first);
        push(&mut self.second, second);
        let forward = self.first.iter().zip(QMF).map(|(x, tap)| x * tap).sum();
        let taps = QMF.iter().rev();
        let mirrored = self.second.iter().zip(taps).map(|(x, tap)| x * tap).sum();
        (forward, mirrored)
    }
}

fn push(past: &mut [i32; 12], value: i32) {
    past.copy_within(1.., 0);
    past[11] = value;
}

#[cfg(test)]
mod tests;
