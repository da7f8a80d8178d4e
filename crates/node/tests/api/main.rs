//! The node's HTTP face, spoken to as its clients speak to it: over sockets on loopback.

mod auth;
mod join;
mod server_api;
mod start;
mod support;
mod webhooks;
mod workers;
