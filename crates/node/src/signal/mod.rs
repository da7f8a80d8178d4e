//! The words of signalling: what is said to a client and what a client's requests mean, as pure
//! functions of values. Who hears what, and when, is decided by the room.

pub(crate) mod describe;
pub(crate) mod envelope;
pub(crate) mod message;
pub(crate) mod metadata;
pub(crate) mod pace;
pub(crate) mod permission;
pub(crate) mod protocol;
pub(crate) mod refresh;
pub(crate) mod sources;
