//! Two endpoints over a bad link in virtual time. Every run is a function of its seed.

#[path = "sim/calls.rs"]
mod calls;
#[path = "sim/world.rs"]
mod world;
