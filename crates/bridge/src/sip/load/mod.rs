//! Whether the machine has room for one more call. Full is said before sound suffers: what counts is
//! what the threads for sound do, not how many calls there are.
//!
//! ```text
//! calls ──a packet, late or not──► [Load] ─┐
//! probe: how late a ready task runs ───────┼─each second─► [Judge] ──watch──► INVITE, OPTIONS: 503
//! threads for sound: share of their time ──┘                                  readyz, metrics
//! ```
//! Calls that are in are never touched, and emergency numbers are let in.

mod gauge;
mod judge;
mod watch;

pub(crate) use gauge::Load;
pub use judge::{LoadLimits, Strain};
pub(crate) use watch::watch_load;
