//! What the doctor cannot do by itself: telephones, names, and a call.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;

use super::patient::Way;

/// Lent by whoever wires the doctor.
#[async_trait]
pub trait Reach: Send + Sync + 'static {
    /// Where requests go on this way, in the order they are tried: `udp 203.0.113.7:5060`.
    ///
    /// # Errors
    /// Why they go nowhere, in words.
    async fn locate(&self, way: &Way) -> Result<Vec<String>, String>;

    /// Asks whoever is there for OPTIONS, from a socket of its own.
    ///
    /// # Errors
    /// [`Silence`].
    async fn ask(&self, way: &Way) -> Result<Echo, Silence>;

    /// Asks a STUN server at `host:port` about a port of ours, which must be free; port 0 takes any.
    ///
    /// # Errors
    /// Why it says nothing, in words.
    async fn seen(&self, server: &str, from: SocketAddr) -> Result<SeenPort, String>;

    /// Places a call to a gateway of this program, into a room where somebody echoes.
    ///
    /// # Errors
    /// Where it ended, in words.
    async fn call(&self) -> Result<Trial, String>;
}

/// An answer to OPTIONS, and what became of our headers on the way there and back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Who answered.
    pub peer: SocketAddr,
    /// `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// Status and its words.
    pub status: u16,
    pub reason: String,
    /// From the question to the answer.
    pub took: Duration,
    /// What the peer calls itself.
    pub software: Option<String>,
    /// The address we wrote into Via.
    pub sent_from: SocketAddr,
    /// The address the peer saw, where it says so.
    pub received: Option<IpAddr>,
    /// The port the peer saw, where it says so.
    pub rport: Option<u16>,
    /// Headers that came back otherwise than we wrote them, in words.
    pub changed: Vec<String>,
    /// Content-Length and the length of the body, where they differ.
    pub odd_length: Option<(usize, usize)>,
    /// Codecs that the peer says it has; most say none.
    pub codecs: Vec<String>,
}

/// A port of ours, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPort {
    /// Where it is seen.
    pub at: SocketAddr,
    /// Whether what an address sends that we never spoke to comes in; nothing where the server cannot
    /// try.
    pub open_to_others: Option<bool>,
}

/// Why nobody answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// The name leads nowhere.
    #[error("{0}")]
    Nowhere(String),
    /// The network or the machine there says no.
    #[error("{place}: {why}")]
    Refused {
        /// Where.
        place: String,
        /// In words.
        why: String,
    },
    /// TLS does not come about.
    #[error("{place}: {why}")]
    Tls {
        /// Where.
        place: String,
        /// In words.
        why: String,
    },
    /// Nothing came back.
    #[error("no answer from {place} in {} s", after.as_secs())]
    Late {
        /// Where.
        place: String,
        /// How long it was waited for.
        after: Duration,
    },
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// From INVITE to 200.
    pub answered: Duration,
    /// Frames in which the room heard the caller.
    pub heard: u32,
    /// From the caller's mouth through the room and back to the caller's ear; nothing when it never
    /// came back.
    pub round_trip: Option<Duration>,
    /// Packets lost on the way back, 0 to 1.
    pub loss: f64,
    /// Mean opinion score of one way.
    pub mos: f64,
}
