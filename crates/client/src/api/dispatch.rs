//! `AgentDispatchService`.

use trunkline_base::id::{DispatchId, RoomName};

use super::{ApiError, LiveKitApiClient, Need, Repeat, Rpc, proto};

const CREATE: Rpc = Rpc::new(
    "AgentDispatchService/CreateDispatch",
    Need::RoomAdmin,
    Repeat::Never,
);
const LIST: Rpc = Rpc::new(
    "AgentDispatchService/ListDispatch",
    Need::RoomAdmin,
    Repeat::Safe,
);
const DELETE: Rpc = Rpc::new(
    "AgentDispatchService/DeleteDispatch",
    Need::RoomAdmin,
    Repeat::GoneIsDone,
);

impl LiveKitApiClient {
    /// Asks for an agent in a room. Never repeated: a second one would bring a second agent.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_dispatch(
        &self,
        request: proto::CreateAgentDispatchRequest,
    ) -> Result<proto::AgentDispatch, ApiError> {
        let room = RoomName::parse(request.room.as_str()).ok();
        self.transport.call(&CREATE, room.as_ref(), &request).await
    }

    /// Lists a room's dispatches: one, or all.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_dispatch(
        &self,
        room: &RoomName,
        dispatch: Option<&DispatchId>,
    ) -> Result<Vec<proto::AgentDispatch>, ApiError> {
        let request = proto::ListAgentDispatchRequest {
            dispatch_id: dispatch.map(ToString::to_string).unwrap_or_default(),
            room: room.to_string(),
        };
        let answer: proto::ListAgentDispatchResponse =
            self.transport.call(&LIST, Some(room), &request).await?;
        Ok(answer.agent_dispatches)
    }

    /// Takes a dispatch back; its running jobs are told to end.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_dispatch(
        &self,
        room: &RoomName,
        dispatch: &DispatchId,
    ) -> Result<(), ApiError> {
        let request = proto::DeleteAgentDispatchRequest {
            dispatch_id: dispatch.to_string(),
            room: room.to_string(),
        };
        let _gone: proto::AgentDispatch =
            self.transport.call(&DELETE, Some(room), &request).await?;
        Ok(())
    }
}
