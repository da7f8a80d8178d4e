//! From voice probabilities to speech and silence, with hysteresis.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::config::VadRules;
use super::event::Sound;
use super::{RATE, WINDOW};

/// Follows the caller's voice window by window.
#[derive(Debug)]
pub(super) struct Ear {
    rules: VadRules,
    /// Samples heard so far.
    heard: u64,
    /// Windows in a row over the activation threshold while not yet speaking.
    run: u32,
    stretch: Option<Stretch>,
    /// The last moment of speech of the latest stretch.
    last: Option<Moment>,
    /// Loudness of the latest windows, and of the line when nobody speaks.
    levels: VecDeque<f32>,
    floor: f32,
}

/// A stretch of speech that goes on.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// A voice was found here.
    since: Instant,
    /// Its first sound: a detector is sure of a voice only some time after it began.
    onset: Instant,
    /// How loud it was at the loudest, in decibels below full scale.
    peak: f32,
}

/// A moment in both of the machine's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Instant,
    pub(super) sample: u64,
}

/// How long one window lasts.
pub(super) const WINDOW_TIME: Duration =
    Duration::from_nanos(1_000_000_000 * WINDOW as u64 / RATE as u64);

/// Windows before a voice was found that may hold its beginning.
const MOST_LEAD: usize = 8;

/// A voice this plain needs half the time to be one: of coughs, keys and bursts of noise the detector
/// is 0.14 sure at most, and what it is so sure of goes on.
const PLAIN: f32 = 0.8;

/// Of the sound before a voice was found, this much counts as talking.
const COUNTED_LEAD: Duration = Duration::from_millis(64);

/// Sound this far above the line's own noise, in decibels, is somebody's.
const ABOVE_NOISE: f32 = 12.0;

/// How fast the noise of a line is believed to rise, in decibels a window.
const NOISE_RISE: f32 = 0.05;

/// The quietest a line is taken to be.
const SILENT: f32 = -70.0;

impl Ear {
    pub(super) fn new(rules: VadRules) -> Self {
        Self {
            rules,
            heard: 0,
            run: 0,
            stretch: None,
            last: None,
            levels: VecDeque::with_capacity(MOST_LEAD),
            floor: SILENT,
        }
    }

    /// Takes the next window; true if a stretch of speech has just begun.
    pub(super) fn window(&mut self, sound: Sound, now: Instant) -> bool {
        self.heard += WINDOW as u64;
        let begun = self.hear(sound, now);
        self.floor = sound.level.max(SILENT).min(self.floor + NOISE_RISE);
        if self.levels.len() == MOST_LEAD {
            self.levels.pop_front();
        }
        self.levels.push_back(sound.level);
        begun
    }

    fn hear(&mut self, sound: Sound, now: Instant) -> bool {
        let probability = sound.voice;
        if self.stretch.is_some() {
            let hesitant = self.silence(now) < self.rules.speculate_after;
            let threshold = if hesitant {
                self.rules.deactivation_threshold
            } else {
                self.rules.activation_threshold
            };
            if probability >= threshold {
                if let Some(stretch) = &mut self.stretch {
                    stretch.peak = stretch.peak.max(sound.level);
                }
                self.last = Some(Moment {
                    at: now,
                    sample: self.heard,
                });
            }
            return false;
        }
        if probability < self.rules.activation_threshold {
            self.run = 0;
            return false;
        }
        self.run += 1;
        let voiced = WINDOW_TIME * self.run;
        let counted = if probability >= PLAIN {
            voiced * 2
        } else {
            voiced
        };
        if counted < self.rules.min_speech_duration {
            return false;
        }
        let since = now.checked_sub(voiced).unwrap_or(now);
        let onset = since.checked_sub(self.lead()).unwrap_or(since);
        self.run = 0;
        let before = self.levels.iter().rev().take(MOST_LEAD / 2);
        self.stretch = Some(Stretch {
            since,
            onset,
            peak: before.fold(sound.level, |peak, level| peak.max(*level)),
        });
        self.last = Some(Moment {
            at: now,
            sample: self.heard,
        });
        true
    }

    /// How long before the first window with a voice there was sound already.
    fn lead(&self) -> Duration {
        let before = self.levels.iter().rev();
        let found = usize::try_from(self.run).unwrap_or(0).saturating_sub(1);
        let loud = before
            .skip(found)
            .take_while(|level| **level > self.floor + ABOVE_NOISE);
        WINDOW_TIME * u32::try_from(loud.count()).unwrap_or(0)
    }

    /// Ends the stretch once the silence is long enough.
    pub(super) fn end_stretch_if_silent(&mut self, now: Instant) {
        if self.stretch.is_some() && self.silence(now) >= self.rules.min_silence_duration {
            self.stretch = None;
        }
    }

    pub(super) fn speaking(&self) -> bool {
        self.stretch.is_some()
    }

    /// Length of the running stretch up to its last moment of speech.
    pub(super) fn stretch(&self) -> Duration {
        match (self.stretch, self.last) {
            (Some(stretch), Some(last)) => {
                let lead = stretch.since.saturating_duration_since(stretch.onset);
                last.at.saturating_duration_since(stretch.since) + lead.min(COUNTED_LEAD)
            }
            (None | Some(_), _) => Duration::ZERO,
        }
    }

    /// How loud the running stretch was at the loudest.
    pub(super) fn peak(&self) -> Option<f32> {
        Some(self.stretch?.peak)
    }

    /// The first sound of the running stretch.
    pub(super) fn onset(&self) -> Option<Instant> {
        Some(self.stretch?.onset)
    }

    pub(super) fn last(&self) -> Option<Moment> {
        self.last
    }

    /// Time since the last moment of speech.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        self.last
            .map_or(Duration::MAX, |last| now.saturating_duration_since(last.at))
    }

    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// Where sound of a stretch beginning now should be taken from.
    pub(super) fn padded_start(&self) -> u64 {
        let back = self.rules.min_speech_duration + self.rules.prefix_padding_duration;
        self.heard.saturating_sub(samples(back))
    }

    /// When the running stretch would end if nothing more were said.
    pub(super) fn stretch_ends_at(&self) -> Option<Instant> {
        let last = self.last.filter(|_| self.speaking())?;
        Some(last.at + self.rules.min_silence_duration)
    }
}

/// How many samples a time holds.
pub(super) fn samples(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() * u128::from(RATE) / 1_000_000_000).unwrap_or(u64::MAX)
}
