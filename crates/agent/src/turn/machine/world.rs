//! A caller, three models and a loudspeaker in virtual time, around one machine.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use trunkline_base::secret::Personal;

use super::Machine;
use crate::turn::config::TurnConfig;
use crate::turn::ear::WINDOW_TIME;
use crate::turn::event::{
    Action, Commit, Heard, Input, ReplyId, RequestId, Sound, Stage, Verdict, Words,
};

/// How quick and how clever the simulated parts are.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) stt: Duration,
    pub(super) end: Duration,
    pub(super) first_sound: Duration,
    pub(super) reply_length: Duration,
    pub(super) finished: f32,
    pub(super) verdict: Verdict,
    pub(super) sure: f32,
    pub(super) own: f32,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            stt: ms(100),
            end: ms(60),
            first_sound: ms(150),
            reply_length: ms(2000),
            finished: 0.9,
            verdict: Verdict::Unknown,
            sure: 0.9,
            own: 0.0,
        }
    }
}

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The loudspeaker: what sounds, what is held, how much of it was played.
#[derive(Debug, Default)]
pub(super) struct Speaker {
    pub(super) playing: Option<ReplyId>,
    pub(super) held: Option<ReplyId>,
    left: Duration,
    starts: Option<(ReplyId, Instant)>,
}

pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) now: Instant,
    began: Instant,
    pub(super) parts: Parts,
    /// What a transcription would understand.
    pub(super) words: String,
    /// What the latest turn was.
    committed: String,
    pub(super) log: Vec<(Duration, Action)>,
    pub(super) speaker: Speaker,
    due: BTreeMap<(Instant, u64), Input>,
    serial: u64,
    latest: Option<RequestId>,
    /// Time-outs that fired without any input in between at one instant.
    pub(super) spins: u32,
}

impl World {
    pub(super) fn new(config: TurnConfig) -> Self {
        let now = Instant::now();
        Self {
            machine: Machine::new(config, now),
            now,
            began: now,
            parts: Parts::default(),
            words: String::new(),
            committed: String::new(),
            log: Vec::new(),
            speaker: Speaker::default(),
            due: BTreeMap::new(),
            serial: 0,
            latest: None,
            spins: 0,
        }
    }

    pub(super) fn phone() -> Self {
        Self::new(TurnConfig::phone())
    }

    /// The caller says these words for this long.
    pub(super) fn caller_says(&mut self, text: &str, length: Duration) {
        if !self.words.is_empty() && !text.is_empty() {
            self.words.push(' ');
        }
        self.words.push_str(text);
        self.sound(0.95, length);
    }

    /// Nothing is said for this long.
    pub(super) fn silence(&mut self, length: Duration) {
        self.sound(0.02, length);
    }

    /// The agent wants to say something.
    pub(super) fn agent_says(&mut self, interruptible: bool) -> ReplyId {
        let reply = self.machine.new_reply();
        self.input(Input::Say {
            reply,
            interruptible,
        });
        reply
    }

    pub(super) fn sound(&mut self, voice: f32, length: Duration) {
        let level = if voice < 0.5 { -65.0 } else { -25.0 };
        let own = false;
        self.line(Sound { voice, level, own }, length);
    }

    /// The line carries this for so long.
    pub(super) fn line(&mut self, sound: Sound, length: Duration) {
        let end = self.now + length;
        while self.now < end {
            self.run_until(self.now + WINDOW_TIME);
            self.input(Input::Window(sound));
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.machine.handle_input(input, self.now);
        self.obey();
    }

    fn run_until(&mut self, until: Instant) {
        loop {
            let input = self
                .due
                .keys()
                .next()
                .copied()
                .filter(|(at, _)| *at <= until);
            let speaker = self.speaker_at().filter(|at| *at <= until);
            let timeout = self
                .machine
                .poll_timeout(self.now)
                .map(|(at, _)| at)
                .filter(|at| *at <= until);
            let next = [input.map(|(at, _)| at), speaker, timeout]
                .into_iter()
                .flatten()
                .min();
            let Some(at) = next else { break };
            self.play(at);
            if let Some(key) = input.filter(|(due, _)| *due <= at) {
                let input = self.due.remove(&key).unwrap();
                self.input(input);
            } else if speaker.is_some_and(|due| due <= at) {
                self.speaker_moves();
            } else {
                self.spins += 1;
                assert!(
                    self.spins < 20,
                    "time-out repeats: {:?}",
                    self.machine.poll_timeout(at)
                );
                self.machine.handle_timeout(self.now);
                self.obey();
                continue;
            }
            self.spins = 0;
        }
        self.play(until);
        self.spins = 0;
    }

    /// Time passes for the loudspeaker.
    fn play(&mut self, at: Instant) {
        let at = at.max(self.now);
        if self.speaker.playing.is_some() {
            self.speaker.left = self.speaker.left.saturating_sub(at - self.now);
        }
        self.now = at;
    }

    fn speaker_at(&self) -> Option<Instant> {
        match (self.speaker.playing, self.speaker.starts) {
            (Some(_), _) => Some(self.now + self.speaker.left),
            (None, Some((reply, at))) if self.speaker.held != Some(reply) => Some(at.max(self.now)),
            (None, _) => None,
        }
    }

    fn speaker_moves(&mut self) {
        if let Some(reply) = self.speaker.playing.filter(|_| self.speaker.left.is_zero()) {
            self.speaker.playing = None;
            self.input(Input::Playout {
                reply,
                stage: Stage::Finished,
            });
        } else if let Some((reply, _)) = self.speaker.starts.take() {
            assert!(self.speaker.playing.is_none(), "two speeches at once");
            self.speaker.playing = Some(reply);
            self.speaker.left = self.parts.reply_length;
            self.input(Input::Playout {
                reply,
                stage: Stage::Started,
            });
        }
    }

    fn later(&mut self, after: Duration, input: Input) {
        self.serial += 1;
        self.due.insert((self.now + after, self.serial), input);
    }

    fn obey(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.log.push((self.now - self.began, action.clone()));
            match action {
                Action::Transcribe { request, .. } => {
                    self.latest = Some(request);
                    let words = Words {
                        text: Personal::new(self.words.clone()),
                        sure: self.parts.sure,
                        own: self.parts.own,
                    };
                    self.later(self.parts.stt, Input::Transcript { request, words });
                }
                Action::PredictEnd { request, .. } => {
                    let probability = Some(self.parts.finished);
                    self.later(
                        self.parts.end,
                        Input::EndOfTurn {
                            request,
                            probability,
                        },
                    );
                }
                Action::Prepare { reply, .. } => {
                    let verdict = self.parts.verdict;
                    self.machine
                        .handle_input(Input::Understood { reply, verdict }, self.now);
                }
                Action::Commit(_) => self.committed = std::mem::take(&mut self.words),
                Action::Reopen { .. } => {
                    // The sound of the whole turn is heard again.
                    let went_on = std::mem::take(&mut self.words);
                    self.words = format!("{} {went_on}", self.committed).trim().to_owned();
                }
                Action::Speak { reply } => {
                    assert!(self.speaker.playing.is_none(), "two speeches at once");
                    assert!(self.speaker.held.is_none(), "a held speech was forgotten");
                    self.speaker.starts = Some((reply, self.now + self.parts.first_sound));
                }
                Action::Abandon { reply } | Action::Interrupt { reply } => self.drop_speech(reply),
                Action::Pause { reply, .. } => {
                    assert!(self.speaker.held.is_none(), "paused twice");
                    self.speaker.held = Some(reply);
                    self.speaker.playing = None;
                }
                Action::Resume { reply } => {
                    assert_eq!(
                        self.speaker.held.take(),
                        Some(reply),
                        "resumed what was not held"
                    );
                    if self.speaker.starts.is_none() {
                        self.speaker.playing = Some(reply);
                    }
                }
                Action::Interim(_)
                | Action::UserState(_)
                | Action::AgentState(_)
                | Action::Away { .. } => {}
            }
        }
    }

    fn drop_speech(&mut self, reply: ReplyId) {
        if self.speaker.playing == Some(reply) {
            self.speaker.playing = None;
        }
        if self.speaker.held == Some(reply) {
            self.speaker.held = None;
        }
        if self
            .speaker
            .starts
            .is_some_and(|(starting, _)| starting == reply)
        {
            self.speaker.starts = None;
        }
    }

    /// The turns of the caller, as they were taken.
    pub(super) fn commits(&self) -> Vec<Commit> {
        let commit = |action: &Action| match action {
            Action::Commit(commit) => Some(commit.clone()),
            _ => None,
        };
        self.log
            .iter()
            .filter_map(|(_, action)| commit(action))
            .collect()
    }

    /// The texts of the caller's turns.
    pub(super) fn heard(&self) -> Vec<String> {
        let text = |commit: &Commit| match &commit.heard {
            Heard::Speech(text) | Heard::Digits(text) => text.expose().clone(),
        };
        self.commits().iter().map(text).collect()
    }

    pub(super) fn count(&self, wanted: impl Fn(&Action) -> bool) -> usize {
        self.log.iter().filter(|(_, action)| wanted(action)).count()
    }

    /// When the first action of a kind was taken.
    pub(super) fn when(&self, wanted: impl Fn(&Action) -> bool) -> Option<Duration> {
        self.log
            .iter()
            .find(|(_, action)| wanted(action))
            .map(|(at, _)| *at)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.began
    }
}
