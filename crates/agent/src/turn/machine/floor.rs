//! The agent's half: who has the floor, who gets it back, who has lost it.

use std::time::{Duration, Instant};

use super::caller::LONG_SEGMENT;
use super::{Machine, Times};
use crate::turn::event::{Action, Commit, Heard, ReplyId};
use crate::turn::voice::{Answered, Phase, Queued, Speech};

/// Speech this long after a commit shows that the caller was not finished, however patient the
/// interruption rules are: nothing of the answer was heard yet, so nothing is lost.
const REOPEN_AFTER: Duration = Duration::from_millis(200);

/// Whoever speaks up this soon after an answer began to sound does not speak of it: it was still
/// on its way to the telephone, or not yet understood. The turn before goes on.
const JUST_BEGUN: Duration = Duration::from_millis(500);

impl Machine {
    pub(super) fn on_say(&mut self, reply: ReplyId, interruptible: bool) {
        self.voice.waiting.push_back(Queued {
            reply,
            interruptible,
        });
    }

    /// Lets the next waiting speech sound, if nobody has the floor.
    pub(super) fn next_speech(&mut self) {
        if self.voice.active.is_some() || self.turn.is_some() || !self.digits.pressed.is_empty() {
            return;
        }
        if let Some(next) = self.voice.waiting.pop_front() {
            self.speak(Speech::new(next.reply, next.interruptible));
        }
    }

    pub(super) fn on_started(&mut self, reply: ReplyId, now: Instant) {
        let Some(speech) = self
            .voice
            .active
            .as_mut()
            .filter(|speech| speech.reply == reply)
        else {
            return;
        };
        if speech.phase == Phase::Due {
            speech.phase = Phase::Playing { since: now };
            self.voice.first_sound.get_or_insert(now);
        }
    }

    pub(super) fn on_speech(&mut self, reply: ReplyId, change: impl FnOnce(&mut Speech)) {
        if let Some(speech) = self
            .voice
            .active
            .as_mut()
            .filter(|speech| speech.reply == reply)
        {
            change(speech);
        } else if let Some(queued) = self
            .voice
            .waiting
            .iter_mut()
            .find(|queued| queued.reply == reply)
        {
            let mut speech = Speech::new(reply, queued.interruptible);
            change(&mut speech);
            queued.interruptible = speech.interruptible;
        }
    }

    /// Whether the caller's sound is ignored at present.
    pub(super) fn deaf(&self) -> bool {
        self.config.interruption.discard_audio_if_uninterruptible && self.holds_floor()
    }

    /// Whether the agent speaks, or is about to, and must not be interrupted.
    pub(super) fn holds_floor(&self) -> bool {
        self.voice.active.as_ref().is_some_and(|speech| {
            // On hold even what must not be interrupted is paused, and keeps the floor.
            let given = speech.paused() && !self.on_hold();
            !(given || speech.interruptible && self.config.interruption.enabled)
        })
    }

    /// Pauses the agent once the caller has talked over it for long enough.
    pub(super) fn barge_in(&mut self, now: Instant) {
        let dismissed = self.turn.as_ref().is_none_or(|turn| turn.dismissed);
        let called = self.turn.as_ref().is_some_and(|turn| turn.called);
        let soft = !called && self.ear.peak().is_none_or(|peak| self.too_soft(peak));
        if dismissed || soft || self.holds_floor() {
            return;
        }
        let rules = &self.config.interruption;
        let talked = self.ear.stretch();
        let (enough, resumes) = (
            talked >= rules.min_duration,
            rules.resume_false_interruption,
        );
        let by_words = rules.min_words > 0;
        let warm = self
            .voice
            .first_sound
            .is_none_or(|first| now >= first + self.config.aec_warmup_duration);
        let since = self.ear.onset();
        let Some(speech) = &mut self.voice.active else {
            return;
        };
        if speech.phase == Phase::Due && speech.answers.is_some() && !speech.pinned {
            if talked >= rules.min_duration.min(REOPEN_AFTER) {
                self.reopen();
            }
            return;
        }
        if speech.paused() || !enough || by_words || !warm {
            return;
        }
        let began = speech.began();
        speech.phase = Phase::Paused { at: now, began };
        let (reply, pinned) = (speech.reply, speech.pinned);
        self.act(Action::Pause { reply, since });
        let early = began
            .zip(since)
            .is_some_and(|(began, since)| since < began + JUST_BEGUN);
        if early && !pinned && self.go_on_with_turn(true) {
            self.act(Action::Reopen { reply });
        }
        if !resumes {
            self.take_floor();
        }
    }

    /// The caller goes on before anything of the answer was played: it was no answer then.
    fn reopen(&mut self) {
        self.go_on_with_turn(false);
        let Some(speech) = self.voice.active.take() else {
            return;
        };
        self.act(Action::Abandon {
            reply: speech.reply,
        });
        self.act(Action::Reopen {
            reply: speech.reply,
        });
    }

    /// What is being said belongs to the turn that was just answered; false if that cannot be
    /// gone on with.
    fn go_on_with_turn(&mut self, keeps_answer: bool) -> bool {
        let answers = self.voice.active.as_mut().and_then(|s| s.answers.take());
        let Some(Answered { turn, text }) = answers else {
            return false;
        };
        self.turn_dropped();
        let mut turn = turn.reopened();
        turn.close_segment_if_long(self.ear.heard(), LONG_SEGMENT);
        turn.answered = keeps_answer.then_some(text);
        self.turn = Some(turn);
        true
    }

    /// When a paused speech goes on if nothing follows.
    pub(super) fn resume_at(&self) -> Option<Instant> {
        let speech = self.voice.active.as_ref()?;
        let Phase::Paused { at, .. } = speech.phase else {
            return None;
        };
        let waits = self.turn.is_some() || self.ear.speaking() || self.on_hold();
        if waits || !self.digits.pressed.is_empty() {
            return None;
        }
        let since = self.ear.last().map_or(at, |last| last.at.max(at));
        Some(since + self.config.interruption.false_interruption_timeout)
    }

    pub(super) fn resume(&mut self, now: Instant) {
        if self.resume_at().is_some_and(|at| now >= at) {
            self.give_back_floor();
        }
    }

    /// A paused speech goes on at once.
    pub(super) fn give_back_floor(&mut self) {
        let Some(speech) = &mut self.voice.active else {
            return;
        };
        let Phase::Paused { began, .. } = speech.phase else {
            return;
        };
        speech.phase = began.map_or(Phase::Due, |since| Phase::Playing { since });
        let reply = speech.reply;
        self.act(Action::Resume { reply });
    }

    /// The agent loses the floor, and with it whatever waited to be said.
    pub(super) fn take_floor(&mut self) {
        if let Some(speech) = self.voice.active.take() {
            self.act(Action::Interrupt {
                reply: speech.reply,
            });
        }
        for queued in std::mem::take(&mut self.voice.waiting) {
            if queued.interruptible {
                self.act(Action::Abandon {
                    reply: queued.reply,
                });
            } else {
                self.voice.waiting.push_back(queued);
            }
        }
    }

    /// The caller's turn is over: the agent answers.
    pub(super) fn answer(
        &mut self,
        heard: Heard,
        times: Times,
        prepared: Option<ReplyId>,
        now: Instant,
    ) -> &mut Speech {
        self.away = 0;
        self.take_floor();
        let reply = prepared.unwrap_or_else(|| self.new_reply());
        if prepared.is_none() {
            self.act(Action::Prepare {
                reply,
                to: heard.clone(),
            });
        }
        self.act(Action::Commit(Commit {
            reply,
            heard,
            started: times.started,
            last_speech: times.last_speech,
            transcribed: times.transcribed,
            committed: now,
            prepared: prepared.is_some(),
        }));
        self.speak(Speech::new(reply, true))
    }

    fn speak(&mut self, speech: Speech) -> &mut Speech {
        let reply = speech.reply;
        self.act(Action::Speak { reply });
        self.voice.active.insert(speech)
    }
}
