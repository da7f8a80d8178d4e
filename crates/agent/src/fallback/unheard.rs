//! The sound that no final has told of yet: whoever takes over hears it again.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::provider::{Hearing, SPEECH_RATE, Transcript};

/// Sound kept: half a minute, longer than anybody speaks without a final.
const MOST: u64 = 30 * SPEECH_RATE as u64;

/// What was heard since the last word that is sure.
#[derive(Debug, Default)]
pub(super) struct Unheard {
    kept: VecDeque<Hearing>,
    /// The number of the first sample kept, and of the next one to come.
    samples: Range<u64>,
    /// Flushes among what is kept.
    flushes: usize,
}

impl Unheard {
    pub(super) fn push(&mut self, hearing: Hearing) {
        match &hearing {
            Hearing::Sound(sound) => self.samples.end += sound.len() as u64,
            Hearing::Flush => self.flushes += 1,
        }
        self.kept.push_back(hearing);
        while self.samples.end - self.samples.start > MOST {
            if !self.drop_sound() {
                break;
            }
        }
    }

    /// Everything before the oldest flush has been told, and the flush answered.
    pub(super) fn flushed(&mut self) {
        while let Some(hearing) = self.kept.pop_front() {
            match hearing {
                Hearing::Sound(sound) => self.samples.start += sound.len() as u64,
                Hearing::Flush => {
                    self.flushes -= 1;
                    return;
                }
            }
        }
    }

    /// These words are sure: what they were said in need not be heard again. Their times are those
    /// of the whole.
    pub(super) fn told(&mut self, words: &Transcript) {
        let until = match words.words.last() {
            Some(word) => samples_in(word.at.end),
            None => self.samples.start + samples_in(Duration::from_secs_f32(seconds(words))),
        };
        while let Some(Hearing::Sound(sound)) = self.kept.front() {
            if self.samples.start + sound.len() as u64 > until {
                return;
            }
            self.samples.start += sound.len() as u64;
            self.kept.pop_front();
        }
    }

    /// The oldest sound goes, wherever it is.
    fn drop_sound(&mut self) -> bool {
        let place = self
            .kept
            .iter()
            .position(|hearing| matches!(hearing, Hearing::Sound(_)));
        let dropped = place.and_then(|place| self.kept.remove(place));
        if let Some(Hearing::Sound(sound)) = dropped {
            self.samples.start += sound.len() as u64;
            return true;
        }
        false
    }

    /// All of it, in order.
    pub(super) fn again(&self) -> impl Iterator<Item = Hearing> {
        // A provider takes what came in many pieces as one.
        let mut out: Vec<Hearing> = Vec::new();
        let mut sound: Vec<i16> = Vec::new();
        for hearing in &self.kept {
            match hearing {
                Hearing::Sound(piece) => sound.extend_from_slice(piece),
                Hearing::Flush => {
                    let piece: Arc<[i16]> = std::mem::take(&mut sound).into();
                    out.extend([Hearing::Sound(piece), Hearing::Flush]);
                }
            }
        }
        if !sound.is_empty() {
            out.push(Hearing::Sound(sound.into()));
        }
        out.into_iter()
            .filter(|hearing| !matches!(hearing, Hearing::Sound(sound) if sound.is_empty()))
    }

    /// When the first of it was heard, since the beginning.
    pub(super) fn since(&self) -> Duration {
        let millis = self.samples.start.saturating_mul(1000) / u64::from(SPEECH_RATE);
        Duration::from_millis(millis)
    }

    /// Flushes that nobody has answered yet.
    pub(super) const fn flushes(&self) -> usize {
        self.flushes
    }
}

fn seconds(words: &Transcript) -> f32 {
    if words.audio_seconds.is_finite() {
        words.audio_seconds.clamp(0.0, 3600.0)
    } else {
        0.0
    }
}

fn samples_in(time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    millis.saturating_mul(u64::from(SPEECH_RATE)) / 1000
}
