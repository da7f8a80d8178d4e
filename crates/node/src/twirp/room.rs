//! `livekit.RoomService`.

use axum::response::Response;
use livekit_protocol as proto;
use trunkline_base::id::{IdError, ParticipantIdentity, RoomName, TrackSid};

use super::call::Call;
use super::error::{Code, TwirpError};
use crate::http::Caller;
use crate::room::{Mute, RoomError, Rooms};

/// Answers one method.
pub(super) async fn answer(rooms: &Rooms, call: Call, method: &str) -> Response {
    match method {
        "CreateRoom" => {
            call.run(|c, r| async move { create(rooms, &c, r).await })
                .await
        }
        "ListRooms" => {
            call.run(|c, r| async move { list(rooms, &c, r).await })
                .await
        }
        "DeleteRoom" => {
            call.run(|c, r| async move { delete(rooms, &c, r).await })
                .await
        }
        "ListParticipants" => {
            call.run(|c, r| async move { participants(rooms, &c, r).await })
                .await
        }
        "GetParticipant" => {
            call.run(|c, r| async move { participant(rooms, &c, r).await })
                .await
        }
        "RemoveParticipant" => {
            call.run(|c, r| async move { remove(rooms, &c, r).await })
                .await
        }
        "MutePublishedTrack" => {
            call.run(|c, r| async move { mute(rooms, &c, r).await })
                .await
        }
        "UpdateParticipant" => {
            call.run(|c, r| async move { update(rooms, &c, r).await })
                .await
        }
        "UpdateSubscriptions" => {
            call.run(|c, r| async move { subscriptions(rooms, &c, r).await })
                .await
        }
        "SendData" => {
            call.run(|c, r| async move { send_data(rooms, &c, r).await })
                .await
        }
        "UpdateRoomMetadata" => {
            call.run(|c, r| async move { metadata(rooms, &c, r).await })
                .await
        }
        "ForwardParticipant" => call.run(|c, r| async move { forward(&c, &r) }).await,
        "MoveParticipant" => call.run(|c, r| async move { move_away(&c, &r) }).await,
        "PerformRpc" => call.run(|c, r| async move { perform_rpc(&c, &r) }).await,
        _ => call.no_method(),
    }
}

async fn create(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::CreateRoomRequest,
) -> Result<proto::Room, TwirpError> {
    caller.may(|video| video.room_create)?;
    if request.egress.is_some() {
        return Err(TwirpError::new(Code::Internal, super::inert::EGRESS));
    }
    Ok(rooms.create(request).await?)
}

async fn list(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::ListRoomsRequest,
) -> Result<proto::ListRoomsResponse, TwirpError> {
    caller.may(|video| video.room_list)?;
    Ok(proto::ListRoomsResponse {
        rooms: rooms.list(request.names).await?,
    })
}

async fn delete(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::DeleteRoomRequest,
) -> Result<proto::DeleteRoomResponse, TwirpError> {
    caller.may(|video| video.room_create)?;
    rooms.delete(&room_name(&request.room)?).await?;
    Ok(proto::DeleteRoomResponse {})
}

async fn participants(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::ListParticipantsRequest,
) -> Result<proto::ListParticipantsResponse, TwirpError> {
    let room = administered(caller, &request.room)?;
    let participants = match rooms.participants(&room).await {
        Err(RoomError::NotFound) => Vec::new(),
        other => other?,
    };
    Ok(proto::ListParticipantsResponse { participants })
}

async fn participant(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::RoomParticipantIdentity,
) -> Result<proto::ParticipantInfo, TwirpError> {
    let room = administered(caller, &request.room)?;
    let found = rooms
        .participant(&room, &identity(&request.identity)?)
        .await;
    Ok(found.map_err(as_participant)?)
}

async fn remove(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::RoomParticipantIdentity,
) -> Result<proto::RemoveParticipantResponse, TwirpError> {
    let room = administered(caller, &request.room)?;
    let removed = rooms
        .remove_participant(&room, &identity(&request.identity)?)
        .await;
    removed.map_err(as_participant)?;
    Ok(proto::RemoveParticipantResponse {})
}

async fn mute(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::MuteRoomTrackRequest,
) -> Result<proto::MuteRoomTrackResponse, TwirpError> {
    let room = administered(caller, &request.room)?;
    let identity = identity(&request.identity)?;
    let track = TrackSid::parse(request.track_sid).map_err(|_| RoomError::TrackNotFound)?;
    let mute = if request.muted { Mute::On } else { Mute::Off };
    let track = rooms.mute_track(&room, &identity, &track, mute).await;
    let track = Some(track.map_err(as_participant)?);
    Ok(proto::MuteRoomTrackResponse { track })
}

async fn update(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::UpdateParticipantRequest,
) -> Result<proto::ParticipantInfo, TwirpError> {
    let room = administered(caller, &request.room)?;
    identity(&request.identity)?;
    Ok(rooms
        .update_participant(&room, request)
        .await
        .map_err(as_participant)?)
}

async fn subscriptions(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::UpdateSubscriptionsRequest,
) -> Result<proto::UpdateSubscriptionsResponse, TwirpError> {
    let room = administered(caller, &request.room)?;
    rooms
        .update_subscriptions(&room, request)
        .await
        .map_err(as_participant)?;
    Ok(proto::UpdateSubscriptionsResponse {})
}

async fn send_data(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::SendDataRequest,
) -> Result<proto::SendDataResponse, TwirpError> {
    let room = administered(caller, &request.room)?;
    if !matches!(request.nonce.len(), 0 | 16) {
        let text = "nonce should be 16-bytes or not present, got: ";
        return Err(TwirpError::invalid(format!(
            "{text}{} bytes",
            request.nonce.len()
        )));
    }
    rooms.send_data(&room, request).await?;
    Ok(proto::SendDataResponse {})
}

async fn metadata(
    rooms: &Rooms,
    caller: &Caller,
    request: proto::UpdateRoomMetadataRequest,
) -> Result<proto::Room, TwirpError> {
    let room = administered(caller, &request.room)?;
    Ok(rooms.update_metadata(&room, request.metadata).await?)
}

fn forward(
    caller: &Caller,
    request: &proto::ForwardParticipantRequest,
) -> Result<proto::ForwardParticipantResponse, TwirpError> {
    elsewhere(caller, &request.room, &request.destination_room)
}

fn move_away(
    caller: &Caller,
    request: &proto::MoveParticipantRequest,
) -> Result<proto::MoveParticipantResponse, TwirpError> {
    elsewhere(caller, &request.room, &request.destination_room)
}

/// Sending participants to other rooms is a service of LiveKit Cloud only.
fn elsewhere<T>(caller: &Caller, room: &str, destination: &str) -> Result<T, TwirpError> {
    caller.may_send_to(room, destination)?;
    if room == destination {
        let text = "destination room cannot be the same as source room";
        return Err(TwirpError::invalid(text));
    }
    Err(TwirpError::new(Code::Internal, "not implemented"))
}

fn perform_rpc(
    caller: &Caller,
    request: &proto::PerformRpcRequest,
) -> Result<proto::PerformRpcResponse, TwirpError> {
    administered(caller, &request.room)?;
    if request.destination_identity.is_empty() {
        return Err(TwirpError::invalid("destination identity is required"));
    }
    Err(TwirpError::new(
        Code::Unimplemented,
        "this server does not relay RPC calls of the API",
    ))
}

/// The room, if the caller may administer it.
fn administered(caller: &Caller, room: &str) -> Result<RoomName, TwirpError> {
    caller.may_administer(room)?;
    room_name(room)
}

fn room_name(name: &str) -> Result<RoomName, TwirpError> {
    Ok(RoomName::parse(name).map_err(|error| match error {
        IdError::Empty { .. } => RoomError::NoName,
        IdError::TooLong { .. } => RoomError::NameTooLong,
    })?)
}

fn identity(identity: &str) -> Result<ParticipantIdentity, TwirpError> {
    ParticipantIdentity::parse(identity).map_err(|error| match error {
        IdError::Empty { .. } => TwirpError::invalid("identity cannot be empty"),
        IdError::TooLong { .. } => {
            TwirpError::invalid("participant identity length exceeds limits")
        }
    })
}

/// Asked for somebody in a room that does not exist, the official server misses the participant.
fn as_participant(error: RoomError) -> RoomError {
    match error {
        RoomError::NotFound => RoomError::ParticipantNotFound,
        other => other,
    }
}
