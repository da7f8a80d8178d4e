//! One answer on its way: what was made of it, what of it was played, and how long things took.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::VOICE_FRAME;
use super::fault::Fault;
use super::make::{Gate, Made, Maker, Material};
use crate::brain::{Act, Memory};
use crate::provider::Used;
use crate::turn::{ReplyId, Script};

/// One answer. Dropping it ends its making.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: ReplyId,
    gate: watch::Sender<Gate>,
    _work: JoinSet<()>,
    sound: VecDeque<i16>,
    pub(super) script: Script,
    pub(super) played: u64,
    pub(super) acts: Vec<Act>,
    /// What the brain is to keep of it.
    pub(super) memory: Option<Memory>,
    /// What the brain knew before it kept any of that.
    pub(super) before: Option<Memory>,
    /// The turn it answers goes on, so that it may never have been given.
    pub(super) withdrawn: bool,
    /// The machine let it speak.
    pub(super) spoken: bool,
    /// Its first sound was sent.
    pub(super) started: bool,
    /// It has done something that stays, whatever becomes of its words.
    pinned: bool,
    /// All of it was made.
    pub(super) whole: bool,
    /// Why it is not all there, if it is not.
    pub(super) failed: Option<Fault>,
    /// The machine was told that it can be answered.
    pub(super) ending: bool,
    pub(super) times: Times,
}

/// What the conversation must see to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heed {
    /// There is something to remember at once.
    Memory,
    /// The answer cannot be taken back any more.
    Pinned,
    /// A provider is to be paid for this.
    Used(Used),
    /// Nothing more will be made.
    Whole,
}

/// Moments of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// The brain was asked.
    pub(super) asked: Instant,
    pub(super) first_words: Option<Instant>,
    pub(super) first_sentence: Option<Instant>,
    pub(super) first_sound: Option<Instant>,
    pub(super) started: Option<Instant>,
}

impl Reply {
    /// Begins to make an answer. The maker must not have been started.
    pub(super) fn begin(
        id: ReplyId,
        gate: watch::Sender<Gate>,
        maker: Maker,
        material: Material,
    ) -> Self {
        let mut work = JoinSet::new();
        work.spawn(maker.run(material));
        Self {
            id,
            gate,
            _work: work,
            sound: VecDeque::new(),
            script: Script::default(),
            played: 0,
            acts: Vec::new(),
            memory: None,
            before: None,
            withdrawn: false,
            spoken: false,
            started: false,
            pinned: false,
            whole: false,
            failed: None,
            ending: false,
            times: Times {
                asked: Instant::now(),
                first_words: None,
                first_sentence: None,
                first_sound: None,
                started: None,
            },
        }
    }

    /// The caller's turn is over and this is the answer to it.
    pub(super) fn speak(&mut self) {
        self.spoken = true;
        self.gate.send_replace(Gate::Act);
    }

    /// Takes a piece that was made; what the conversation must see to is handed back.
    pub(super) fn take(&mut self, made: Made) -> Option<Heed> {
        let now = Instant::now();
        match made {
            Made::FirstWords => self.times.first_words = Some(now),
            Made::Sentence => {
                self.times.first_sentence.get_or_insert(now);
            }
            Made::Clause(text) => self.script.begin(text),
            Made::Sound(samples) => {
                self.times.first_sound.get_or_insert(now);
                self.script.add(samples.len() as u64);
                self.sound.extend(samples);
            }
            Made::Words(words) => self.script.time(words),
            Made::ClauseEnd => self.script.close(),
            Made::Act(act) => self.acts.push(act),
            Made::Memory(memory) => {
                self.memory = Some(memory);
                let counts = self.started || self.pinned;
                return (counts && !self.withdrawn).then_some(Heed::Memory);
            }
            Made::Pinned => {
                self.pinned = true;
                return Some(Heed::Pinned);
            }
            Made::Used(used) => return Some(Heed::Used(used)),
            Made::Done => {
                self.whole = true;
                return Some(Heed::Whole);
            }
            Made::Failed(fault) => {
                self.whole = true;
                self.failed = Some(fault);
                return Some(Heed::Whole);
            }
        }
        None
    }

    /// Whether a frame can be played; the last one may be short.
    pub(super) fn has_frame(&self) -> bool {
        self.sound.len() >= VOICE_FRAME || (self.whole && !self.sound.is_empty())
    }

    /// Whether everything was played.
    pub(super) fn is_over(&self) -> bool {
        self.whole && self.sound.is_empty()
    }

    /// Takes the next frame out.
    pub(super) fn frame(&mut self, frame: &mut [i16; VOICE_FRAME]) {
        frame.fill(0);
        let length = self.sound.len().min(VOICE_FRAME);
        for (place, sample) in frame.iter_mut().zip(self.sound.drain(..length)) {
            *place = sample;
        }
        self.played += length as u64;
    }

    /// Whether the caller has heard what there is to answer: half of a question or, if nothing is
    /// asked, all but this much.
    pub(super) fn can_be_answered(&self, boundary: Duration) -> bool {
        if self.script.asks() {
            return self.script.asked(self.played);
        }
        let near = boundary.as_millis() * u128::from(super::VOICE_RATE) / 1000;
        self.whole && (self.sound.len() as u128) < near
    }

    /// What was heard of it so far.
    pub(super) fn said(&self) -> String {
        self.script.said(self.played, super::VOICE_RATE)
    }
}
