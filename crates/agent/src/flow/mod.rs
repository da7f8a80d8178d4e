//! A dialogue written down: what callers want, what must be known for it, what is said and done.
//!
//! ```text
//! heard ──► slot asked for? ──► intent of this state? ──► intent? ──► fallback, then escalate
//!                └────────────── needs slots ──► tool ──► say ──► act ──► next state
//! ```
//! [`Flow`] is the checked dialogue, shared by all conversations; [`FlowBrain`] is one
//! conversation's place in it. The same words in the same place give the same answer.

mod answer;
mod brain;
mod check;
mod engine;
mod intents;
mod model;
mod raw;
mod recording;
mod said;
mod slots;
mod state;
mod template;
mod tools;
mod words;

#[cfg(test)]
mod tests;

pub use brain::FlowBrain;
pub(crate) use brain::FlowMind;
pub use check::check;
pub use model::Flow;
pub use raw::{RawFlow, RawPatience};
pub(crate) use recording::Recording;
pub(crate) use said::{refuses, yes_no};
pub use slots::{SlotKind, Span, Unclear, Value};
pub(crate) use words::tokens;
