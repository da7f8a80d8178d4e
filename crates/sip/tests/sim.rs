//! Two endpoints over a bad link in virtual time. Every run is a function of its seed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and needs an origin for virtual time"
)]

#[path = "sim/calls.rs"]
mod calls;
#[path = "sim/lives.rs"]
mod lives;
#[path = "sim/world.rs"]
mod world;
