//! Whose turn it is: a pure machine between the caller's sound and the agent's voice.
//!
//! ```text
//!  windows, transcripts, end-of-turn ──►            ──► transcribe, predict, prepare
//!  playout stages, keys, leaving     ──►  Machine   ──► commit, speak, abandon
//!  say, now                          ──►            ──► pause, resume, interrupt, states
//! ```
//! It owns every decision about turns and no sound, no model and no clock: [`Machine`] is told
//! what happened and when, and says what to do. The same inputs give the same actions.
//! [`Echo`] knows the agent's own voice when the line returns it. [`Script`] answers the other question of an interrupted speech: how much of it was heard.

mod config;
mod ear;
mod echo;
mod event;
mod machine;
mod open;
mod overheard;
mod script;
mod voice;

pub use config::{
    EndOfTurnRules, Endpointing, Interruption, Preemptive, TurnConfig, TurnLimits, VadRules,
};
pub use echo::Echo;
pub use event::{
    Action, AgentState, Commit, DigitPlan, Heard, Input, Keys, Line, ReplyId, RequestId, Sound,
    Stage, UserState, Verdict, Words,
};
pub use machine::Machine;
pub use open::{same_words, words};
pub use script::{Script, Timed};

/// Samples of one voice-activity window.
pub const WINDOW: usize = 512;

/// Rate of the sound the machine counts in.
pub const RATE: u32 = 16_000;
