//! `livekit.AgentDispatchService`.

use axum::response::Response;
use livekit_protocol as proto;
use trunkline_base::id::RoomName;

use super::api::Api;
use super::call::Call;
use super::error::TwirpError;
use super::limits;
use crate::caller::Caller;
use crate::dispatch::{DispatchError, check_deployment};
use crate::room::RoomError;

pub(super) async fn answer(api: &Api, call: Call, method: &str) -> Response {
    match method {
        "CreateDispatch" => {
            call.run(|c, r| async move { create(api, &c, r).await })
                .await
        }
        "DeleteDispatch" => {
            call.run(|c, r| async move { delete(api, &c, r).await })
                .await
        }
        "ListDispatch" => call.run(|c, r| async move { list(api, &c, r).await }).await,
        _ => call.no_method(),
    }
}

async fn create(
    api: &Api,
    caller: &Caller,
    request: proto::CreateAgentDispatchRequest,
) -> Result<proto::AgentDispatch, TwirpError> {
    caller.may_administer(&request.room)?;
    check_deployment(&request.deployment).map_err(DispatchError::from)?;
    if request.metadata.len() > api.limits.metadata_bytes {
        return Err(RoomError::MetadataTooLarge.into());
    }
    if limits::size(&request.attributes) > api.limits.attributes_bytes {
        return Err(RoomError::AttributesTooLarge.into());
    }
    let room = if api.auto_create {
        let room = proto::CreateRoomRequest {
            name: request.room,
            ..Default::default()
        };
        api.rooms.create(room).await?
    } else {
        existing(api, &request.room).await?
    };
    let wanted = proto::RoomAgentDispatch {
        agent_name: request.agent_name,
        metadata: request.metadata,
        restart_policy: request.restart_policy,
        deployment: request.deployment,
        attributes: request.attributes,
    };
    let created = api.dispatcher.create(room.clone(), wanted).await?;
    api.records.remember(&room).await;
    Ok(created)
}

async fn delete(
    api: &Api,
    caller: &Caller,
    request: proto::DeleteAgentDispatchRequest,
) -> Result<proto::AgentDispatch, TwirpError> {
    caller.may_administer(&request.room)?;
    let room = existing(api, &request.room).await?;
    let deleted = api
        .dispatcher
        .delete(request.room, request.dispatch_id)
        .await?;
    api.records.update(&room).await;
    Ok(deleted)
}

async fn list(
    api: &Api,
    caller: &Caller,
    request: proto::ListAgentDispatchRequest,
) -> Result<proto::ListAgentDispatchResponse, TwirpError> {
    caller.may_administer(&request.room)?;
    existing(api, &request.room).await?;
    let agent_dispatches = api
        .dispatcher
        .list(request.room, request.dispatch_id)
        .await?;
    Ok(proto::ListAgentDispatchResponse { agent_dispatches })
}

async fn existing(api: &Api, room: &str) -> Result<proto::Room, TwirpError> {
    let name = RoomName::parse(room).map_err(|_| RoomError::NotFound)?;
    Ok(api.rooms.room(&name).await?)
}
