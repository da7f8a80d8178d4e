//! The media port: one UDP socket for every peer of every room.
//!
//! One task owns the receiving side. It looks at each datagram just long enough to know its room
//! (the ICE user name of a STUN request, else the address it came from) and pushes it down that
//! room's lane. Rooms send through an [`Outlet`], which never waits.

mod lane;
mod port;
mod routes;
mod stun;

pub(crate) use lane::{LaneReceiver, LaneSender, lane};
pub(crate) use port::{Outlet, Port, PortHandle, bind};
pub(crate) use routes::Route;

/// One datagram on its way to a room.
#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    pub(crate) from: std::net::SocketAddr,
    pub(crate) data: bytes::Bytes,
}
