//! The node's HTTP face, spoken to as its clients speak to it: over sockets on loopback.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod auth;
mod every_call;
mod join;
mod restart;
mod server_api;
mod start;
mod support;
mod webhooks;
mod workers;
