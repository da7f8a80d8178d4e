//! The caller's half: opening a turn, asking about it, finding its end.

use std::time::{Duration, Instant};

use trunkline_base::secret::Personal;

use super::{Machine, Times};
use crate::turn::ear::samples;
use crate::turn::event::{Action, Heard, ReplyId, RequestId, Sound, Verdict, Words};
use crate::turn::open::{EndView, OpenTurn, Prepared, Whole, same_words, words};
use crate::turn::voice::{Answered, Speech};

/// A pause closes the segment before it once the segment is this long: shorter ones are
/// understood better when they are transcribed whole.
pub(super) const LONG_SEGMENT: Duration = Duration::from_secs(8);

/// How long the brain may take to say whether a text is a whole request. It answers within the
/// same millisecond; the limit only keeps a lost answer from holding the call.
const VERDICT_LIMIT: Duration = Duration::from_millis(100);

/// Silence after which a sound that holds the agent up is asked for words.
const HELD_UP: Duration = Duration::from_millis(70);

/// What the end of a silence brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The turn is answered.
    Commit,
    /// Nothing was said, or nothing that is a turn: the agent keeps or gets back the floor.
    Ignore,
}

impl Machine {
    pub(super) fn on_window(&mut self, sound: Sound, now: Instant) {
        let pause = self.ear.silence(now);
        let begun = self.ear.window(sound, now);
        if let Some(turn) = self
            .turn
            .as_mut()
            .filter(|_| self.ear.silence(now).is_zero())
        {
            turn.peak = turn.peak.max(sound.level);
        }
        if !begun {
            return;
        }
        self.away = 0;
        if self.deaf() {
            return;
        }
        let start = self.ear.padded_start();
        match &mut self.turn {
            None => {
                let began = self.ear.onset().unwrap_or(now);
                let mut turn = OpenTurn::new(began, start);
                let over = self.voice.active.as_ref().filter(|s| s.began().is_some());
                turn.over = over.map(|speech| speech.reply);
                turn.peak = self.ear.peak().unwrap_or(sound.level);
                self.turn = Some(turn);
            }
            Some(turn) if pause >= self.config.vad.min_silence_duration => {
                turn.close_segment_if_long(self.ear.heard(), LONG_SEGMENT);
            }
            Some(_) => {}
        }
    }

    /// Speech that began over an uninterruptible answer and outlasted it is a turn from here.
    pub(super) fn open_late(&mut self, now: Instant) {
        if self.turn.is_none()
            && self.ear.speaking()
            && !self.deaf()
            && self.ear.silence(now).is_zero()
        {
            self.turn = Some(OpenTurn::new(now, self.ear.heard()));
        }
    }

    pub(super) fn on_transcript(&mut self, request: RequestId, words: &Words, now: Instant) {
        let Some(turn) = &mut self.turn else { return };
        if !turn.transcript(request, words, now) {
            return;
        }
        let Some(whole) = self.whole_text() else {
            return self.judge(now);
        };
        if whole.text.is_empty() {
            return;
        }
        if self.may_be_meant(&whole) {
            return self.prepare(&whole.text, now);
        }
        if self.no_turn(&whole) {
            return;
        }
        self.act(Action::Interim(Personal::new(whole.text.clone())));
        self.prepare(&whole.text, now);
    }

    pub(super) fn prepared(&mut self, reply: ReplyId) -> Option<&mut Prepared> {
        self.turn
            .as_mut()?
            .prepared
            .as_mut()
            .filter(|prepared| prepared.reply == reply)
    }

    /// Asks the models about the present silence.
    pub(super) fn ask(&mut self, now: Instant) {
        let Some(last) = self.ear.last() else { return };
        let heard = self.ear.heard();
        if self.turn.as_ref().is_some_and(|turn| {
            turn.forced.is_none()
                && turn.segment_length(heard) >= samples(self.config.limits.max_segment)
                && self.ear.silence(now).is_zero()
        }) {
            let request = self.new_request();
            if let Some(turn) = &mut self.turn {
                let audio = turn.cut(request, heard);
                self.act(Action::Transcribe { request, audio });
            }
        }
        self.ask_for_words(now);
        if self.ask_at().is_some_and(|at| now >= at) {
            let request = self.new_request();
            if let Some(turn) = &mut self.turn {
                let audio = turn.ask(request, last, heard);
                self.act(Action::Transcribe { request, audio });
            }
        }
        if self.ask_end_at().is_some_and(|at| now >= at) {
            let request = self.new_request();
            let window = self.config.end_of_turn.window;
            if let Some(turn) = &mut self.turn {
                let audio = turn.ask_end(request, last, &self.ear, window, now);
                self.act(Action::PredictEnd { request, audio });
            }
        }
    }

    pub(super) fn ask_at(&self) -> Option<Instant> {
        let (turn, last) = self.turn.as_ref().zip(self.ear.last())?;
        let wanted = turn.forced.is_none() && turn.wants_transcript(last);
        let rules = &self.config.vad;
        // Who holds the agent up is asked sooner: it may have been a cough.
        let held = turn.over.is_some() && self.voice.active.as_ref().is_some_and(Speech::paused);
        let after = if held {
            rules.speculate_after.min(HELD_UP)
        } else {
            rules.speculate_after
        };
        wanted.then(|| last.at + after)
    }

    pub(super) fn ask_end_at(&self) -> Option<Instant> {
        let (turn, last) = self.turn.as_ref().zip(self.ear.last())?;
        let rules = &self.config.end_of_turn;
        let wanted = rules.enabled && turn.forced.is_none() && turn.wants_end(last);
        wanted.then(|| last.at + rules.ask_after)
    }

    pub(super) fn limit_at(&self) -> Option<Instant> {
        let turn = self.turn.as_ref().filter(|turn| turn.forced.is_none())?;
        Some(turn.started + self.config.limits.max_duration?)
    }

    /// A caller who talks on and on is answered at the limit.
    pub(super) fn limit(&mut self, now: Instant) {
        if self.limit_at().is_none_or(|at| now < at) {
            return;
        }
        let request = self.new_request();
        let (Some(turn), Some(last)) = (&mut self.turn, self.ear.last()) else {
            return;
        };
        turn.forced = Some(last);
        if turn.wants_transcript(last) {
            let audio = turn.ask(request, last, self.ear.heard());
            self.act(Action::Transcribe { request, audio });
        }
    }

    /// When the present silence will end the turn, as far as is known.
    pub(super) fn endpoint_at(&self, now: Instant) -> Option<Instant> {
        match self.endpoint_due(now) {
            Some((at, _)) => Some(at),
            None => self.view_given_up(now),
        }
    }

    /// Ends the turn if its time has come.
    pub(super) fn endpoint(&mut self, now: Instant) {
        let Some((at, outcome)) = self.endpoint_due(now) else {
            return;
        };
        if now < at {
            return;
        }
        match outcome {
            Outcome::Commit => self.commit(now),
            Outcome::Ignore => {
                self.turn_dropped();
                self.give_back_floor();
            }
        }
    }

    /// Forgets the caller's turn and what was prepared for it.
    pub(super) fn turn_dropped(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        if let Some(prepared) = turn.prepared {
            self.act(Action::Abandon {
                reply: prepared.reply,
            });
        }
    }

    pub(super) fn whole_text(&self) -> Option<Whole> {
        let turn = self.turn.as_ref()?;
        turn.text(turn.until(&self.ear)?)
    }

    fn prepare(&mut self, text: &str, now: Instant) {
        let soft = self.turn.as_ref().is_some_and(|turn| self.is_soft(turn));
        let running = self
            .voice
            .active
            .as_ref()
            .is_some_and(|speech| !speech.paused())
            && !soft;
        let limits = &self.config.preemptive;
        let Some(turn) = &mut self.turn else { return };
        if let Some(old) = &turn.prepared {
            if same_words(&old.text, text) {
                return;
            }
            let stale = old.reply;
            turn.prepared = None;
            self.actions.push_back(Action::Abandon { reply: stale });
        }
        let long = now.saturating_duration_since(turn.started) > limits.max_speech_duration;
        if !limits.enabled || running || long || turn.attempts >= limits.max_retries {
            return;
        }
        turn.attempts += 1;
        self.replies += 1;
        let reply = ReplyId(self.replies);
        turn.prepared = Some(Prepared {
            reply,
            text: text.to_owned(),
            verdict: None,
            at: now,
        });
        let to = Heard::Speech(Personal::new(text.to_owned()));
        self.actions.push_back(Action::Prepare { reply, to });
    }

    /// When the present silence ends the turn and how, once enough is known to say.
    fn endpoint_due(&self, now: Instant) -> Option<(Instant, Outcome)> {
        let turn = self.turn.as_ref()?;
        let last = turn.until(&self.ear)?;
        let whole = turn.text(last)?;
        let nothing = whole.text.is_empty();
        if !nothing && self.holds_floor() {
            return None;
        }
        if self.may_be_meant(&whole) && Self::awaits_verdict(turn, now) {
            return None;
        }
        if nothing || self.no_turn(&whole) {
            return Some((self.ignored_at(turn, last.at, whole.came), Outcome::Ignore));
        }
        if turn.forced.is_some() {
            return Some((whole.came, Outcome::Commit));
        }
        if Self::awaits_verdict(turn, now) {
            return None;
        }
        let prepared = turn.prepared.as_ref();
        let verdict = prepared.and_then(|prepared| prepared.verdict);
        let verdict = verdict.unwrap_or(Verdict::Unknown);
        let EndView::Known(probability) = turn.end_view(last, &self.config, now) else {
            return None;
        };
        let mut delay = self.delay(verdict, probability);
        if self
            .config
            .limits
            .max_words
            .is_some_and(|max| words(&whole.text).count() >= max)
        {
            delay = delay.min(self.config.endpointing.min_delay);
        }
        Some((last.at + delay, Outcome::Commit))
    }

    /// Whether the brain is still to say what it makes of the words.
    fn awaits_verdict(turn: &OpenTurn, now: Instant) -> bool {
        let prepared = turn.prepared.as_ref();
        prepared
            .is_some_and(|prepared| prepared.verdict.is_none() && now < prepared.at + VERDICT_LIMIT)
    }

    /// When a turn that is none is forgotten: at once if it holds the agent up, else when it is
    /// sure that nothing follows.
    fn ignored_at(&self, turn: &OpenTurn, last: Instant, came: Instant) -> Instant {
        if turn.over.is_some() || turn.answered.is_some() {
            return came;
        }
        let silence = self.config.vad.min_silence_duration;
        last + self.config.endpointing.min_delay.max(silence)
    }

    /// The wait after the last moment of speech.
    fn delay(&self, verdict: Verdict, probability: Option<f32>) -> Duration {
        let delays = &self.config.endpointing;
        let finished = probability.is_none_or(|p| p >= self.config.end_of_turn.threshold);
        match (verdict, finished) {
            (Verdict::Incomplete, _) | (Verdict::Unknown, false) => delays.max_delay,
            (Verdict::Complete, false) => delays.understood_delay,
            (Verdict::Complete | Verdict::Unknown, true)
            | (Verdict::Whole | Verdict::Goodbye, _) => delays.min_delay,
        }
    }

    /// When waiting for an answer is given up, if that is what the endpoint waits for.
    fn view_given_up(&self, now: Instant) -> Option<Instant> {
        let turn = self.turn.as_ref()?;
        let last = turn.until(&self.ear)?;
        turn.text(last)?;
        if self.holds_floor() {
            return None;
        }
        if let Some(prepared) = turn
            .prepared
            .as_ref()
            .filter(|prepared| prepared.verdict.is_none())
        {
            let given_up = prepared.at + VERDICT_LIMIT;
            if now < given_up {
                return Some(given_up);
            }
        }
        match turn.end_view(last, &self.config, now) {
            EndView::Pending(given_up) => given_up,
            EndView::Known(_) => None,
        }
    }

    fn commit(&mut self, now: Instant) {
        let Some(whole) = self.whole_text() else {
            return;
        };
        self.learn(&whole);
        let Whole { text, came, .. } = whole;
        let Some(mut turn) = self.turn.take() else {
            return;
        };
        let last = turn.until(&self.ear).map_or(came, |last| last.at);
        let prepared = match turn.prepared.take() {
            Some(prepared) if same_words(&prepared.text, &text) => Some(prepared.reply),
            Some(prepared) => {
                self.act(Action::Abandon {
                    reply: prepared.reply,
                });
                None
            }
            None => None,
        };
        let times = Times {
            started: turn.started,
            last_speech: last,
            transcribed: Some(came),
        };
        let heard = Heard::Speech(Personal::new(text.clone()));
        let answer = self.answer(heard, times, prepared, now);
        answer.interruptible = turn.forced.is_none();
        answer.answers = Some(Answered { turn, text });
    }
}
