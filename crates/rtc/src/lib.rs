//! LiveKit over WebRTC as pure state machines: peer, participant and SFU.
//!
//! Nothing here owns a socket, a clock or a task. The caller hands in datagrams, signalling
//! messages and the time; the machines hand back datagrams, messages, events and the instant
//! at which they want to be called again. Both ends of a connection live in this crate, so a
//! client can join a server inside one test, in virtual time.
//!
//! | Module | Owns |
//! |---|---|
//! | [`peer`] | one WebRTC connection: ICE, DTLS, SRTP, SCTP, SDP as LiveKit shapes it |
//! | [`demux`] | which peer a datagram on a shared socket belongs to |
//! | [`sdp`] | reading and amending session descriptions as text |
//! | [`sfu`] | the media plane of one room |
//! | [`participant`] | the client side of a session |
//!
//! str0m is named in [`peer`] and nowhere else.

#[cfg(test)]
#[path = "../tests/clock/mod.rs"]
mod clock;
pub mod demux;
mod never;
pub mod participant;
pub mod peer;
pub mod sdp;
pub mod sfu;
mod trickle;

/// What ids, credentials and jitter are drawn from. Outside tests its bits come from the system's
/// generator: who knows them knows every ICE password that follows.
pub type Seed = [u8; 32];
