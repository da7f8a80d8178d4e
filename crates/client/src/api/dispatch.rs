//! `AgentDispatchService`.

use trunkline_base::id::{DispatchId, RoomName};

use super::{ApiError, LiveKitApiClient, proto, table};

impl LiveKitApiClient {
    /// Asks for an agent in a room. Never repeated: a second one would bring a second agent.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_dispatch(
        &self,
        request: proto::CreateAgentDispatchRequest,
    ) -> Result<proto::AgentDispatch, ApiError> {
        self.call(&table::CREATE_DISPATCH, request).await
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
        let answer = self.call(&table::LIST_DISPATCH, request).await?;
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
        self.call(&table::DELETE_DISPATCH, request).await.map(drop)
    }
}
