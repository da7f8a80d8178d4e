//! `livekit.AgentDispatchService`.

use axum::response::Response;
use livekit_protocol as proto;
use trunkline_base::id::RoomName;

use super::Api;
use super::call::Call;
use super::error::TwirpError;
use crate::http::Caller;
use crate::room::RoomError;

/// Answers one method.
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
    if request.metadata.len() > MAX_METADATA {
        return Err(RoomError::MetadataTooLarge.into());
    }
    let size: usize = request
        .attributes
        .iter()
        .map(|(k, v)| k.len() + v.len())
        .sum();
    if size > MAX_ATTRIBUTES {
        return Err(RoomError::AttributesTooLarge.into());
    }
    let room = proto::CreateRoomRequest {
        name: request.room,
        ..Default::default()
    };
    let room = api.rooms.create(room).await?;
    let wanted = proto::RoomAgentDispatch {
        agent_name: request.agent_name,
        metadata: request.metadata,
        restart_policy: request.restart_policy,
        deployment: request.deployment,
        attributes: request.attributes,
    };
    Ok(api.dispatcher.create(room, wanted).await?)
}

async fn delete(
    api: &Api,
    caller: &Caller,
    request: proto::DeleteAgentDispatchRequest,
) -> Result<proto::AgentDispatch, TwirpError> {
    caller.may_administer(&request.room)?;
    exists(api, &request.room).await?;
    Ok(api
        .dispatcher
        .delete(request.room, request.dispatch_id)
        .await?)
}

async fn list(
    api: &Api,
    caller: &Caller,
    request: proto::ListAgentDispatchRequest,
) -> Result<proto::ListAgentDispatchResponse, TwirpError> {
    caller.may_administer(&request.room)?;
    exists(api, &request.room).await?;
    let agent_dispatches = api
        .dispatcher
        .list(request.room, request.dispatch_id)
        .await?;
    Ok(proto::ListAgentDispatchResponse { agent_dispatches })
}

async fn exists(api: &Api, room: &str) -> Result<(), TwirpError> {
    let name = RoomName::parse(room).map_err(|_| RoomError::NotFound)?;
    api.rooms.room(&name).await?;
    Ok(())
}

const MAX_METADATA: usize = 512 * 1024;
const MAX_ATTRIBUTES: usize = 64 * 1024;
