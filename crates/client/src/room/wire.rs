//! Between LiveKit's messages and our types.

use livekit_protocol as proto;
use trunkline_base::id::{ParticipantIdentity, ParticipantSid, TrackSid};
use trunkline_base::token::ParticipantKind;

use super::snapshot::{
    DisconnectReason, ParticipantInfo, Permission, TrackInfo, TrackKind, TrackSource,
};

/// Reads a participant; nothing when it has no identity or no sid.
pub(super) fn participant(info: &proto::ParticipantInfo) -> Option<ParticipantInfo> {
    let permission = info.permission.clone().unwrap_or_default();
    let kind = ParticipantKind::from_wire(info.kind);
    Some(ParticipantInfo {
        sid: ParticipantSid::parse(info.sid.as_str()).ok()?,
        identity: ParticipantIdentity::parse(info.identity.as_str()).ok()?,
        name: info.name.clone(),
        kind,
        attributes: info
            .attributes
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        metadata: info.metadata.clone(),
        tracks: info.tracks.iter().filter_map(track).collect(),
        permission: Permission {
            can_subscribe: permission.can_subscribe,
            can_publish: permission.can_publish,
            can_publish_data: permission.can_publish_data,
            can_update_metadata: permission.can_update_metadata,
            hidden: permission.hidden,
            agent: kind == ParticipantKind::Agent,
        },
    })
}

/// Reads a track; nothing when it has no sid or is neither audio nor video.
pub(super) fn track(info: &proto::TrackInfo) -> Option<TrackInfo> {
    let kind = match info.r#type() {
        proto::TrackType::Audio => TrackKind::Audio,
        proto::TrackType::Video => TrackKind::Video,
        proto::TrackType::Data => return None,
    };
    Some(TrackInfo {
        sid: TrackSid::parse(info.sid.as_str()).ok()?,
        name: info.name.clone(),
        kind,
        source: source_from_wire(info.source()),
        muted: info.muted,
        mime_type: info.mime_type.clone(),
    })
}

pub(super) const fn source_from_wire(source: proto::TrackSource) -> TrackSource {
    match source {
        proto::TrackSource::Unknown => TrackSource::Unknown,
        proto::TrackSource::Camera => TrackSource::Camera,
        proto::TrackSource::Microphone => TrackSource::Microphone,
        proto::TrackSource::ScreenShare => TrackSource::ScreenShare,
        proto::TrackSource::ScreenShareAudio => TrackSource::ScreenShareAudio,
    }
}

pub(super) const fn source_to_wire(source: TrackSource) -> proto::TrackSource {
    match source {
        TrackSource::Unknown => proto::TrackSource::Unknown,
        TrackSource::Camera => proto::TrackSource::Camera,
        TrackSource::Microphone => proto::TrackSource::Microphone,
        TrackSource::ScreenShare => proto::TrackSource::ScreenShare,
        TrackSource::ScreenShareAudio => proto::TrackSource::ScreenShareAudio,
    }
}

pub(super) const fn reason_from_wire(reason: proto::DisconnectReason) -> DisconnectReason {
    use proto::DisconnectReason as Wire;
    match reason {
        Wire::UnknownReason => DisconnectReason::Unknown,
        Wire::ClientInitiated => DisconnectReason::ClientInitiated,
        Wire::DuplicateIdentity => DisconnectReason::DuplicateIdentity,
        Wire::ServerShutdown => DisconnectReason::ServerShutdown,
        Wire::ParticipantRemoved => DisconnectReason::ParticipantRemoved,
        Wire::RoomDeleted => DisconnectReason::RoomDeleted,
        Wire::StateMismatch => DisconnectReason::StateMismatch,
        Wire::JoinFailure => DisconnectReason::JoinFailure,
        Wire::Migration => DisconnectReason::Migration,
        Wire::SignalClose => DisconnectReason::SignalClose,
        Wire::RoomClosed => DisconnectReason::RoomClosed,
        Wire::UserUnavailable => DisconnectReason::UserUnavailable,
        Wire::UserRejected => DisconnectReason::UserRejected,
        Wire::SipTrunkFailure => DisconnectReason::SipTrunkFailure,
        Wire::ConnectionTimeout => DisconnectReason::ConnectionTimeout,
        Wire::MediaFailure => DisconnectReason::MediaFailure,
        Wire::AgentError => DisconnectReason::AgentError,
    }
}

pub(super) const fn reason_to_wire(reason: DisconnectReason) -> proto::DisconnectReason {
    use proto::DisconnectReason as Wire;
    match reason {
        DisconnectReason::Unknown => Wire::UnknownReason,
        DisconnectReason::ClientInitiated => Wire::ClientInitiated,
        DisconnectReason::DuplicateIdentity => Wire::DuplicateIdentity,
        DisconnectReason::ServerShutdown => Wire::ServerShutdown,
        DisconnectReason::ParticipantRemoved => Wire::ParticipantRemoved,
        DisconnectReason::RoomDeleted => Wire::RoomDeleted,
        DisconnectReason::StateMismatch => Wire::StateMismatch,
        DisconnectReason::JoinFailure => Wire::JoinFailure,
        DisconnectReason::Migration => Wire::Migration,
        DisconnectReason::SignalClose => Wire::SignalClose,
        DisconnectReason::RoomClosed => Wire::RoomClosed,
        DisconnectReason::UserUnavailable => Wire::UserUnavailable,
        DisconnectReason::UserRejected => Wire::UserRejected,
        DisconnectReason::SipTrunkFailure => Wire::SipTrunkFailure,
        DisconnectReason::ConnectionTimeout => Wire::ConnectionTimeout,
        DisconnectReason::MediaFailure => Wire::MediaFailure,
        DisconnectReason::AgentError => Wire::AgentError,
    }
}
