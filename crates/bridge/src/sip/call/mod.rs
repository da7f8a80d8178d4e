//! One phone call: a SIP leg, a room, and the media between them. One task owns it.
//!
//! ```text
//! Arrival ─► 180, SDP, media, join the room ─► wait for an agent's voice ─► 200 ─► ACK ─► Up
//!    └──────────── CANCEL, BYE, nobody to talk to, room gone, drain, … ──────────────► end
//! ```
//! A rule with a PIN has the call answered first, and the room joined once the PIN is typed (`pin`).
//! At the end, whatever led to it: the phone hears BYE (or a refusal), the room sees us leave, the
//! store gets the summary.

mod attributes;
mod company;
mod due;
mod end;
mod exchange;
mod guard;
mod hold;
mod keys;
mod leg;
mod listen;
mod names;
mod negotiate;
mod onward;
mod outbound;
mod pin;
mod prepared;
mod record;
mod room;
mod run;
mod secure;
mod seek;
mod setup;
mod talk;
mod tell;
mod transfer;
mod tries;

pub use exchange::TransferError;
pub(crate) use exchange::{Exchange, TransferOrder};
pub(crate) use guard::Guard;
pub(crate) use names::Names;
pub(crate) use negotiate::{Negotiation, Proposal};
pub(crate) use onward::PassOrder;
pub(crate) use outbound::{
    Asked, Order, Plan as DialPlan, Stage, Underway, pass, resume, run as place,
};
pub use outbound::{DialError, DialOrder, Dialled, Unfit};
pub use room::JoinError;
pub(crate) use run::Call;
pub(crate) use setup::Shared;
pub(crate) use tries::Tries;
