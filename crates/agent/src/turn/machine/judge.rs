//! Whether what is heard while the agent speaks is a wish to speak: its own voice, listening noises,
//! laughs, music and voices further off are not.

use std::time::{Duration, Instant};

use super::Machine;
use crate::turn::event::Action;
use crate::turn::open::{OpenTurn, Whole, same_words, words};

/// A turn of which this share is the agent's own voice is none of the caller's.
const OWN: f32 = 0.5;

/// Whoever is this much softer than the caller at the loudest is somebody else, in decibels.
const SOFTER: f32 = 13.0;

/// How much of a lower loudness is believed to be the caller's new one.
const FADING: f32 = 0.15;

/// Under this a recogniser makes words up.
const UNSURE: f32 = 0.65;

/// Sound of a length without words in proportion is hardly speech, even if it is surer than that.
const HARDLY_SURE: f32 = 0.8;
const LONG_FOR_TWO_WORDS: Duration = Duration::from_millis(1500);

/// Made-up texts are short.
const FEW_WORDS: usize = 3;

/// A sound that holds the agent up is asked for words after this long, and then this often.
const JUDGE_AFTER: Duration = Duration::from_millis(1000);
const JUDGE_AGAIN: Duration = Duration::from_millis(1500);

impl Machine {
    /// Whether what was understood is no turn of the caller's.
    pub(super) fn no_turn(&self, whole: &Whole) -> bool {
        let Some(turn) = &self.turn else {
            return false;
        };
        let answered = turn.answered.as_ref();
        if whole.own > OWN || answered.is_some_and(|text| same_words(text, &whole.text)) {
            return true;
        }
        if turn.over.is_none() {
            return false;
        }
        words(&whole.text).count() < self.config.interruption.min_words
            || self.too_soft(turn.peak)
            || !self.answers(turn)
                && (self.is_listening(&whole.text) || self.is_doubtful(turn, whole))
    }

    /// Whether this is much softer than the caller is known to be.
    pub(super) fn too_soft(&self, peak: f32) -> bool {
        self.caller.is_some_and(|caller| peak < caller - SOFTER)
    }

    /// Learns how loud the caller is from a turn that is taken.
    pub(super) fn learn(&mut self, whole: &Whole) {
        let Some(turn) = self.turn.as_ref().filter(|_| whole.sure >= UNSURE) else {
            return;
        };
        let peak = turn.peak;
        self.caller = Some(match self.caller {
            Some(before) if peak < before => before + (peak - before) * FADING,
            Some(_) | None => peak,
        });
    }

    /// Whether it was said when what the agent asks had been heard.
    fn answers(&self, turn: &OpenTurn) -> bool {
        let last = turn.until(&self.ear).map_or(turn.started, |last| last.at);
        self.voice
            .asked
            .is_some_and(|(reply, at)| turn.over == Some(reply) && last >= at)
    }

    /// Whether these are only words of somebody who listens.
    fn is_listening(&self, text: &str) -> bool {
        let noises = &self.config.interruption.backchannels;
        let said: Vec<String> = words(text).collect();
        let mut rest = said.as_slice();
        while !rest.is_empty() {
            let fits = |length: &usize| {
                let noise = rest.get(..*length).map(|noise| noise.join(" "));
                noise.is_some_and(|noise| noises.contains(&noise))
            };
            let Some(length) = (1..=2).rev().find(fits) else {
                return false;
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        true
    }

    /// Whether the words may be made up out of a sound that has none.
    fn is_doubtful(&self, turn: &OpenTurn, whole: &Whole) -> bool {
        let last = turn.until(&self.ear).map_or(turn.started, |last| last.at);
        let length = last.saturating_duration_since(turn.started);
        let count = words(&whole.text).count();
        let drawn = count < FEW_WORDS && length >= LONG_FOR_TWO_WORDS && whole.sure < HARDLY_SURE;
        drawn || count <= FEW_WORDS && whole.sure < UNSURE
    }

    /// When a sound that holds the agent up is next asked for words, though it goes on.
    pub(super) fn judge_at(&self) -> Option<Instant> {
        let began = self.ear.onset()?;
        let turn = self.turn.as_ref()?;
        let held = self.voice.active.as_ref().is_some_and(|s| s.paused()) && !self.on_hold();
        let open = turn.over.is_some() && turn.forced.is_none() && !turn.is_asked();
        if !open || !(held || turn.dismissed) {
            return None;
        }
        Some(match turn.judged {
            Some(at) => at + JUDGE_AGAIN,
            None => began + JUDGE_AFTER,
        })
    }

    pub(super) fn ask_for_words(&mut self, now: Instant) {
        if self.judge_at().is_none_or(|at| now < at) {
            return;
        }
        let heard = self.ear.heard();
        let request = self.new_request();
        if let (Some(turn), Some(last)) = (&mut self.turn, self.ear.last()) {
            turn.judged = Some(now);
            let audio = turn.ask(request, last, heard);
            self.act(Action::Transcribe { request, audio });
        }
    }

    /// What goes on is no wish to speak so far: the agent goes on too, until it is.
    pub(super) fn judge(&mut self) {
        let so_far = self.turn.as_ref().and_then(OpenTurn::so_far);
        let Some(whole) = so_far else { return };
        let dismissed = whole.text.is_empty() || self.no_turn(&whole);
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.judged.is_some()) else {
            return;
        };
        turn.dismissed = dismissed;
        if dismissed {
            self.give_back_floor();
        }
    }
}
