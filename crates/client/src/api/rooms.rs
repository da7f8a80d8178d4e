//! `RoomService`.

use rand::RngCore as _;
use trunkline_base::id::{ParticipantIdentity, RoomName, TrackSid};

use super::{ApiError, LiveKitApiClient, Need, Repeat, Rpc, proto};

const CREATE_ROOM: Rpc = Rpc::new("RoomService/CreateRoom", Need::RoomCreate, Repeat::Safe);
const LIST_ROOMS: Rpc = Rpc::new("RoomService/ListRooms", Need::RoomList, Repeat::Safe);
const DELETE_ROOM: Rpc = Rpc::new(
    "RoomService/DeleteRoom",
    Need::RoomCreate,
    Repeat::GoneIsDone,
);
const LIST_PARTICIPANTS: Rpc = Rpc::new(
    "RoomService/ListParticipants",
    Need::RoomAdmin,
    Repeat::Safe,
);
const GET_PARTICIPANT: Rpc = Rpc::new("RoomService/GetParticipant", Need::RoomAdmin, Repeat::Safe);
const REMOVE_PARTICIPANT: Rpc = Rpc::new(
    "RoomService/RemoveParticipant",
    Need::RoomAdmin,
    Repeat::GoneIsDone,
);
const MUTE: Rpc = Rpc::new(
    "RoomService/MutePublishedTrack",
    Need::RoomAdmin,
    Repeat::Safe,
);
const UPDATE_PARTICIPANT: Rpc = Rpc::new(
    "RoomService/UpdateParticipant",
    Need::RoomAdmin,
    Repeat::Safe,
);
const UPDATE_SUBSCRIPTIONS: Rpc = Rpc::new(
    "RoomService/UpdateSubscriptions",
    Need::RoomAdmin,
    Repeat::Safe,
);
const SEND_DATA: Rpc = Rpc::new("RoomService/SendData", Need::RoomAdmin, Repeat::Safe);
const UPDATE_ROOM_METADATA: Rpc = Rpc::new(
    "RoomService/UpdateRoomMetadata",
    Need::RoomAdmin,
    Repeat::Safe,
);
const PERFORM_RPC: Rpc = Rpc::new("RoomService/PerformRpc", Need::RoomAdmin, Repeat::Never);

impl LiveKitApiClient {
    /// Creates a room, or returns the one there is.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_room(
        &self,
        request: proto::CreateRoomRequest,
    ) -> Result<proto::Room, ApiError> {
        self.transport.call(&CREATE_ROOM, None, &request).await
    }

    /// Lists rooms: those named, or all.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_rooms(&self, names: &[RoomName]) -> Result<Vec<proto::Room>, ApiError> {
        let names = names.iter().map(ToString::to_string).collect();
        let request = proto::ListRoomsRequest { names };
        let answer: proto::ListRoomsResponse =
            self.transport.call(&LIST_ROOMS, None, &request).await?;
        Ok(answer.rooms)
    }

    /// Deletes a room; everybody in it is disconnected.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_room(&self, room: &RoomName) -> Result<(), ApiError> {
        let request = proto::DeleteRoomRequest {
            room: room.to_string(),
        };
        let _done: proto::DeleteRoomResponse =
            self.transport.call(&DELETE_ROOM, None, &request).await?;
        Ok(())
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
        let answer: proto::ListParticipantsResponse = self
            .transport
            .call(&LIST_PARTICIPANTS, Some(room), &request)
            .await?;
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
        self.transport
            .call(&GET_PARTICIPANT, Some(room), &named(room, identity))
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
        let request = named(room, identity);
        let _done: proto::RemoveParticipantResponse = self
            .transport
            .call(&REMOVE_PARTICIPANT, Some(room), &request)
            .await?;
        Ok(())
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
        let answer: proto::MuteRoomTrackResponse =
            self.transport.call(&MUTE, Some(room), &request).await?;
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
        let room = RoomName::parse(request.room.as_str()).ok();
        self.transport
            .call(&UPDATE_PARTICIPANT, room.as_ref(), &request)
            .await
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
        let _done: proto::UpdateSubscriptionsResponse = self
            .transport
            .call(&UPDATE_SUBSCRIPTIONS, Some(room), &request)
            .await?;
        Ok(())
    }

    /// Sends data into a room. A request without a nonce gets one, so that a repeat is delivered
    /// once.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn send_data(&self, mut request: proto::SendDataRequest) -> Result<(), ApiError> {
        if request.nonce.is_empty() {
            request.nonce = vec![0; 16];
            rand::rng().fill_bytes(&mut request.nonce);
        }
        let room = RoomName::parse(request.room.as_str()).ok();
        let _done: proto::SendDataResponse = self
            .transport
            .call(&SEND_DATA, room.as_ref(), &request)
            .await?;
        Ok(())
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
        self.transport
            .call(&UPDATE_ROOM_METADATA, Some(room), &request)
            .await
    }

    /// Calls a method a participant offers and waits for its answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn perform_rpc(&self, request: proto::PerformRpcRequest) -> Result<String, ApiError> {
        let room = RoomName::parse(request.room.as_str()).ok();
        let answer: proto::PerformRpcResponse = self
            .transport
            .call(&PERFORM_RPC, room.as_ref(), &request)
            .await?;
        Ok(answer.payload)
    }
}

fn named(room: &RoomName, identity: &ParticipantIdentity) -> proto::RoomParticipantIdentity {
    proto::RoomParticipantIdentity {
        room: room.to_string(),
        identity: identity.to_string(),
        ..proto::RoomParticipantIdentity::default()
    }
}
