//! Participants of a room: list, get, remove, mute, update, subscriptions.

use livekit_protocol as proto;

use super::names::{as_participant, room_name, somebody};
use crate::caller::Caller;
use crate::room::{Mute, RoomError};
use crate::twirp::api::Api;
use crate::twirp::error::TwirpError;
use crate::twirp::limits;

pub(super) async fn list(
    api: &Api,
    caller: &Caller,
    request: proto::ListParticipantsRequest,
) -> Result<proto::ListParticipantsResponse, TwirpError> {
    caller.may_administer(&request.room)?;
    let found = match room_name(&request.room) {
        Ok(room) => api.rooms.participants(&room).await,
        Err(error) => Err(error),
    };
    let participants = match found {
        Err(RoomError::NotFound) => Vec::new(),
        other => other?,
    };
    Ok(proto::ListParticipantsResponse { participants })
}

pub(super) async fn get(
    api: &Api,
    caller: &Caller,
    request: proto::RoomParticipantIdentity,
) -> Result<proto::ParticipantInfo, TwirpError> {
    caller.may_administer(&request.room)?;
    let (room, identity) = somebody(&request.room, &request.identity)?;
    let found = api.rooms.participant(&room, &identity).await;
    Ok(found.map_err(as_participant)?)
}

/// `revoke_token_ts` is a matter of LiveKit Cloud; self-hosted servers pass over it.
pub(super) async fn remove(
    api: &Api,
    caller: &Caller,
    request: proto::RoomParticipantIdentity,
) -> Result<proto::RemoveParticipantResponse, TwirpError> {
    caller.may_administer(&request.room)?;
    let (room, identity) = somebody(&request.room, &request.identity)?;
    let removed = api.rooms.remove_participant(&room, &identity).await;
    removed.map_err(as_participant)?;
    Ok(proto::RemoveParticipantResponse {})
}

/// A track that is not there leaves the answer without one: it may have ended a moment ago.
pub(super) async fn mute(
    api: &Api,
    caller: &Caller,
    request: proto::MuteRoomTrackRequest,
) -> Result<proto::MuteRoomTrackResponse, TwirpError> {
    caller.may_administer(&request.room)?;
    let (room, identity) = somebody(&request.room, &request.identity)?;
    let mute = if request.muted { Mute::On } else { Mute::Off };
    let muted = api
        .rooms
        .mute_track(&room, &identity, &request.track_sid, mute)
        .await;
    let track = match muted.map_err(as_participant) {
        Err(RoomError::TrackNotFound) => None,
        other => Some(other?),
    };
    Ok(proto::MuteRoomTrackResponse { track })
}

pub(super) async fn update(
    api: &Api,
    caller: &Caller,
    request: proto::UpdateParticipantRequest,
) -> Result<proto::ParticipantInfo, TwirpError> {
    limits::name(&request.name, &api.limits)?;
    limits::metadata(&request.metadata, &api.limits)?;
    limits::attributes(&request.attributes, &api.limits)?;
    caller.may_administer(&request.room)?;
    let (room, _) = somebody(&request.room, &request.identity)?;
    let updated = api.rooms.update_participant(&room, request).await;
    Ok(updated.map_err(as_participant)?)
}

pub(super) async fn subscriptions(
    api: &Api,
    caller: &Caller,
    request: proto::UpdateSubscriptionsRequest,
) -> Result<proto::UpdateSubscriptionsResponse, TwirpError> {
    caller.may_administer(&request.room)?;
    let (room, _) = somebody(&request.room, &request.identity)?;
    let changed = api.rooms.update_subscriptions(&room, request).await;
    changed.map_err(as_participant)?;
    Ok(proto::UpdateSubscriptionsResponse {})
}
