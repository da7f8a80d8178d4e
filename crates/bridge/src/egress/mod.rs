//! The call recorder: a hidden participant that writes a room's two sides into one file.
//!
//! ```text
//! Recorder (owner task) ──record──► recording (one task each)
//!                                     client::room ─► Assembly ─► Spool ─► file
//! ```
//! - Caller left, agent right. Opus packets go into the file untouched; a side with several
//!   speakers, or with another codec, is decoded, mixed and encoded.
//! - `Assembly` is pure: packets and times in, bytes out. `Spool` keeps the disk off the path of
//!   the media: at most one write runs, on a thread of its own, flushed to the disk each second.
//! - The file plays at every moment up to about its last second; what a killed process leaves open
//!   is closed at the next start.
//! - A recording that fails says so once, and the call never notices.

mod assembly;
mod config;
mod error;
mod info;
mod mixdown;
mod naming;
mod recorder;
mod recovery;
mod report;
mod session;
mod spool;

pub use config::RecorderConfig;
pub use error::{Failure, RecordError, StartError};
pub use naming::NameError;
pub use recorder::{Recorder, RecorderHandle};

#[cfg(test)]
mod tests;
