//! A client core joins a server core over a simulated link, in virtual time.
//!
//! Nothing sleeps and nothing opens a socket: the world always handles the earliest of all
//! pending deliveries, timers and audio frames.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
#[path = "../clock/mod.rs"]
mod clock;
mod handshake;
mod link;
mod rights;
mod server;
mod stories;
mod world;
