//! `livekit.RoomService`.
//!
//! Each method checks in the order the official server does: what it checks before the grant is
//! checked before the grant here.

mod lifecycle;
mod participants;
mod relay;

use axum::response::Response;
use trunkline_base::id::{ParticipantIdentity, RoomName};

use super::Api;
use super::call::Call;
use crate::room::RoomError;

/// Answers one method.
pub(super) async fn answer(api: &Api, call: Call, method: &str) -> Response {
    match method {
        "CreateRoom" => {
            call.run(|c, r| async move { lifecycle::create(api, &c, r).await })
                .await
        }
        "ListRooms" => {
            call.run(|c, r| async move { lifecycle::list(api, &c, r).await })
                .await
        }
        "DeleteRoom" => {
            call.run(|c, r| async move { lifecycle::delete(api, &c, r).await })
                .await
        }
        "UpdateRoomMetadata" => {
            call.run(|c, r| async move { lifecycle::metadata(api, &c, r).await })
                .await
        }
        "ForwardParticipant" => {
            call.run(|c, r| async move { relay::forward(api, &c, r).await })
                .await
        }
        "MoveParticipant" => {
            call.run(|c, r| async move { relay::move_away(api, &c, r).await })
                .await
        }
        "SendData" => {
            call.run(|c, r| async move { relay::send_data(api, &c, r).await })
                .await
        }
        "PerformRpc" => {
            call.run(|c, r| async move { relay::perform_rpc(api, &c, r).await })
                .await
        }
        _ => participant(api, call, method).await,
    }
}

async fn participant(api: &Api, call: Call, method: &str) -> Response {
    match method {
        "ListParticipants" => {
            call.run(|c, r| async move { participants::list(api, &c, r).await })
                .await
        }
        "GetParticipant" => {
            call.run(|c, r| async move { participants::get(api, &c, r).await })
                .await
        }
        "RemoveParticipant" => {
            call.run(|c, r| async move { participants::remove(api, &c, r).await })
                .await
        }
        "MutePublishedTrack" => {
            call.run(|c, r| async move { participants::mute(api, &c, r).await })
                .await
        }
        "UpdateParticipant" => {
            call.run(|c, r| async move { participants::update(api, &c, r).await })
                .await
        }
        "UpdateSubscriptions" => {
            call.run(|c, r| async move { participants::subscriptions(api, &c, r).await })
                .await
        }
        _ => call.no_method(),
    }
}

/// A room that cannot have this name is not there.
fn room_name(name: &str) -> Result<RoomName, RoomError> {
    RoomName::parse(name).map_err(|_| RoomError::NotFound)
}

/// Somebody in a room: nobody has a name that cannot be one.
fn somebody(room: &str, identity: &str) -> Result<(RoomName, ParticipantIdentity), RoomError> {
    let nobody = |_| RoomError::ParticipantNotFound;
    let room = RoomName::parse(room).map_err(nobody)?;
    Ok((room, ParticipantIdentity::parse(identity).map_err(nobody)?))
}

/// Asked for somebody in a room that does not exist, the official server misses the participant.
fn as_participant(error: RoomError) -> RoomError {
    match error {
        RoomError::NotFound => RoomError::ParticipantNotFound,
        other => other,
    }
}
