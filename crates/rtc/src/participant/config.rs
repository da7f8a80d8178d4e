//! How the client side is set up and what it can be asked to do.

use std::net::SocketAddr;

use bytes::Bytes;
use livekit_protocol::{DataPacket, TrackSource};

use crate::Seed;

/// How the client side is set up.
#[derive(Debug, Clone)]
pub struct ParticipantConfig {
    /// Addresses of our UDP sockets that the server can answer to: two sockets per interface,
    /// because each of the two connections needs a port of its own.
    pub local_candidates: Vec<SocketAddr>,
    /// Hear every track without asking.
    pub auto_subscribe: bool,
    /// Try to come back when the connection is lost.
    pub reconnect: bool,
    /// Drives ids, credentials and jitter.
    pub seed: Seed,
}

/// How to open the signal socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// First connection is attempt 0.
    pub attempt: u32,
    /// `Some` resumes this session (`reconnect=1&sid=..`); `None` joins anew.
    pub resume: Option<String>,
    /// LiveKit's reason code of a reconnection.
    pub reason: i32,
    /// As configured; goes into the query of a new join.
    pub auto_subscribe: bool,
}

impl Dial {
    /// Query of the signal URL, without the token: `/rtc?` + this.
    #[must_use]
    pub fn query(&self) -> String {
        let auto = u8::from(self.auto_subscribe);
        let mut query = format!("auto_subscribe={auto}&protocol=16&sdk=rust&version=1.0.0");
        if let Some(sid) = &self.resume {
            let reason = self.reason;
            query.push_str(&format!("&reconnect=1&sid={sid}&reconnect_reason={reason}"));
        }
        query
    }
}

/// Why the signal socket did not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialFailure {
    /// The server said no (401, 403, 404): trying again is pointless.
    Refused(String),
    /// The server could not be reached or failed: try again.
    Unreachable(String),
}

/// A track to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    pub name: String,
    pub source: TrackSource,
    /// Two channels.
    pub stereo: bool,
    /// Send frames also in silence.
    pub disable_dtx: bool,
    /// Start muted.
    pub muted: bool,
}

/// A local track, from the call to publish until it is unpublished; stays the same across
/// reconnections, unlike its sid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTrack(pub(super) u32);

/// One Opus packet to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioOut {
    /// The packet.
    pub payload: Bytes,
    /// Its duration in samples at 48 kHz; 960 for 20 ms.
    pub duration_48k: u32,
    /// Level as RFC 6464 has it: 0 is loudest, 127 is silence.
    pub level: Option<i8>,
}

/// Data to send. Identity, sid and sequence are filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct DataOut {
    /// The packet; `value` and `destination_identities` matter.
    pub packet: DataPacket,
    /// Ordered and retransmitted, also across a reconnection.
    pub reliable: bool,
}

/// Own name, metadata and attributes to change; `None` and empty maps leave things as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// Display name.
    pub name: Option<String>,
    pub metadata: Option<String>,
    /// Attributes to set; an empty value deletes.
    pub attributes: std::collections::BTreeMap<String, String>,
}
