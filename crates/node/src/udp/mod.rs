//! The media port: one UDP socket for every peer of every room, and a lane for those who live in
//! this process.
//!
//! One task owns the receiving side. It looks at each datagram just long enough to know whose it
//! is (the ICE user name of a STUN request, else the address it came from) and pushes it down
//! that room's lane. Rooms send through an [`Outlet`], which never waits.
//!
//! Of each datagram two tables are asked, and the second decides. This one says only which room, as
//! far as the rooms have told it: their word comes down a lane, a moment late. The room's own says
//! which of its peers, and is never behind. Both are `trunkline_rtc`'s `Demux`, so that they agree
//! about what a datagram is and whose an address may become.

mod port;
mod routes;

pub(crate) use port::{PortHandle, bind};
pub(crate) use routes::RouteChange;

/// One datagram on its way to a room.
#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    pub(crate) from: std::net::SocketAddr,
    /// When it was there: read from the socket, or sent within this process.
    pub(crate) received: std::time::Instant,
    pub(crate) data: bytes::Bytes,
}
