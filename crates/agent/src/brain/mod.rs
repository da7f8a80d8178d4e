//! What decides what the agent says: one trait, two minds. [`flow`](crate::flow) is a dialogue
//! written in YAML, [`llm`](crate::llm) a chat endpoint.
//!
//! Thinking has no effect on the world and leaves the brain as it was, because an answer may be
//! prepared for half a sentence and thrown away. What should stay is handed back as [`Memory`]
//! once the answer is really spoken, and tools wait for [`Thought::permit`].

mod error;
mod thought;

use time::OffsetDateTime;

pub use error::{BrainError, ChatError};
pub use thought::{Idea, Ideas, Memory, Permission, Thought};

use crate::turn::{DigitPlan, Heard};

/// What the brain is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// The caller said or keyed something.
    Heard(Heard),
    /// The caller has been silent for long, for the n-th time in a row.
    Silence(u32),
}

/// Something the agent says of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The words.
    pub text: String,
    /// Whether the caller may talk over them.
    pub interruptible: bool,
}

/// What the agent does in the world when it has finished speaking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Ends the call.
    HangUp(Farewell),
    /// Asks for a person to take over.
    HandOff {
        /// Who, as the configuration names them.
        to: String,
    },
}

/// Why the agent ends a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Farewell {
    /// The caller has what he wanted, and said so.
    #[default]
    Done,
    /// The caller said nothing for too long.
    Silence,
    /// Many turns led nowhere.
    NoProgress,
    /// A machine is at the other end.
    Machine,
}

/// What of an answer was heard.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The words that were played so far.
    pub text: String,
    /// Whether more will follow.
    pub progress: Progress,
}

/// How far the playing of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on, or is paused and may go on.
    Going,
    /// The caller cut it short.
    Cut,
    /// All of it was played.
    Whole,
}

/// What decides what the agent says in one conversation.
pub trait Brain: Send {
    /// The first words.
    fn greeting(&self) -> Option<Line>;

    /// Begins to think about an answer. Must run inside a tokio runtime.
    fn think(&self, question: &Question, now: OffsetDateTime) -> Thought;

    /// Keeps what a thought left behind, now that its answer begins to be heard, and hands back
    /// what that replaces, in case the answer is taken back.
    fn remember(&mut self, memory: Memory) -> Memory;

    /// Learns how much of the answer last [remembered](Brain::remember) was heard: before every
    /// question that comes while it is played or paused, and once when it is over. What was not
    /// heard was not said: "yes" does not answer a question that was still to come.
    fn spoke(&mut self, spoken: &Spoken);

    /// How the next keys are to be collected.
    fn digits(&self) -> DigitPlan;

    /// What to say when a part of the agent fails.
    fn apology(&self) -> &str;

    /// Sentences that are likely to be said, so that their sound can be made ahead.
    fn phrases(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Makes a brain for each conversation out of what they share.
pub trait Mind: Send + Sync {
    /// A brain for one conversation.
    fn brain(&self) -> Box<dyn Brain>;
}
