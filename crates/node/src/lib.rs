//! Be a LiveKit server: signalling, Twirp, webhooks, agent dispatch and media around the SFU.

pub mod room;
mod signal;
mod udp;
