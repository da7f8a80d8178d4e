//! Whether what is heard while the agent speaks is a wish to speak: its own voice, listening noises,
//! laughs, music and voices further off are not.

use std::time::{Duration, Instant};

use super::Machine;
use crate::turn::ear::Ear;
use crate::turn::event::{Action, Verdict};
use crate::turn::open::{OpenTurn, Whole, same_words, words};
use crate::turn::overheard::{Overheard, overheard};

/// A turn of which this share is the agent's own voice is none of the caller's.
const OWN: f32 = 0.5;

/// Whoever is this much softer than the caller at the loudest is somebody else, in decibels.
const SOFTER: f32 = 13.0;

/// How much of a lower loudness is believed to be the caller's new one.
const FADING: f32 = 0.15;

/// A call of somebody so soft is believed from here on, and words from which the brain is to know
/// whether they are meant for it.
const SOFT_CALL: f32 = 0.6;
const SOFT_WORDS: f32 = 0.75;

/// A voice is learnt from a turn that was understood this well.
const CLEAR: f32 = 0.65;

/// Sound of a length without words in proportion is hardly speech, even if the recogniser is sure.
const HARDLY_SURE: f32 = 0.8;
const LONG_FOR_TWO_WORDS: Duration = Duration::from_millis(1500);
const FEW_WORDS: usize = 3;

/// A sound that holds the agent up is asked for words after this long, and then this often; less
/// often the longer it goes on, because all of it is heard again.
const JUDGE_AFTER: Duration = Duration::from_millis(500);
const JUDGE_AGAIN: Duration = Duration::from_millis(500);
const JUDGE_SELDOM: Duration = Duration::from_millis(1000);

/// Until it is this long, only what surely is none is taken for no wish to speak: the first word of
/// a sentence that goes on is heard badly.
const BEGINNING: Duration = Duration::from_millis(900);
const SURELY_NONE: f32 = 0.35;

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
        if words(&whole.text).count() < self.config.interruption.min_words {
            return true;
        }
        if self.is_soft(turn) {
            return !(self.calls_softly(whole) || understood(turn, &whole.text));
        }
        !self.answers(turn)
            && (self.overheard(whole) == Overheard::Nothing || is_drawn(turn, &self.ear, whole))
    }

    /// Whether somebody so soft speaks over the agent that it may be anybody.
    pub(super) fn is_soft(&self, turn: &OpenTurn) -> bool {
        turn.over.is_some() && !turn.called && self.too_soft(turn.peak)
    }

    fn overheard(&self, whole: &Whole) -> Overheard {
        overheard(&whole.text, whole.sure, &self.config.interruption)
    }

    fn calls_softly(&self, whole: &Whole) -> bool {
        whole.sure >= SOFT_CALL && self.overheard(whole) == Overheard::Call
    }

    /// Whether the brain is to tell if these words of somebody soft are meant for it: what a
    /// television says is no request that it knows.
    pub(super) fn may_be_meant(&self, whole: &Whole) -> bool {
        let soft = self.turn.as_ref().is_some_and(|turn| self.is_soft(turn));
        soft && whole.own <= OWN
            && whole.sure >= SOFT_WORDS
            && self.overheard(whole) == Overheard::Words
    }

    /// Whether this is much softer than the caller is known to be.
    pub(super) fn too_soft(&self, peak: f32) -> bool {
        self.caller.is_some_and(|caller| peak < caller - SOFTER)
    }

    /// Learns how loud the caller is from a turn that is taken.
    pub(super) fn learn(&mut self, whole: &Whole) {
        let Some(turn) = self.turn.as_ref().filter(|_| whole.sure >= CLEAR) else {
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

    /// When a sound that holds the agent up is next asked for words, though it goes on.
    pub(super) fn judge_at(&self) -> Option<Instant> {
        let began = self.ear.onset()?;
        let turn = self.turn.as_ref()?;
        let held = self.voice.active.as_ref().is_some_and(|s| s.paused()) && !self.on_hold();
        let open = turn.over.is_some() && turn.forced.is_none() && !turn.is_asked();
        if !open || !(held || turn.dismissed || self.is_soft(turn)) {
            return None;
        }
        Some(match turn.judged {
            Some(at) => {
                let half = at.saturating_duration_since(turn.started) / 2;
                at + half.clamp(JUDGE_AGAIN, JUDGE_SELDOM)
            }
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
    pub(super) fn judge(&mut self, now: Instant) {
        let judged = self.turn.as_ref().filter(|turn| turn.judged.is_some());
        let Some((turn, whole)) = judged.and_then(|turn| Some((turn, turn.so_far()?))) else {
            return;
        };
        let called = self.calls_softly(&whole) && self.is_soft(turn);
        let begun = self.ear.onset().unwrap_or(turn.started);
        let dismissed = if now < begun + BEGINNING && !self.is_soft(turn) {
            whole.own > OWN || whole.sure < SURELY_NONE || whole.text.is_empty()
        } else {
            !called && (whole.text.is_empty() || self.no_turn(&whole))
        };
        if let Some(turn) = &mut self.turn {
            turn.dismissed = dismissed;
            turn.called |= called;
        }
        if dismissed {
            self.give_back_floor();
        }
    }
}

/// The brain knows these words for a whole request. A goodbye is none, nor is anything by which a
/// brain would end the call on a guess.
fn understood(turn: &OpenTurn, text: &str) -> bool {
    let prepared = turn.prepared.as_ref();
    prepared.is_some_and(|prepared| {
        same_words(&prepared.text, text)
            && matches!(prepared.verdict, Some(Verdict::Complete | Verdict::Whole))
    })
}

/// Whether there are few words in a long sound.
fn is_drawn(turn: &OpenTurn, ear: &Ear, whole: &Whole) -> bool {
    let last = turn.until(ear).map_or(turn.started, |last| last.at);
    let length = last.saturating_duration_since(turn.started);
    let few = words(&whole.text).count() < FEW_WORDS;
    few && length >= LONG_FOR_TWO_WORDS && whole.sure < HARDLY_SURE
}
