//! Rooms: the registry task (name to room) and one task per room.
//!
//! A room task owns everything about its room: who is in it, their signalling sessions, timers and
//! the media plane. Nothing else sees that state, so a panic ends one room and no other.

mod command;
mod config;
mod error;
mod handle;
mod join;
mod notice;
mod outbox;
mod registry;
mod rpc;
mod seats;
mod spec;
mod start;
mod state;
mod task;

pub use crate::limits::Limits;
pub use crate::signal::envelope::Envelope;
pub(crate) use command::Admission;
pub use command::Mute;
pub use config::{RoomDefaults, RoomsConfig};
pub use error::{JoinError, RoomError, StartError};
pub use handle::Rooms;
pub use join::{JoinParams, Session};
pub use notice::{Occupancy, RoomNotice};
pub use outbox::Outbox;
pub use rpc::RpcFailure;
pub(crate) use spec::{Revived, RoomSpec};
pub use start::start;
pub(crate) use state::{Entry, Now, Output, RoomState};
pub use trunkline_rtc::sfu::Topology;

#[cfg(test)]
mod tests;
