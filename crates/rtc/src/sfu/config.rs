//! How a room's media plane and its members are set up.

use std::net::SocketAddr;

use livekit_protocol::TrackSource;
use trunkline_base::id::{ParticipantIdentity, ParticipantSid};

/// How the media plane of a room is set up.
#[derive(Debug, Clone)]
pub struct SfuConfig {
    /// Addresses clients can reach, written into every description. All peers share them.
    pub candidates: Vec<SocketAddr>,
    /// Active speaker detection.
    pub audio: AudioConfig,
}

/// Active speaker detection; the values are those of LiveKit's server.
#[derive(Debug, Clone, Copy)]
pub struct AudioConfig {
    /// A frame this loud (or louder, the number is smaller) is voice.
    pub active_level: u8,
    /// Share of a window that must be voice, in per cent.
    pub min_percentile: u32,
    /// Length of a window and time between updates, in milliseconds.
    pub update_interval_ms: u32,
    /// Windows over which the level is smoothed.
    pub smooth_intervals: u32,
}

impl Default for AudioConfig {
    fn default() -> Self {
        Self {
            active_level: 35,
            min_percentile: 40,
            update_interval_ms: 400,
            smooth_intervals: 2,
        }
    }
}

/// Which peer connections a client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One to publish (the client offers) and one to subscribe (we offer).
    Dual,
    /// One connection for everything, offered by the client.
    Single,
}

/// What a participant may do with media and data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Publish tracks.
    pub can_publish: bool,
    /// Sources that may be published.
    pub sources: Sources,
    /// Receive tracks.
    pub can_subscribe: bool,
    /// Send data packets.
    pub can_publish_data: bool,
    /// Others are not told of this participant.
    pub hidden: bool,
    /// An agent may speak for others in text and transcriptions.
    pub agent: bool,
}

impl Permissions {
    /// Whether a track of this source may be published.
    #[must_use]
    pub fn allow(&self, source: i32) -> bool {
        self.can_publish && self.sources.allow(source)
    }
}

impl Default for Permissions {
    fn default() -> Self {
        Self {
            can_publish: true,
            sources: Sources::Any,
            can_subscribe: true,
            can_publish_data: true,
            hidden: false,
            agent: false,
        }
    }
}

/// Which sources of tracks may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// All, also those that say nothing of themselves.
    Any,
    /// These and no other; with none listed, none.
    Only(Vec<TrackSource>),
}

impl Sources {
    /// Whether a track may say that it is of this source. Numbers nobody knows are on no list.
    #[must_use]
    pub fn allow(&self, source: i32) -> bool {
        match self {
            Self::Any => true,
            Self::Only(listed) => {
                TrackSource::try_from(source).is_ok_and(|source| listed.contains(&source))
            }
        }
    }
}

/// A participant joins.
#[derive(Debug, Clone)]
pub struct Joining {
    /// Its session.
    pub sid: ParticipantSid,
    pub identity: ParticipantIdentity,
    /// Its connections.
    pub topology: Topology,
    /// Of two connections the subscriber's is the one that counts: data flows down it, and it
    /// being up makes the participant active. Of one connection it says nothing.
    pub subscriber_primary: bool,
    /// What it may do.
    pub permissions: Permissions,
    /// Subscribe it to everything it may hear.
    pub auto_subscribe: bool,
    /// It learns of a track from the track's first packet.
    pub opens_by_packet: bool,
}

/// Which of a client's connections a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The client's upstream, or its only connection.
    Publisher,
    /// The client's downstream.
    Subscriber,
}

/// Whom a publisher lets hear it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Audience {
    /// Everybody.
    #[default]
    All,
    /// Only these.
    Only(Vec<Listener>),
}

/// One entry of an [`Audience`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Who, by identity or by session (older clients).
    pub name: String,
    /// Every track.
    pub all_tracks: bool,
    /// These tracks.
    pub tracks: Vec<String>,
}
