//! Services that hear, speak and think, one folder each, and [`local`]: the models on this machine.
//!
//! A provider implements a trait of [`provider`](crate::provider) and has a line in the registry;
//! what they need on the wire alike is in [`net`]. `docs/providers.md` walks through adding one.

mod entry;
pub mod local;
pub mod net;
pub mod openai;
mod plan;
mod registry;

pub use entry::Entry;
pub use plan::{Kit, Plan};
pub use registry::{LLM, STT, TTS, Wanted, read};
