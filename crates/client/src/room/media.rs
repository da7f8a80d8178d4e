//! Tracks: what we publish and what we receive, one packet at a time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_base::id::{ParticipantIdentity, TrackSid};
use trunkline_base::lane::LaneReceiver;
use trunkline_base::token::ParticipantKind;

use super::snapshot::TrackSource;

/// How to publish audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioOptions {
    /// The track's name.
    pub name: String,
    /// What it carries.
    pub source: TrackSource,
}

impl Default for AudioOptions {
    fn default() -> Self {
        Self {
            name: "audio".to_owned(),
            source: TrackSource::Microphone,
        }
    }
}

/// One Opus packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpusFrame {
    /// The packet.
    pub payload: Bytes,
    /// How much time it covers, in 48 kHz samples: 960 for 20 ms.
    pub duration_48k: u32,
    /// RFC 6464 level: 0 is loudest, 127 is silence. The sign does not matter.
    pub level: Option<i8>,
}

/// A track of somebody else whose media arrives.
#[derive(Debug)]
pub struct RemoteTrack {
    /// Its id.
    pub sid: TrackSid,
    /// Its publisher.
    pub participant: ParticipantIdentity,
    /// What sort of participant that is.
    pub participant_kind: ParticipantKind,
    pub name: String,
    /// What it carries.
    pub source: TrackSource,
    /// Such as `audio/opus`.
    pub mime_type: String,
    pub packets: MediaReceiver,
}

/// One received RTP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPacket {
    /// Sequence number, extended past 16 bits.
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker: first packet after a silence.
    pub marker: bool,
    /// RFC 6464 level: 0 is loudest, 127 is silence.
    pub level: Option<i8>,
    /// The codec's bytes.
    pub payload: Bytes,
    /// When it arrived.
    pub arrival: Instant,
    /// The publisher's clock, when a sender report has told it.
    pub sender_report: Option<SenderReport>,
}

/// Ties a track's RTP clock to wall-clock time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// Unix time of the report.
    pub unix: Duration,
    /// RTP timestamp at that time.
    pub timestamp: u32,
}

/// The packets of one track. Reads that lag lose the oldest packets.
#[derive(Debug)]
pub struct MediaReceiver {
    pub(super) lane: LaneReceiver<MediaPacket>,
}

impl MediaReceiver {
    /// The next packet; nothing once the track is over.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn recv(&mut self) -> Option<MediaPacket> {
        self.lane.recv().await
    }

    /// A packet that has arrived already.
    pub fn try_recv(&mut self) -> Option<MediaPacket> {
        self.lane.try_recv()
    }

    /// Packets lost because they were not read in time.
    pub fn dropped(&self) -> u64 {
        self.lane.dropped()
    }
}
