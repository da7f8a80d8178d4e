//! SIP, SDP and RTP sessions as pure state machines, and the one trunk and rule matcher.
//!
//! Nothing here touches a socket, a clock, a task, the environment or global randomness: bytes and
//! `now` go in, bytes, events and the next deadline come out. The same inputs give the same
//! outputs, which is what lets `tests/sim` run two endpoints over a bad link in virtual time.
//!
//! - [`message`], [`uri`]: what is on the wire.
//! - [`transaction`]: RFC 3261 section 17 with RFC 6026.
//! - [`identity`]: who calls, as networks tell each other.
//! - [`locate`]: where a request for a URI goes (RFC 3263).
//! - [`dialog`]: the shared state of a call between two ends.
//! - [`endpoint`]: the machine that owns transactions and calls.
//! - [`digest`]: both sides of digest authentication.
//! - [`sdp`]: session descriptions and offer/answer for one audio stream.
//! - [`rtp`], [`dtmf`]: media packets, reports, latching and telephone-event.
//! - [`srtp`]: encrypted media, with keys from the session description.
//! - [`registration`]: keeping an address registered with a provider.
//! - [`capture`]: what went over the wire, as people and their tools read it; [`q850`]: why calls end.
//! - [`routing`]: which trunk and rule a call belongs to, and why not.

pub mod capture;
pub mod dialog;
pub mod digest;
pub mod dtmf;
pub mod endpoint;
mod host;
pub mod identity;
pub mod locate;
pub mod message;
pub mod q850;
mod quoted;
pub mod registration;
pub mod routing;
pub mod rtp;
pub mod sdp;
pub mod srtp;
pub mod stun;
pub mod transaction;
pub mod uri;
