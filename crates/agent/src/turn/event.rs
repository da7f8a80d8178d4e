//! What the machine is told and what it wants done.

use std::ops::Range;
use std::time::{Duration, Instant};

use trunkline_base::secret::Personal;

/// One answer of the agent, from the first thought to the last sound.
///
/// Everything produced for an answer carries its id; what carries an id the machine has
/// abandoned or interrupted is dropped by whoever holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// One question to a model about the caller's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A window of 512 samples of the caller's line at 16 kHz, as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sound {
    /// Probability that it holds a voice.
    pub voice: f32,
    /// Loudness, in decibels below full scale.
    pub level: f32,
    /// Whether it is the agent's own voice come back.
    pub own: bool,
}

/// What was made out in a stretch of the caller's line.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// The words; none means that nobody spoke.
    pub text: Personal<String>,
    /// How sure the recogniser is of them, from 0 to 1.
    pub sure: f32,
    /// The share of the sound that is the agent's own voice come back.
    pub own: f32,
}

/// What the machine is told. A conversation is the list of its inputs and their times.
#[derive(Clone, Debug)]
pub enum Input {
    /// The next window of the caller's line.
    Window(Sound),
    /// A transcription came back.
    Transcript {
        /// The question.
        request: RequestId,
        /// What was understood.
        words: Words,
    },
    /// A transcription failed or took too long.
    TranscriptFailed {
        /// The question.
        request: RequestId,
    },
    /// How finished the caller sounds, or `None` if the model could not say.
    EndOfTurn {
        /// The question.
        request: RequestId,
        /// From 0, surely not, to 1.
        probability: Option<f32>,
    },
    /// The brain's view of a text it was given to prepare an answer for.
    Understood {
        /// The prepared answer.
        reply: ReplyId,
        /// Its view.
        verdict: Verdict,
    },
    /// The agent has something to say of its own accord.
    Say {
        /// From [`Machine::new_reply`](super::Machine::new_reply).
        reply: ReplyId,
        /// Whether the caller may talk over it.
        interruptible: bool,
    },
    /// The answer has done something that cannot be undone.
    Pinned {
        /// The answer.
        reply: ReplyId,
    },
    /// Whether the caller may talk over an answer turned out later.
    Interruptible {
        /// The answer.
        reply: ReplyId,
        /// Whether so.
        interruptible: bool,
    },
    /// Playout of an answer moved on.
    Playout {
        /// The answer.
        reply: ReplyId,
        /// How.
        stage: Stage,
    },
    /// A key was pressed on the telephone.
    Digit(char),
    /// How the next digits are to be collected.
    ExpectDigits(DigitPlan),
    /// The caller's telephone holds the call, is muted, or neither any more.
    Line(Line),
    /// The caller left.
    CallerLeft,
}

/// What the caller's telephone does with its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Line {
    /// It talks and listens.
    #[default]
    Open,
    /// It listens, and sends nothing.
    Muted,
    /// The call is on hold: nobody listens, and what comes is not the caller.
    Held,
}

/// Where the playout of an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its first sound was sent.
    Started,
    /// It can be answered: what it asks was heard or, if it asks nothing, less than the
    /// back-channel boundary is left.
    Ending,
    /// Its last sound was sent.
    Finished,
    /// There is nothing to play: the answer was empty or failed.
    Nothing,
}

/// The brain's view of a text that may or may not be the whole turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it, to which nothing could be added: the last of six digits.
    Whole,
    /// All of it too, and it ends the call: said by somebody further off, it is meant for others.
    Goodbye,
    /// A whole request.
    Complete,
    /// Part of what was asked for, such as four of eight digits.
    Incomplete,
    /// The brain cannot tell.
    Unknown,
}

/// Which keys of the telephone mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys(u16);

impl Keys {
    /// Every key.
    pub const ALL: Self = Self(u16::MAX);

    /// These.
    pub fn of(keys: impl IntoIterator<Item = char>) -> Self {
        Self(keys.into_iter().fold(0, |all, key| all | Self::bit(key)))
    }

    /// Whether this key is one of them.
    pub fn hold(self, key: char) -> bool {
        self.0 & Self::bit(key) != 0
    }

    fn bit(key: char) -> u16 {
        let place = ROWS.find(key.to_ascii_uppercase());
        place.map_or(0, |place| 1 << place)
    }
}

/// The keys there are.
const ROWS: &str = "0123456789*#ABCD";

/// How keys are collected into one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigitPlan {
    /// Keys that are an input. Others do not stop the agent.
    pub wanted: Keys,
    /// This many are complete at once.
    pub max: usize,
    /// The key that ends them early.
    pub finish: Option<char>,
    /// A pause this long ends them too.
    pub timeout: Duration,
}

impl Default for DigitPlan {
    fn default() -> Self {
        Self {
            wanted: Keys::ALL,
            max: 1,
            finish: Some('#'),
            timeout: Duration::from_secs(4),
        }
    }
}

/// What the machine wants done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Transcribe this part of the caller's sound; replaces an unfinished request.
    Transcribe {
        /// Names the answer.
        request: RequestId,
        /// Samples at 16 kHz since the conversation began.
        audio: Range<u64>,
    },
    /// Ask whether the caller sounds finished.
    PredictEnd {
        /// Names the answer.
        request: RequestId,
        /// Samples at 16 kHz since the conversation began.
        audio: Range<u64>,
    },
    /// Think about an answer to this; nothing may be played or done yet.
    Prepare {
        /// The new answer.
        reply: ReplyId,
        /// What to answer.
        to: Heard,
    },
    /// The caller's turn is over and this is what was said.
    Commit(Commit),
    /// Play the answer as soon as there is sound.
    Speak {
        /// The answer.
        reply: ReplyId,
    },
    /// Forget the answer: nothing of it was played.
    Abandon {
        /// The answer.
        reply: ReplyId,
    },
    /// The turn just committed goes on after all. Its answer was abandoned, or is paused with
    /// hardly a word said: resumed it counts again, interrupted it was never given.
    Reopen {
        /// The answer.
        reply: ReplyId,
    },
    /// Hold playout where it is.
    Pause {
        /// The answer.
        reply: ReplyId,
        /// The first sound of whoever talks over it; on hold nobody does.
        since: Option<Instant>,
    },
    /// Go on playing: nothing followed the interruption.
    Resume {
        /// The answer.
        reply: ReplyId,
    },
    /// Drop the rest of the answer: the agent said only what was played.
    Interrupt {
        /// The answer.
        reply: ReplyId,
    },
    /// What the caller seems to say, before the turn is over.
    Interim(Personal<String>),
    /// The caller's state changed.
    UserState(UserState),
    /// The agent's state changed.
    AgentState(AgentState),
    /// Both have been silent for the away time-out, for the n-th time in a row.
    Away {
        /// Counted from one.
        times: u32,
    },
}

/// What the caller put to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Words.
    Speech(Personal<String>),
    /// Keys of the telephone.
    Digits(Personal<String>),
}

/// A finished turn of the caller.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The answer to it.
    pub reply: ReplyId,
    /// What was said.
    pub heard: Heard,
    /// When the caller began.
    pub started: Instant,
    /// The last moment of speech.
    pub last_speech: Instant,
    /// When the transcript was there.
    pub transcribed: Option<Instant>,
    /// When the turn was taken to be over.
    pub committed: Instant,
    /// Whether the answer had been prepared before.
    pub prepared: bool,
}

/// What the caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// Speaks.
    Speaking,
    /// Is silent.
    Listening,
    /// Has been silent for long.
    Away,
}

/// What the agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// Is not ready.
    Initializing,
    /// The caller is away.
    Idle,
    /// Waits for the caller.
    Listening,
    /// Works on an answer.
    Thinking,
    /// Speaks.
    Speaking,
}

impl AgentState {
    /// The value of the `lk.agent.state` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Idle => "idle",
            Self::Listening => "listening",
            Self::Thinking => "thinking",
            Self::Speaking => "speaking",
        }
    }
}

impl UserState {
    /// The name in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Speaking => "speaking",
            Self::Listening => "listening",
            Self::Away => "away",
        }
    }
}
