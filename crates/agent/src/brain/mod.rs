//! What decides what the agent says: one trait, three minds of ours and any of yours.
//! [`flow`](crate::flow) is a dialogue written in YAML, [`llm`](crate::llm) a language model,
//! [`external`](crate::external) somebody else's program; `examples/own_brain.rs` brings a mind
//! of its own.
//!
//! Thinking has no effect on the world and leaves the brain as it was, because an answer may be
//! prepared for half a sentence and thrown away. What should stay is handed back as [`Memory`]
//! once the answer is really spoken, and tools wait for [`Thought::permit`].

mod error;
mod facts;
mod thought;
mod words;

use time::OffsetDateTime;

pub use error::{BrainError, ExternalError};
pub use facts::Facts;
pub use thought::{Idea, Ideas, Memory, Permission, Thought};
pub use words::{Act, Farewell, Line, Progress, Question, Spoken, Undone};

use crate::turn::DigitPlan;

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
}

/// Makes a brain for each conversation out of what they share.
pub trait Mind: Send + Sync {
    /// A brain for one conversation. Runs inside a tokio runtime.
    fn brain(&self, call: &Facts) -> Box<dyn Brain>;

    /// Sentences that are likely to be said, so that their sound can be made ahead.
    fn phrases(&self) -> Vec<String> {
        Vec::new()
    }
}
