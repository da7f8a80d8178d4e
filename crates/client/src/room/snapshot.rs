//! What is known of a room at one moment: plain values behind a `watch`, latest wins.

use std::collections::BTreeMap;
use std::fmt;

use trunkline_base::id::{ParticipantIdentity, ParticipantSid, RoomName, RoomSid, TrackSid};
pub use trunkline_base::token::ParticipantKind;

/// A room as this participant sees it now.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomSnapshot {
    /// The room's name.
    pub name: RoomName,
    /// This life of the room; a few servers fill it in after the join.
    pub sid: Option<RoomSid>,
    /// The room's metadata.
    pub metadata: String,
    /// Whether a recorder is at work.
    pub recording: bool,
    /// Whether the connection is up.
    pub connection: ConnectionState,
    /// Ourselves.
    pub local: ParticipantInfo,
    /// Everybody else.
    pub participants: BTreeMap<ParticipantIdentity, ParticipantInfo>,
}

/// Whether the room is reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Signal and media are up.
    Connected,
    /// Lost, and sought again.
    Reconnecting,
    /// Over.
    Disconnected(DisconnectReason),
}

#[derive(Clone, PartialEq, Eq)]
pub struct ParticipantInfo {
    /// This session of theirs.
    pub sid: ParticipantSid,
    /// Who they are, by their token.
    pub identity: ParticipantIdentity,
    /// Display name; personal.
    pub name: String,
    /// What sort of participant.
    pub kind: ParticipantKind,
    /// Key-value attributes; personal (a caller's number is among them).
    pub attributes: BTreeMap<String, String>,
    /// Free text; personal.
    pub metadata: String,
    /// What they publish.
    pub tracks: Vec<TrackInfo>,
    /// What they may do.
    pub permission: Permission,
}

impl ParticipantInfo {
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }
}

impl fmt::Debug for ParticipantInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParticipantInfo")
            .field("sid", &self.sid)
            .field("kind", &self.kind)
            .field("tracks", &self.tracks)
            .finish_non_exhaustive()
    }
}

/// What a participant may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// Receive tracks.
    pub can_subscribe: bool,
    /// Publish tracks.
    pub can_publish: bool,
    /// Send data.
    pub can_publish_data: bool,
    /// Change own name, metadata and attributes.
    pub can_update_metadata: bool,
    /// Not shown to others.
    pub hidden: bool,
    pub agent: bool,
}

/// A published track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackInfo {
    /// Its id.
    pub sid: TrackSid,
    pub name: String,
    /// Audio or video.
    pub kind: TrackKind,
    /// What it shows or carries.
    pub source: TrackSource,
    /// Whether the publisher muted it.
    pub muted: bool,
    /// Such as `audio/opus`.
    pub mime_type: String,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// What a track carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackSource {
    /// Not said.
    Unknown,
    Camera,
    /// A microphone, or a phone line's voice.
    #[default]
    Microphone,
    ScreenShare,
    /// A shared screen's sound.
    ScreenShareAudio,
}

/// Why somebody is not in the room any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisconnectReason {
    /// Not said.
    Unknown,
    /// They left.
    ClientInitiated,
    /// Somebody joined with the same identity.
    DuplicateIdentity,
    /// The server is going down.
    ServerShutdown,
    /// Removed through the API.
    ParticipantRemoved,
    RoomDeleted,
    /// Server and client disagree about the session.
    StateMismatch,
    /// Never became active.
    JoinFailure,
    /// Moved to another node.
    Migration,
    /// The signal socket went away before media was up.
    SignalClose,
    /// The room closed by itself.
    RoomClosed,
    /// The called party does not answer.
    UserUnavailable,
    /// The called party declined.
    UserRejected,
    /// The SIP trunk failed.
    SipTrunkFailure,
    /// Media was lost and did not come back.
    ConnectionTimeout,
    /// The media path failed.
    MediaFailure,
    /// The agent failed.
    AgentError,
}

impl DisconnectReason {
    /// A stable lower-case name for logs and storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::ClientInitiated => "client_initiated",
            Self::DuplicateIdentity => "duplicate_identity",
            Self::ServerShutdown => "server_shutdown",
            Self::ParticipantRemoved => "participant_removed",
            Self::RoomDeleted => "room_deleted",
            Self::StateMismatch => "state_mismatch",
            Self::JoinFailure => "join_failure",
            Self::Migration => "migration",
            Self::SignalClose => "signal_close",
            Self::RoomClosed => "room_closed",
            Self::UserUnavailable => "user_unavailable",
            Self::UserRejected => "user_rejected",
            Self::SipTrunkFailure => "sip_trunk_failure",
            Self::ConnectionTimeout => "connection_timeout",
            Self::MediaFailure => "media_failure",
            Self::AgentError => "agent_error",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
