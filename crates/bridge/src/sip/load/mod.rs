//! Whether the machine has room for one more call. Full is said before sound suffers: what counts is
//! what the threads for sound do, not how many calls there are.
//!
//! ```text
//! calls ──a packet, late or not; sound or none──► [Load] ─┐
//! probe: how late a ready task runs ──────────────────────┼─each second─► [Judge] ──watch──► [Admission] ─► INVITE: 503
//! threads for sound: share of their time ─────────────────┴► [Foresight] ──┴─► OPTIONS, readyz, metrics  ▲
//! calls that are in, against those that have room in what is foreseen; those that are being set up ──────┘
//! ```
//! Calls that rest may all talk later, so what is there is judged, and what is foreseen. The judge
//! needs seconds, in which hundreds of calls may come: so each that is let in counts at once like one
//! that talks, until it has ended, and no more are set up at once than the machine bears. Of those
//! places no source has more than its share while others ask ([`Shares`]). Calls that are in are never
//! touched, and emergency numbers are let in.

mod admission;
mod foresight;
mod gauge;
mod judge;
mod places;
mod sample;
mod setups;
mod shares;
mod watch;

pub(crate) use admission::{Admission, NoRoom};
pub(crate) use gauge::{Inside, Load};
pub use judge::{LoadLimits, Strain};
pub(crate) use setups::Setup;
pub(crate) use shares::{Share, Shares};
pub(crate) use watch::watch_load;
