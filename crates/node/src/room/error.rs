//! What can go wrong at the doors of a room, in LiveKit's own words.
//!
//! The texts are those of the official server: its clients and SDK tests match on some of them.

use trunkline_base::class::{Class, Classified};

/// Why a request about a room was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    #[error("requested room does not exist")]
    NotFound,
    #[error("participant does not exist")]
    ParticipantNotFound,
    #[error("track is not found")]
    TrackNotFound,
    #[error("no room name")]
    NoName,
    #[error("room name length exceeds limits")]
    NameTooLong,
    #[error("name length exceeds limits")]
    ParticipantNameTooLong,
    #[error("metadata size exceeds limits")]
    MetadataTooLarge,
    #[error("attribute size exceeds limits")]
    AttributesTooLarge,
    #[error("data size exceeds limits")]
    DataTooLarge,
    #[error("nonce should be 16-bytes or not present")]
    Nonce,
    #[error("unknown room configuration in create room request")]
    UnknownPreset,
    #[error("remote unmute not enabled")]
    RemoteUnmuteDisabled,
    #[error("node has exceeded its configured limit")]
    TooManyRooms,
    /// Rooms that are open go on; none is opened any more.
    #[error("server is shutting down")]
    Draining,
    #[error("room has already closed")]
    Closed,
    #[error("the room did not answer in time")]
    TimedOut,
}

impl Classified for RoomError {
    fn class(&self) -> Class {
        match self {
            Self::NotFound | Self::ParticipantNotFound | Self::TrackNotFound => Class::Missing,
            Self::NoName
            | Self::NameTooLong
            | Self::ParticipantNameTooLong
            | Self::MetadataTooLarge
            | Self::AttributesTooLarge
            | Self::DataTooLarge
            | Self::Nonce
            | Self::UnknownPreset => Class::Invalid,
            Self::RemoteUnmuteDisabled => Class::Conflict,
            Self::TooManyRooms => Class::Overloaded,
            Self::Draining | Self::Closed | Self::TimedOut => Class::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "node.room.not_found",
            Self::ParticipantNotFound => "node.room.participant_not_found",
            Self::TrackNotFound => "node.room.track_not_found",
            Self::NoName => "node.room.no_name",
            Self::NameTooLong => "node.room.name_too_long",
            Self::ParticipantNameTooLong => "node.room.participant_name_too_long",
            Self::MetadataTooLarge => "node.room.metadata_too_large",
            Self::AttributesTooLarge => "node.room.attributes_too_large",
            Self::DataTooLarge => "node.room.data_too_large",
            Self::Nonce => "node.room.nonce",
            Self::UnknownPreset => "node.room.unknown_preset",
            Self::RemoteUnmuteDisabled => "node.room.remote_unmute_disabled",
            Self::TooManyRooms => "node.room.too_many",
            Self::Draining => "node.room.draining",
            Self::Closed => "node.room.closed",
            Self::TimedOut => "node.room.timed_out",
        }
    }
}

/// Why a participant was not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("requested room does not exist")]
    RoomNotFound,
    #[error("no permissions to access the room")]
    NotAllowed,
    #[error("permissions denied")]
    MetadataNotAllowed,
    #[error("name length exceeds limits")]
    NameTooLong,
    #[error("metadata size exceeds limits")]
    MetadataTooLarge,
    #[error("attribute size exceeds limits")]
    AttributesTooLarge,
    #[error("unknown room configuration in create room request")]
    UnknownPreset,
    #[error("room configuration of the token cannot be read")]
    RoomConfig,
    #[error("room has exceeded its max participants")]
    RoomFull,
    #[error("node has exceeded its configured limit")]
    Overloaded,
    /// The room would have to be opened.
    #[error("server is shutting down")]
    Draining,
    #[error("room has already closed")]
    Closed,
    #[error("the room did not answer in time")]
    TimedOut,
}

impl Classified for JoinError {
    fn class(&self) -> Class {
        match self {
            Self::RoomNotFound => Class::Missing,
            Self::NotAllowed | Self::MetadataNotAllowed => Class::Denied,
            Self::NameTooLong
            | Self::MetadataTooLarge
            | Self::AttributesTooLarge
            | Self::UnknownPreset
            | Self::RoomConfig => Class::Invalid,
            Self::RoomFull | Self::Overloaded => Class::Overloaded,
            Self::Draining | Self::Closed | Self::TimedOut => Class::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::RoomNotFound => "node.join.room_not_found",
            Self::NotAllowed => "node.join.not_allowed",
            Self::MetadataNotAllowed => "node.join.metadata_not_allowed",
            Self::NameTooLong => "node.join.name_too_long",
            Self::MetadataTooLarge => "node.join.metadata_too_large",
            Self::AttributesTooLarge => "node.join.attributes_too_large",
            Self::UnknownPreset => "node.join.unknown_preset",
            Self::RoomConfig => "node.join.room_config",
            Self::RoomFull => "node.join.room_full",
            Self::Overloaded => "node.join.overloaded",
            Self::Draining => "node.join.draining",
            Self::Closed => "node.join.room_closed",
            Self::TimedOut => "node.join.timed_out",
        }
    }
}

/// The registry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot bind the media port {addr}")]
    Bind {
        addr: std::net::SocketAddr,
        #[source]
        source: std::io::Error,
    },
}

impl Classified for StartError {
    fn class(&self) -> Class {
        Class::Unavailable
    }

    fn code(&self) -> &'static str {
        "node.udp.bind"
    }
}
