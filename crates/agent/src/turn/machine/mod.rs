//! The turn machine itself: inputs in, actions out.

mod caller;
mod floor;
mod hold;
mod judge;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod world;

use std::collections::VecDeque;
use std::time::Instant;

use trunkline_base::secret::Personal;

use super::config::TurnConfig;
use super::ear::Ear;
use super::event::{
    Action, AgentState, DigitPlan, Heard, Input, Line, ReplyId, RequestId, Stage, UserState, Words,
};
use super::open::OpenTurn;
use super::voice::{Phase, Voice};

/// Decides whose turn it is.
#[derive(Debug)]
pub struct Machine {
    config: TurnConfig,
    ear: Ear,
    /// The caller's turn, while it is open.
    turn: Option<OpenTurn>,
    voice: Voice,
    digits: Digits,
    line: Line,
    /// How loud the caller is at the loudest, as far as that is known.
    caller: Option<f32>,
    /// Since when both have been silent, and how often that lasted too long.
    quiet_since: Option<Instant>,
    away: u32,
    closed: bool,
    user_state: UserState,
    agent_state: AgentState,
    replies: u64,
    requests: u64,
    actions: VecDeque<Action>,
}

/// Keys pressed so far.
#[derive(Debug, Default)]
struct Digits {
    plan: DigitPlan,
    pressed: String,
    /// They need no further key.
    complete: bool,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Machine {
    /// A conversation in which nothing has happened yet.
    pub fn new(config: TurnConfig, _now: Instant) -> Self {
        Self {
            ear: Ear::new(config.vad.clone()),
            config,
            turn: None,
            voice: Voice::default(),
            digits: Digits::default(),
            line: Line::Open,
            caller: None,
            quiet_since: None,
            away: 0,
            closed: false,
            user_state: UserState::Listening,
            agent_state: AgentState::Initializing,
            replies: 0,
            requests: 0,
            actions: VecDeque::new(),
        }
    }

    /// An id for something the agent wants to say of its own accord; see [`Input::Say`].
    pub fn new_reply(&mut self) -> ReplyId {
        self.replies += 1;
        ReplyId(self.replies)
    }

    /// Takes one input.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        if self.closed {
            return;
        }
        match input {
            Input::Window(sound) => self.on_window(self.voiced(sound), now),
            Input::Transcript { request, words } => self.on_transcript(request, &words, now),
            Input::TranscriptFailed { request } => {
                self.on_transcript(request, &Words::default(), now);
            }
            Input::EndOfTurn {
                request,
                probability,
            } => {
                if let Some(turn) = &mut self.turn {
                    turn.end_of_turn(request, probability);
                }
            }
            Input::Understood { reply, verdict } => {
                if let Some(prepared) = self.prepared(reply) {
                    prepared.verdict = Some(verdict);
                }
            }
            Input::Say {
                reply,
                interruptible,
            } => self.on_say(reply, interruptible),
            Input::Pinned { reply } => self.on_speech(reply, |speech| speech.pinned = true),
            Input::Interruptible {
                reply,
                interruptible,
            } => {
                self.on_speech(reply, |speech| speech.interruptible = interruptible);
            }
            Input::Playout { reply, stage } => self.on_playout(reply, stage, now),
            Input::Digit(key) => self.on_digit(key, now),
            Input::Line(line) => self.on_line(line),
            Input::ExpectDigits(plan) => self.digits.plan = plan,
            Input::CallerLeft => return self.on_left(),
        }
        self.advance(now);
    }

    /// Lets time pass. Late or repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.closed {
            self.advance(now);
        }
    }

    /// The next thing to do, oldest first.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Machine::handle_timeout`], and why.
    pub fn poll_timeout(&self, now: Instant) -> Option<(Instant, &'static str)> {
        if self.closed {
            return None;
        }
        let candidates = [
            self.ear.stretch_ends_at().map(|at| (at, "silence")),
            self.ask_at().map(|at| (at, "first silence")),
            self.judge_at().map(|at| (at, "judgement")),
            self.ask_end_at().map(|at| (at, "end of turn")),
            self.endpoint_at(now).map(|at| (at, "endpointing")),
            self.limit_at().map(|at| (at, "turn limit")),
            self.resume_at().map(|at| (at, "false interruption")),
            self.digits_at().map(|at| (at, "digits")),
            self.away_at().map(|at| (at, "away")),
        ];
        candidates.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// The caller's state.
    pub fn user_state(&self) -> UserState {
        self.user_state
    }

    /// The agent's state.
    pub fn agent_state(&self) -> AgentState {
        self.agent_state
    }

    fn advance(&mut self, now: Instant) {
        self.ear.end_stretch_if_silent(now);
        self.open_late(now);
        self.barge_in(now);
        self.ask(now);
        self.limit(now);
        self.endpoint(now);
        self.resume(now);
        self.finish_digits(now);
        self.next_speech();
        self.keep_still(now);
        self.watch_quiet(now);
        self.show_states();
    }

    fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    fn new_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    fn on_digit(&mut self, key: char, now: Instant) {
        let unwanted = !self.digits.plan.wanted.hold(key) && self.voice.active.is_some();
        if self.on_hold() || unwanted {
            return;
        }
        self.turn_dropped();
        if self.digits.pressed.is_empty() {
            self.digits.first = Some(now);
        }
        self.digits.last = Some(now);
        let open = self
            .voice
            .active
            .as_ref()
            .is_none_or(|speech| speech.interruptible);
        if open {
            self.take_floor();
        }
        if Some(key) == self.digits.plan.finish {
            self.digits.complete = !self.digits.pressed.is_empty();
        } else if self.digits.pressed.len() < MOST_DIGITS {
            self.digits.pressed.push(key);
            self.digits.complete |= self.digits.pressed.len() >= self.digits.plan.max.max(1);
        }
    }

    /// When the keys pressed so far become an input; not while the agent must not be interrupted.
    fn digits_at(&self) -> Option<Instant> {
        let last = self
            .digits
            .last
            .filter(|_| !self.digits.pressed.is_empty())?;
        if self.holds_floor() {
            return None;
        }
        Some(if self.digits.complete {
            last
        } else {
            last + self.digits.plan.timeout
        })
    }

    fn finish_digits(&mut self, now: Instant) {
        if self.digits_at().is_some_and(|at| now >= at) {
            self.commit_digits(now);
        }
    }

    fn commit_digits(&mut self, now: Instant) {
        let pressed = std::mem::take(&mut self.digits.pressed);
        self.digits.complete = false;
        let started = self.digits.first.take().unwrap_or(now);
        let heard = Heard::Digits(Personal::new(pressed));
        self.answer(
            heard,
            Times {
                started,
                last_speech: now,
                transcribed: None,
            },
            None,
            now,
        );
    }

    /// When the running silence of both sides becomes too long.
    fn away_at(&self) -> Option<Instant> {
        Some(self.quiet_since? + self.config.user_away_timeout?)
    }

    fn watch_quiet(&mut self, now: Instant) {
        let quiet = self.line == Line::Open
            && self.turn.is_none()
            && self.voice.active.is_none()
            && self.voice.waiting.is_empty()
            && !self.ear.speaking()
            && self.digits.pressed.is_empty();
        if !quiet {
            self.quiet_since = None;
            return;
        }
        let since = *self.quiet_since.get_or_insert(now);
        let Some(limit) = self.config.user_away_timeout else {
            return;
        };
        if now >= since + limit {
            self.away += 1;
            self.quiet_since = Some(now);
            self.act(Action::Away { times: self.away });
        }
    }

    fn show_states(&mut self) {
        let user = if self.ear.speaking() {
            UserState::Speaking
        } else if self.away > 0 {
            UserState::Away
        } else {
            UserState::Listening
        };
        if user != self.user_state {
            self.user_state = user;
            self.act(Action::UserState(user));
        }
        let agent = match self.voice.active.as_ref().map(|speech| speech.phase) {
            Some(Phase::Due) => AgentState::Thinking,
            Some(Phase::Playing { .. }) => AgentState::Speaking,
            Some(Phase::Paused { .. }) => AgentState::Listening,
            None if self.away > 0 => AgentState::Idle,
            None => AgentState::Listening,
        };
        if agent != self.agent_state {
            self.agent_state = agent;
            self.act(Action::AgentState(agent));
        }
    }

    fn on_left(&mut self) {
        self.turn_dropped();
        self.take_floor();
        self.closed = true;
        self.quiet_since = None;
    }

    fn on_playout(&mut self, reply: ReplyId, stage: Stage, now: Instant) {
        match stage {
            Stage::Started => self.on_started(reply, now),
            Stage::Ending => self.voice.can_be_answered(reply, now),
            Stage::Finished | Stage::Nothing => {
                self.voice.can_be_answered(reply, now);
                if self.voice.is(reply) {
                    self.voice.active = None;
                } else {
                    self.voice.waiting.retain(|queued| queued.reply != reply);
                }
            }
        }
    }
}

/// Keys kept for one input; more are a stuck key or an attack.
const MOST_DIGITS: usize = 64;

/// The moments of a caller's turn.
struct Times {
    started: Instant,
    last_speech: Instant,
    transcribed: Option<Instant>,
}
