//! Rooms: create, list, delete, metadata.

use livekit_protocol as proto;

use super::names::room_name;
use crate::caller::Caller;
use crate::room::RoomError;
use crate::twirp::api::Api;
use crate::twirp::error::TwirpError;
use crate::twirp::limits;

pub(super) async fn create(
    api: &Api,
    caller: &Caller,
    request: proto::CreateRoomRequest,
) -> Result<proto::Room, TwirpError> {
    caller.may(|video| video.room_create)?;
    if request.egress.is_some() {
        return Err(crate::egress::EgressError::NotConnected.into());
    }
    limits::room_name(&request.name)?;
    limits::metadata(&request.metadata, &api.limits)?;
    limits::agents(&request.agents, &api.limits)?;
    let room = api.rooms.create(request).await?;
    api.records.remember(&room).await;
    Ok(room)
}

pub(super) async fn list(
    api: &Api,
    caller: &Caller,
    request: proto::ListRoomsRequest,
) -> Result<proto::ListRoomsResponse, TwirpError> {
    caller.may(|video| video.room_list)?;
    Ok(proto::ListRoomsResponse {
        rooms: api.rooms.list(request.names).await?,
    })
}

pub(super) async fn delete(
    api: &Api,
    caller: &Caller,
    request: proto::DeleteRoomRequest,
) -> Result<proto::DeleteRoomResponse, TwirpError> {
    caller.may(|video| video.room_create)?;
    let name = room_name(&request.room)?;
    let room = api.rooms.room(&name).await?;
    match api.rooms.delete(&name).await {
        // It ended by itself just now, which is what was asked for.
        Ok(()) | Err(RoomError::Closed) => {}
        Err(error) => return Err(error.into()),
    }
    api.records.forget(&room.sid).await?;
    Ok(proto::DeleteRoomResponse {})
}

pub(super) async fn metadata(
    api: &Api,
    caller: &Caller,
    request: proto::UpdateRoomMetadataRequest,
) -> Result<proto::Room, TwirpError> {
    limits::metadata(&request.metadata, &api.limits)?;
    caller.may_administer(&request.room)?;
    let name = room_name(&request.room)?;
    let room = api.rooms.update_metadata(&name, request.metadata).await?;
    api.records.update(&room).await;
    Ok(room)
}
