//! Whether what comes back on the line is the agent's own voice.
//!
//! ```text
//!  what was played ──┐
//!                    ├─► Search: at which delay, how sure ─► Path: delay and gain of the line
//!  what is heard ────┘                                          │
//!                          louder than the path explains? ◄─────┘   somebody talks over it
//! ```
//! A speakerphone returns what it plays, weaker and later. The agent knows what it played: once
//! the delay is found, the loudness of the echo follows from it, and only what is clearly louder is
//! somebody's voice. Nothing is subtracted, so nothing of the caller is lost.

mod record;
mod search;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;

use record::Record;
use search::{Match, PIECE, Search};

use super::WINDOW;

/// Samples at 8 kHz, the telephone's own rate, of one window.
const STEP: usize = WINDOW / 2;

/// Windows whose verdicts can be asked for again: half a minute.
const REMEMBERED: usize = 1000;

/// The faintest sound looked at, in decibels below full scale.
const FAINT: f32 = -62.0;

/// A likeness this high is no chance; nor is a lower one if both signals are much the same, or if
/// other sound gave it at the same delay a moment ago.
const SURE: f32 = 20.0;
const LIKELY: f32 = 12.0;
const MUCH_ALIKE: f32 = 0.6;

/// Looks kept, and how far apart two must be to be about different sound.
const LOOKS: usize = 10;
const APART: usize = PIECE / STEP / SEEKING as usize;

/// Delays this close are the same: sound comes and goes in frames.
const SAME: usize = 320;

/// Windows between two looks, while a path is sought and once it is known.
const SEEKING: u32 = 2;
const KNOWING: u32 = 8;

/// An echo may be this much louder than its path explains, in decibels.
const MARGIN: f32 = 6.0;

/// Windows in which an echo should have been heard and was not, or looks that did not find it, until
/// its path is forgotten.
const GONE: u32 = 60;
const DOUBTS: u32 = 12;

/// How far below the expected echo the line is taken to be silent.
const MISSING: f32 = 20.0;

/// The echo of one call.
#[derive(Debug)]
pub struct Echo {
    played: Record,
    heard: Record,
    windows: VecDeque<Window>,
    /// Number of the first window remembered.
    first: u64,
    search: Search,
    /// Windows since the last look.
    rest: u32,
    /// What the latest looks found.
    looks: VecDeque<Option<Match>>,
    path: Option<Path>,
}

/// A window of the line.
#[derive(Clone, Copy, Debug)]
struct Window {
    level: f32,
    /// Samples that had been played when it was heard.
    played: u64,
}

/// How the line returns what is played.
#[derive(Clone, Copy, Debug)]
struct Path {
    delay: usize,
    /// In decibels.
    gain: f32,
    /// Windows and looks, in a row, that speak against it.
    missing: u32,
    doubts: u32,
}

impl Path {
    /// It was found again, at this delay; the echo cannot be louder than all of what was heard.
    fn learn(&mut self, delay: usize, gain: f32, pure: bool) {
        self.delay = delay;
        (self.missing, self.doubts) = (0, 0);
        if gain < self.gain {
            self.gain += (gain - self.gain) / 2.0;
        } else if pure {
            self.gain += (gain - self.gain) / 4.0;
        }
    }
}

impl Echo {
    /// A call in which nothing was played yet; it will be at this rate.
    pub fn new(rate: u32) -> Self {
        Self {
            played: Record::new(rate),
            heard: Record::new(super::RATE),
            windows: VecDeque::new(),
            first: 0,
            search: Search::new(),
            rest: 0,
            looks: VecDeque::with_capacity(LOOKS),
            path: None,
        }
    }

    /// Takes what was just played, silence included.
    pub fn played(&mut self, samples: &[i16]) {
        self.played.push(samples);
    }

    /// Takes the next window of the line, of this loudness; true if it is the agent's own voice.
    pub fn heard(&mut self, samples: &[i16; WINDOW], level: f32) -> bool {
        self.heard.push(samples);
        let window = Window {
            level,
            played: self.played.total(),
        };
        if self.windows.len() == REMEMBERED {
            self.windows.pop_front();
            self.first += 1;
        }
        self.windows.push_back(window);
        self.rest += 1;
        let wait = if self.path.is_some() {
            KNOWING
        } else {
            SEEKING
        };
        if level > FAINT && self.rest >= wait && self.played.sounded() {
            self.rest = 0;
            self.look();
        }
        self.watch(window);
        self.explains(window)
    }

    /// The share of what is loud in this stretch of the line that is the agent's own voice, by
    /// all that is known of the line now.
    #[expect(clippy::cast_precision_loss, reason = "a share of at most a thousand")]
    pub fn share(&self, audio: &Range<u64>) -> f32 {
        let size = WINDOW as u64;
        let from = (audio.start / size).saturating_sub(self.first);
        let until = audio.end.div_ceil(size).saturating_sub(self.first);
        let count = usize::try_from(until.saturating_sub(from)).unwrap_or(usize::MAX);
        let inside = self
            .windows
            .iter()
            .skip(usize::try_from(from).unwrap_or(usize::MAX))
            .take(count);
        let loudest = inside.clone().map(|window| window.level);
        let loud = loudest.fold(FAINT, f32::max) - SPEECH_SPAN;
        let (mut own, mut all) = (0_u32, 0_u32);
        for window in inside.filter(|window| window.level > loud.max(FAINT)) {
            all += 1;
            own += u32::from(self.explains(*window));
        }
        if all == 0 {
            0.0
        } else {
            own as f32 / all as f32
        }
    }

    /// Whether the path of the echo, if there is one, makes this window as loud as it is.
    fn explains(&self, window: Window) -> bool {
        self.expected(window)
            .is_some_and(|expected| window.level <= expected + MARGIN && expected > FAINT)
    }

    fn expected(&self, window: Window) -> Option<f32> {
        let path = self.path?;
        let end = window.played.checked_sub(path.delay as u64)?;
        Some(self.played.loudest(end, STEP) + path.gain)
    }

    /// Compares both signals, and learns the path if they agree.
    fn look(&mut self) {
        let found = self.search.find(self.heard.latest(), self.played.latest());
        let again = found.is_some_and(|found| self.found_before(found));
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(found);
        let Some(found) = found else { return };
        let (own, alike) = self.likeness(found.delay);
        let sure = found.height > SURE || again || found.height > LIKELY && alike > MUCH_ALIKE;
        match &mut self.path {
            None if sure => {
                let gain = if alike > 0.5 { own.1 } else { own.0 + MARGIN };
                tracing::debug!(delay = found.delay, gain, "the line returns our voice");
                self.path = Some(Path {
                    delay: found.delay,
                    gain,
                    missing: 0,
                    doubts: 0,
                });
            }
            None => {}
            Some(path) if sure => path.learn(found.delay, own.1, alike > 0.5),
            Some(path) => {
                path.doubts += 1;
                if path.doubts > DOUBTS {
                    self.path = None;
                }
            }
        }
    }

    /// Whether sound before this was found at the same delay.
    fn found_before(&self, found: Match) -> bool {
        let before = self.looks.iter().rev().skip(APART - 1).flatten();
        let mut same = before.filter(|look| look.delay.abs_diff(found.delay) < SAME);
        found.height > LIKELY && same.any(|look| look.height > LIKELY)
    }

    /// At a delay: the gain of what the two signals share, the gain if all of what is heard were
    /// echo (both in decibels), and how alike they are, from 0 to 1.
    fn likeness(&self, delay: usize) -> ((f32, f32), f32) {
        let heard = self.heard.latest();
        let played = self.played.latest();
        let from = played.len().saturating_sub(PIECE + delay);
        let played = played.range(from..).take(PIECE);
        let heard = heard.range(heard.len().saturating_sub(PIECE)..);
        let (mut both, mut of_played, mut of_heard) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (heard, played) in heard.zip(played) {
            both += heard * played;
            of_played += played * played;
            of_heard += heard * heard;
        }
        let of_played = of_played.max(1e-9);
        let coherent = 20.0 * (both.abs() / of_played).max(1e-4).log10();
        let whole = 10.0 * (of_heard / of_played).max(1e-8).log10();
        let alike = both.abs() / (of_played * of_heard).sqrt().max(1e-9);
        ((coherent, whole), alike)
    }

    /// Forgets a path that returns nothing any more: the caller took up the receiver.
    fn watch(&mut self, window: Window) {
        let expected = self.expected(window);
        let Some(path) = &mut self.path else { return };
        let Some(expected) = expected.filter(|expected| *expected > FAINT + MISSING) else {
            return;
        };
        if window.level < expected - MISSING {
            path.missing += 1;
        } else {
            path.missing = 0;
        }
        if path.missing > GONE {
            self.path = None;
        }
    }
}

/// Sound this far below the loudest of a stretch is no part of what was said, in decibels.
const SPEECH_SPAN: f32 = 25.0;
