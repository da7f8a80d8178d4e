//! What happened, told to the shell around the client side.

use std::time::Instant;

use bytes::Bytes;
use livekit_protocol as proto;
use trunkline_base::secret::Secret;

use crate::peer::{Codec, SenderReport};

use super::config::{Dial, LocalTrack};

/// What happened, told to the shell.
#[derive(Debug, Clone)]
pub enum Event {
    /// Open the signal socket now, then call `signal_opened` or `signal_failed`.
    Dial(Dial),
    /// Close the signal socket; what it still says does not matter.
    CloseSignal,
    /// The server let us in. The snapshot is filled; media is still connecting.
    Joined,
    /// Media is up for the first time.
    Connected,
    /// The connection is being restored.
    Reconnecting {
        /// The session goes on; `false`: a new session begins and tracks get new sids.
        resume: bool,
    },
    /// The connection is restored.
    Reconnected {
        /// The session went on.
        resume: bool,
    },
    /// It is over.
    Disconnected(End),
    /// Room info changed.
    RoomUpdated,
    /// Somebody came.
    ParticipantJoined(proto::ParticipantInfo),
    /// Somebody's name, metadata, attributes, permission or state changed.
    ParticipantChanged {
        before: proto::ParticipantInfo,
        now: proto::ParticipantInfo,
    },
    /// Somebody left.
    ParticipantLeft(proto::ParticipantInfo),
    /// Somebody published a track.
    TrackPublished {
        /// The publisher.
        by: proto::ParticipantInfo,
        track: proto::TrackInfo,
    },
    /// A track ended.
    TrackUnpublished {
        /// The publisher.
        by: proto::ParticipantInfo,
        /// The track as it last was.
        track: proto::TrackInfo,
    },
    /// A track was muted or unmuted, or changed otherwise.
    TrackChanged {
        /// The publisher.
        by: proto::ParticipantInfo,
        track: proto::TrackInfo,
    },
    /// A track's media reaches us from now on.
    TrackSubscribed {
        /// The publisher.
        by: proto::ParticipantInfo,
        track: proto::TrackInfo,
    },
    /// A track's media no longer reaches us.
    TrackUnsubscribed {
        /// Sid of the track.
        sid: String,
    },
    /// A subscription was refused.
    SubscriptionFailed {
        /// Sid of the track.
        sid: String,
    },
    /// A packet of a subscribed track.
    Media {
        /// Sid of the track.
        sid: String,
        packet: MediaPacket,
    },
    /// A data packet; its sender's identity and sid are in it.
    Data {
        packet: proto::DataPacket,
        /// It came ordered and complete.
        reliable: bool,
    },
    /// Speakers who started, changed or stopped.
    Speakers(Vec<proto::SpeakerInfo>),
    /// Connection quality of participants.
    Quality(Vec<proto::ConnectionQualityInfo>),
    /// Our track was accepted and is negotiated; comes again with a new sid after a full
    /// reconnection.
    LocalTrackPublished {
        track: LocalTrack,
        /// As the server calls it.
        info: proto::TrackInfo,
    },
    /// Our track was refused or taken away.
    LocalTrackEnded {
        track: LocalTrack,
        /// Why.
        reason: TrackEnd,
    },
    /// Somebody hears our track.
    LocalTrackSubscribed { track: LocalTrack },
    /// The server muted or unmuted our track.
    LocalTrackMuted { track: LocalTrack, muted: bool },
    /// Answer to a request of ours, by its number.
    RequestAnswered {
        /// Number that the request returned.
        request_id: u32,
        /// `Reason::Ok` or why not.
        reason: proto::request_response::Reason,
        /// Text for humans.
        message: String,
    },
    /// A newer token for the next connection.
    TokenRefreshed(Secret<String>),
}

/// Why our track ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackEnd {
    /// The server refused to publish it.
    Refused(String),
    /// No answer in time.
    TimedOut,
    /// The server took it away.
    Revoked,
}

/// Why it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// We left.
    Left,
    /// The server ended the session.
    Server(proto::DisconnectReason),
    /// The server refused us.
    Refused(String),
    /// The server could not be reached, at first or again.
    Unreachable(String),
}

/// A media packet as it arrived; order and losses are the jitter buffer's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPacket {
    /// Extended sequence number.
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Level as RFC 6464 has it: 0 is loudest, 127 is silence.
    pub level: Option<i8>,
    /// Encoding.
    pub codec: Codec,
    pub payload: Bytes,
    /// When it arrived.
    pub arrival: Instant,
    /// The sender's clock, from its last report.
    pub report: Option<SenderReport>,
}
