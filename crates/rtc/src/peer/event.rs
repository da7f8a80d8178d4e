//! What goes into a peer and what comes out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::codec::Codec;
use super::section::{Mid, RemoteMedia, Slot};

/// Network input.
#[derive(Debug, Clone, Copy)]
pub enum PeerInput<'a> {
    /// A datagram arrived.
    Datagram {
        /// Its source.
        from: SocketAddr,
        /// Our address it was sent to; must be one of the local candidates.
        to: SocketAddr,
        /// Its bytes.
        data: &'a [u8],
    },
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Our address it must leave from.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// The sender's clock at some RTP timestamp, from its last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// Wall time at the sender.
    pub at: SystemTime,
    /// RTP timestamp of that moment.
    pub rtp: u32,
}

/// A packet of media that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpIn {
    /// Section it belongs to.
    pub mid: Mid,
    /// Source.
    pub ssrc: u32,
    /// Sequence number, extended past 16 bits.
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Audio level as RFC 6464 has it: 0 is loudest, 127 is silence.
    pub level: Option<i8>,
    /// Encoding.
    pub codec: Codec,
    /// Payload; shared, so forwarding copies nothing.
    pub payload: Arc<[u8]>,
    /// When it arrived.
    pub arrival: Instant,
    /// The last sender report of the source.
    pub report: Option<SenderReport>,
}

/// What happened on a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEvent {
    /// ICE and DTLS are up for the first time.
    Connected,
    /// A check from there was answered: its sender knows our ICE password. Told for every check.
    Checked {
        /// Its source.
        from: SocketAddr,
    },
    /// ICE lost the path; it may come back.
    Disconnected,
    /// ICE has a path again.
    Reconnected,
    /// The connection has ended.
    Closed,
    /// The far end began to send on a section.
    MediaAdded(RemoteMedia),
    /// A sending section of the far end changed its stream or track id.
    MediaChanged(RemoteMedia),
    /// The far end stopped sending on a section.
    MediaRemoved(RemoteMedia),
    /// The far end refused the section of a sender.
    SenderRefused(Slot),
    /// Media.
    Rtp(RtpIn),
    /// A data channel can be written.
    ChannelOpen { label: String },
    /// A data channel was closed by the far end.
    ChannelClosed { label: String },
    /// A data channel that was full has room again.
    ChannelDrained { label: String },
    /// A message on a data channel.
    Data {
        /// Label of the channel.
        label: String,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The far end needs a key frame of what we send on this section.
    KeyframeRequest {
        /// The section.
        mid: Mid,
    },
}
