//! The media plane of one room.
//!
//! ```text
//! join / leave / set_permissions            who is here
//! offer / answer / trickle / resume         signalling in
//! add_track / mute / subscribe              signalling in
//! handle_datagram / handle_timeout          network and time in
//! poll_event                                signalling out, in order
//! poll_transmit / poll_timeout              network and time out
//! ```

mod config;
mod event;

pub use config::{
    AudioConfig, Audience, Joining, Listener, Permissions, SfuConfig, Target, Topology,
};
pub use event::{Described, NegotiationFailure, SfuEvent};
