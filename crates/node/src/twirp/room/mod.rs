//! `livekit.RoomService`.
//!
//! Each method checks in the order the official server does: what it checks before the grant is
//! checked before the grant here.

mod lifecycle;
mod names;
mod participants;
mod relay;

use axum::response::Response;

use super::api::Api;
use super::call::Call;

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
