//! `RoomService`.

use trunkline_base::id::{ParticipantIdentity, RoomName, TrackSid};

use super::{ApiError, LiveKitApiClient, proto, table};

impl LiveKitApiClient {
    /// Creates a room, or returns the one there is.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_room(
        &self,
        request: proto::CreateRoomRequest,
    ) -> Result<proto::Room, ApiError> {
        self.call(&table::CREATE_ROOM, request).await
    }

    /// Lists rooms: those named, or all.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_rooms(&self, names: &[RoomName]) -> Result<Vec<proto::Room>, ApiError> {
        let names = names.iter().map(ToString::to_string).collect();
        let request = proto::ListRoomsRequest { names };
        Ok(self.call(&table::LIST_ROOMS, request).await?.rooms)
    }

    /// Deletes a room; everybody in it is disconnected.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_room(&self, room: &RoomName) -> Result<(), ApiError> {
        let request = proto::DeleteRoomRequest {
            room: room.to_string(),
        };
        self.call(&table::DELETE_ROOM, request).await.map(drop)
    }

    /// Lists who is in a room.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_participants(
        &self,
        room: &RoomName,
    ) -> Result<Vec<proto::ParticipantInfo>, ApiError> {
        let request = proto::ListParticipantsRequest {
            room: room.to_string(),
        };
        let answer = self.call(&table::LIST_PARTICIPANTS, request).await?;
        Ok(answer.participants)
    }

    /// One participant.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn get_participant(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
    ) -> Result<proto::ParticipantInfo, ApiError> {
        self.call(&table::GET_PARTICIPANT, named(room, identity))
            .await
    }

    /// Removes a participant.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn remove_participant(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
    ) -> Result<(), ApiError> {
        self.call(&table::REMOVE_PARTICIPANT, named(room, identity))
            .await
            .map(drop)
    }

    /// Mutes or unmutes somebody's track.
    ///
    /// # Errors
    /// [`ApiError`]; unmuting needs a server that allows it.
    pub async fn mute_published_track(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
        track: &TrackSid,
        muted: bool,
    ) -> Result<Option<proto::TrackInfo>, ApiError> {
        let request = proto::MuteRoomTrackRequest {
            room: room.to_string(),
            identity: identity.to_string(),
            track_sid: track.to_string(),
            muted,
        };
        let answer = self.call(&table::MUTE_PUBLISHED_TRACK, request).await?;
        Ok(answer.track)
    }

    /// Changes a participant's name, metadata, attributes or permission.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_participant(
        &self,
        request: proto::UpdateParticipantRequest,
    ) -> Result<proto::ParticipantInfo, ApiError> {
        self.call(&table::UPDATE_PARTICIPANT, request).await
    }

    /// Subscribes a participant to tracks, or unsubscribes it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_subscriptions(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
        tracks: &[TrackSid],
        subscribe: bool,
    ) -> Result<(), ApiError> {
        let request = proto::UpdateSubscriptionsRequest {
            room: room.to_string(),
            identity: identity.to_string(),
            track_sids: tracks.iter().map(ToString::to_string).collect(),
            subscribe,
            participant_tracks: Vec::new(),
        };
        self.call(&table::UPDATE_SUBSCRIPTIONS, request)
            .await
            .map(drop)
    }

    /// Sends data into a room. A request without a nonce gets one, so that a repeat is delivered
    /// once.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn send_data(&self, request: proto::SendDataRequest) -> Result<(), ApiError> {
        self.call(&table::SEND_DATA, request).await.map(drop)
    }

    /// Sets a room's metadata.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_room_metadata(
        &self,
        room: &RoomName,
        metadata: impl Into<String>,
    ) -> Result<proto::Room, ApiError> {
        let request = proto::UpdateRoomMetadataRequest {
            room: room.to_string(),
            metadata: metadata.into(),
        };
        self.call(&table::UPDATE_ROOM_METADATA, request).await
    }

    /// Lets a participant be seen and heard in another room too. LiveKit Cloud only. Never
    /// repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn forward_participant(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
        destination: &RoomName,
    ) -> Result<(), ApiError> {
        let request = proto::ForwardParticipantRequest {
            room: room.to_string(),
            identity: identity.to_string(),
            destination_room: destination.to_string(),
        };
        self.call(&table::FORWARD_PARTICIPANT, request)
            .await
            .map(drop)
    }

    /// Moves a participant to another room. LiveKit Cloud only. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn move_participant(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
        destination: &RoomName,
    ) -> Result<(), ApiError> {
        let request = proto::MoveParticipantRequest {
            room: room.to_string(),
            identity: identity.to_string(),
            destination_room: destination.to_string(),
        };
        self.call(&table::MOVE_PARTICIPANT, request).await.map(drop)
    }

    /// Calls a method a participant offers and waits for its answer. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn perform_rpc(&self, request: proto::PerformRpcRequest) -> Result<String, ApiError> {
        Ok(self.call(&table::PERFORM_RPC, request).await?.payload)
    }
}

fn named(room: &RoomName, identity: &ParticipantIdentity) -> proto::RoomParticipantIdentity {
    proto::RoomParticipantIdentity {
        room: room.to_string(),
        identity: identity.to_string(),
        ..proto::RoomParticipantIdentity::default()
    }
}
