//! Whether the machine has room for one more call. Full is said before sound suffers: what counts is
//! what the threads for sound do, not how many calls there are.
//!
//! ```text
//! calls ──a packet, late or not──► [Load] ─┐
//! probe: how late a ready task runs ───────┼─each second─► [Judge] ──watch──► [Admission] ─► INVITE: 503
//! threads for sound: share of their time ──┘                 └─► OPTIONS, readyz, metrics  ▲
//! calls that are being set up, counted ────────────────────────────────────────────────────┘
//! ```
//! The judge needs seconds, in which hundreds of calls may come: so no more are set up at once than
//! the machine bears. Calls that are in are never touched, and emergency numbers are let in.

mod admission;
mod gauge;
mod judge;
mod setups;
mod watch;

pub(crate) use admission::{Admission, NoRoom};
pub(crate) use gauge::Load;
pub use judge::{LoadLimits, Strain};
pub(crate) use setups::Setup;
pub(crate) use watch::watch_load;
