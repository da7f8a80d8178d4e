//! `livekit.Egress`: what was recorded is listed, what records is stopped; what this server cannot
//! record is checked, and then refused as the official server refuses without its workers.

use axum::response::Response;
use livekit_protocol as proto;
use prost::Message;
use serde::de::DeserializeOwned;

use super::api::Api;
use super::call::Call;
use super::error::TwirpError;
use crate::caller::Caller;
use crate::egress::{EgressError, Wanted};
use crate::room::RoomError;
use trunkline_base::id::RoomName;

pub(super) async fn answer(api: &Api, call: Call, method: &str) -> Response {
    match method {
        "StartEgress" => start::<proto::StartEgressRequest>(api, call).await,
        "StartRoomCompositeEgress" => start::<proto::RoomCompositeEgressRequest>(api, call).await,
        "StartWebEgress" => start::<proto::WebEgressRequest>(api, call).await,
        "StartParticipantEgress" => start::<proto::ParticipantEgressRequest>(api, call).await,
        "StartTrackCompositeEgress" => start::<proto::TrackCompositeEgressRequest>(api, call).await,
        "StartTrackEgress" => start::<proto::TrackEgressRequest>(api, call).await,
        "UpdateLayout" => {
            call.run(|c, r| async move { update_layout(api, &c, r).await })
                .await
        }
        "UpdateStream" => {
            call.run(|c, r| async move { update_stream(api, &c, r).await })
                .await
        }
        "ListEgress" => call.run(|c, r| async move { list(api, &c, r).await }).await,
        "StopEgress" => call.run(|c, r| async move { stop(api, &c, r).await }).await,
        _ => call.no_method(),
    }
}

fn may_record(caller: &Caller) -> Result<(), TwirpError> {
    Ok(caller.may(|video| video.room_record)?)
}

async fn start<Request>(api: &Api, call: Call) -> Response
where
    Request: Wanted + Message + Default + DeserializeOwned + Sync,
{
    call.run(|caller: Caller, request: Request| async move {
        may_record(&caller)?;
        let refused: Result<proto::EgressInfo, TwirpError> = Err(refusal(api, &request).await);
        refused
    })
    .await
}

/// What is wrong with the wish, or else that nobody here can meet it.
async fn refusal(api: &Api, request: &impl Wanted) -> TwirpError {
    if !request.room().is_empty() {
        let room = RoomName::parse(request.room()).map_err(|_| RoomError::NotFound);
        let found = match room {
            Ok(room) => api.rooms.room(&room).await,
            Err(error) => Err(error),
        };
        if let Err(error) = found {
            return error.into();
        }
    }
    match request.check() {
        Ok(()) => EgressError::NotConnected.into(),
        Err(error) => error.into(),
    }
}

/// The layout is what the page of a recorder reads from its own metadata.
async fn update_layout(
    api: &Api,
    caller: &Caller,
    request: proto::UpdateLayoutRequest,
) -> Result<proto::EgressInfo, TwirpError> {
    may_record(caller)?;
    let info = api.egress.get(&request.egress_id).await?;
    let room = RoomName::parse(&*info.room_name).map_err(|_| RoomError::ParticipantNotFound)?;
    let update = proto::UpdateParticipantRequest {
        room: info.room_name.clone(),
        identity: info.egress_id.clone(),
        metadata: serde_json::json!({ "layout": request.layout }).to_string(),
        ..Default::default()
    };
    let updated = api.rooms.update_participant(&room, update).await;
    updated.map_err(|error| match error {
        RoomError::NotFound => RoomError::ParticipantNotFound,
        other => other,
    })?;
    Ok(info)
}

async fn update_stream(
    api: &Api,
    caller: &Caller,
    request: proto::UpdateStreamRequest,
) -> Result<proto::EgressInfo, TwirpError> {
    may_record(caller)?;
    Ok(api.egress.update_stream(&request.egress_id).await?)
}

async fn list(
    api: &Api,
    caller: &Caller,
    request: proto::ListEgressRequest,
) -> Result<proto::ListEgressResponse, TwirpError> {
    may_record(caller)?;
    let items = api.egress.list(&request).await?;
    Ok(proto::ListEgressResponse {
        items,
        ..Default::default()
    })
}

async fn stop(
    api: &Api,
    caller: &Caller,
    request: proto::StopEgressRequest,
) -> Result<proto::EgressInfo, TwirpError> {
    may_record(caller)?;
    Ok(api.egress.stop(&request.egress_id).await?)
}
