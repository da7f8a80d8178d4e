//! A call's sound, kept packet by packet for those who look for what is wrong with it.
//!
//! ```text
//! media ──Tap──► page ─full, or a second old─► writer ──► STORE.captures/CALL.1.pcap
//!                  ▲ none is empty: a gap        │
//!                  └──────── emptied ◄───────────┘
//! ```
//! The sound waits for nothing and takes no memory for it. What is encrypted on the wire is kept as it
//! was inside: its keys are kept nowhere, so that nobody could read it otherwise, and the file is as
//! secret as a recording. Keys pressed during the call are covered; tones in the voice cannot be.

mod page;
mod reel;
mod reels;

pub(crate) use reel::Reel;
pub(super) use reel::Tap;
pub(crate) use reels::Reels;
