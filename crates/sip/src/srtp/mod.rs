//! Encrypted RTP and RTCP (RFC 3711, RFC 6188, RFC 7714) with keys that come from outside, such as
//! from a description ([`crate::sdp::CryptoLine`]).
//!
//! One [`Sender`] for what we send, one [`Receiver`] for what comes: the two directions have keys of
//! their own. Nothing is learnt from a packet before its tag holds: no stream, no index, no source.
//!
//! ```text
//! master key ─ key derivation ─► cipher ─► Sender    packet ─► packet + tag
//!                                     └──► Receiver  index ► replay? ► tag ► packet
//! ```

mod cipher;
mod counter;
mod derive;
mod index;
mod master;
mod receiver;
mod sender;
mod suite;

pub use master::{Lifetime, MasterKey, Mki};
pub use receiver::{Heard, Receiver, Unprotected};
pub use sender::{Exhausted, Sender};
pub use suite::Suite;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
