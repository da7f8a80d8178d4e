//! Somebody else's program that leads the conversation, over HTTP or a WebSocket. What goes over the
//! wire is written down in `docs/brains.md`.
//!
//! ```text
//! question ─► brain ─► turn ─► http or socket ─► the program
//!                       lines ◄──────────────────────┘
//!               words and acts, the acts held to what the file allows
//! ```

mod brain;
mod config;
mod course;
mod http;
mod lines;
mod socket;
#[cfg(test)]
mod tests;
mod wire;

pub use brain::{ExternalBrain, ExternalMind};
pub use config::ExternalConfig;
