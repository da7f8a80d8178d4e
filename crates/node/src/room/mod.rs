//! Rooms: the registry task (name to room) and one task per room.
//!
//! A room task owns everything about its room: who is in it, their signalling sessions, timers and
//! the media plane. Nothing else sees that state, so a panic ends one room and no other.

mod command;
mod config;
mod error;
mod handle;
mod outbox;
mod registry;
mod rpc;
mod seats;
mod spec;
mod start;
mod state;
mod task;

pub use crate::signal::envelope::Envelope;
pub use config::{Limits, RoomDefaults, RoomsConfig};
pub use error::{JoinError, RoomError, StartError};
pub use handle::{JoinParams, Mute, Occupancy, RoomNotice, Rooms, Session, Topology};
pub use outbox::Outbox;
pub use rpc::RpcFailure;
pub(crate) use spec::Revived;
pub use start::start;
pub(crate) use state::{Admission, Entry, Now, Output, RoomSpec, RoomState};

#[cfg(test)]
mod tests;
