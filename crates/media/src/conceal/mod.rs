//! Hiding what is missing, and stretching what is there.
//!
//! [`Concealer`] continues a voice by repeating its last pitch period, in full for 20 ms, then
//! quieter, and after 60 ms fades into noise at the level of the room behind the voice. The first
//! good frame after a gap is cross-faded in. [`scale`] leaves a pitch period out of a frame.

mod pitch;
pub mod scale;

use crate::tone::Noise;
use crate::{SampleRate, level, sample};

/// Full volume up to here; ear studies of repetition say it turns metallic after.
const HOLD_MS: u32 = 20;
/// The repetition has fallen to [`HELD_GAIN`] here, and then fades.
const FADE_MS: u32 = 60;
/// The repetition is gone here.
const GONE_MS: u32 = 120;
const HELD_GAIN: f32 = 0.6;
/// Length of the cross-fade into the first good frame.
const MERGE_MS: u32 = 5;
/// Comfort noise never gets louder than this, so that a loud room does not roar through a gap.
const MAX_NOISE_DBFS: f32 = -45.0;

/// Conceals lost frames of the codecs of telephone lines, which have no concealment of their own.
#[derive(Debug)]
pub struct Concealer {
    rate: SampleRate,
    history: Vec<i16>,
    period: Vec<f32>,
    /// Samples concealed since the last good frame.
    gap: usize,
    floor_dbfs: f32,
    noise: Noise,
}

impl Concealer {
    /// A concealer for PCM at `rate`.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self {
            rate,
            history: vec![0; pitch::history(rate)],
            period: Vec::new(),
            gap: 0,
            floor_dbfs: MAX_NOISE_DBFS,
            noise: Noise::new(0x5EED, 0.0),
        }
    }

    /// Learns from a good frame, and blends its start with the concealment that came before.
    pub fn good(&mut self, pcm: &mut [i16]) {
        if self.gap > 0 {
            let merge = self.rate.samples_in_ms(MERGE_MS).min(pcm.len());
            let mut tail = vec![0; merge];
            self.continue_gap(&mut tail);
            for (index, (slot, old)) in pcm.iter_mut().zip(tail).enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "a few hundred samples at most")]
                let share = (index as f32 + 0.5) / merge as f32;
                *slot = sample::from_f32(f32::from(*slot) * share + f32::from(old) * (1.0 - share));
            }
            self.gap = 0;
            self.period.clear();
        }
        self.learn_floor(pcm);
        self.remember(pcm);
    }

    /// Fills `out` with sound that continues the past.
    pub fn conceal(&mut self, out: &mut [i16]) {
        if self.gap == 0 {
            self.period = pitch::repeatable(&self.history, self.rate);
        }
        self.continue_gap(out);
        self.remember(out);
    }

    fn continue_gap(&mut self, out: &mut [i16]) {
        let noise_gain = 10_f32.powf(self.floor_dbfs.min(MAX_NOISE_DBFS) / 20.0);
        let mut noise = vec![0; out.len()];
        self.noise.fill(&mut noise);
        for (slot, noise) in out.iter_mut().zip(noise) {
            let repeated = self
                .period
                .get(self.gap % self.period.len().max(1))
                .copied();
            let gain = self.gain();
            let voice = repeated.unwrap_or(0.0) * gain;
            let background = f32::from(noise) * noise_gain * (1.0 - gain);
            *slot = sample::from_f32(voice + background);
            self.gap += 1;
        }
    }

    fn gain(&self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a gap")]
        let ms = self.gap as f32 * 1000.0 / self.rate.hz() as f32;
        #[expect(clippy::cast_precision_loss, reason = "small constants")]
        let (hold, fade, gone) = (HOLD_MS as f32, FADE_MS as f32, GONE_MS as f32);
        if ms <= hold {
            1.0
        } else if ms <= fade {
            1.0 - (1.0 - HELD_GAIN) * (ms - hold) / (fade - hold)
        } else {
            (HELD_GAIN * (gone - ms) / (gone - fade)).max(0.0)
        }
    }

    /// The level of the room: falls to quiet frames at once, rises by 3 dB a second at most.
    fn learn_floor(&mut self, pcm: &[i16]) {
        let now = f32::from(level::dbov(pcm));
        #[expect(clippy::cast_precision_loss, reason = "samples of one frame")]
        let rise = 3.0 * pcm.len() as f32 / self.rate.hz() as f32;
        self.floor_dbfs = now.min(self.floor_dbfs + rise).max(-90.0);
    }

    fn remember(&mut self, pcm: &[i16]) {
        let keep = self.history.len();
        if let Some(newest) = pcm.len().checked_sub(keep).and_then(|from| pcm.get(from..)) {
            self.history.copy_from_slice(newest);
        } else {
            self.history.rotate_left(pcm.len());
            if let Some(room) = self.history.get_mut(keep - pcm.len()..) {
                room.copy_from_slice(pcm);
            }
        }
    }
}

#[cfg(test)]
mod tests;
