//! The door to every room of this node.
//!
//! [`Rooms`] is a cheap handle on the registry task, which owns the map from name to room. The
//! HTTP and Twirp shells hold one and nothing else of the rooms. Each method is one bounded
//! command with one typed answer under a deadline.

use livekit_protocol as proto;
use tokio::sync::{mpsc, oneshot, watch};
use trunkline_base::id::{ParticipantIdentity, RoomName};

use super::command::{Ask, Mute, RegistryCommand, RoomAsk};
use super::error::{JoinError, RoomError};
use super::join::{JoinParams, Session};
use super::notice::Occupancy;
use super::rpc::RpcFailure;
use super::spec::Revived;

/// The handle. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Rooms {
    registry: mpsc::Sender<RegistryCommand>,
    occupancy: watch::Receiver<Occupancy>,
}

impl Rooms {
    pub(crate) fn new(
        registry: mpsc::Sender<RegistryCommand>,
        occupancy: watch::Receiver<Occupancy>,
    ) -> Self {
        Self {
            registry,
            occupancy,
        }
    }

    /// Rooms and participants now.
    pub fn occupancy(&self) -> watch::Receiver<Occupancy> {
        self.occupancy.clone()
    }

    /// Creates a room, or returns the existing one unchanged.
    ///
    /// # Errors
    /// Names and metadata over the limits, too many rooms, node closing.
    pub async fn create(
        &self,
        request: proto::CreateRoomRequest,
    ) -> Result<proto::Room, RoomError> {
        let request = Box::new(request);
        self.ask(|answer| RegistryCommand::Create { request, answer })
            .await?
    }

    /// Opens a room again that a process before this one had.
    ///
    /// # Errors
    /// Too many rooms, node closing, a name that is none or that is open already.
    pub(crate) async fn revive(&self, revived: Revived) -> Result<(), RoomError> {
        let revived = Box::new(revived);
        self.ask(|answer| RegistryCommand::Revive { revived, answer })
            .await?
    }

    /// The rooms named, or all of them; unknown names are left out.
    ///
    /// # Errors
    /// Only when the node is closing.
    pub async fn list(&self, names: Vec<String>) -> Result<Vec<proto::Room>, RoomError> {
        self.ask(|answer| RegistryCommand::List { names, answer })
            .await
    }

    /// One room.
    ///
    /// # Errors
    /// [`RoomError::NotFound`].
    pub async fn room(&self, room: &RoomName) -> Result<proto::Room, RoomError> {
        self.in_room(room, |answer| RoomAsk::Room { answer }).await
    }

    /// Closes a room: everybody gets a leave with ROOM_DELETED.
    ///
    /// # Errors
    /// [`RoomError::NotFound`].
    pub async fn delete(&self, room: &RoomName) -> Result<(), RoomError> {
        self.in_room(room, |answer| RoomAsk::Delete { answer })
            .await
    }

    /// The participants of a room, hidden ones included.
    ///
    /// # Errors
    /// [`RoomError::NotFound`]; ListParticipants answers an empty list then.
    pub async fn participants(
        &self,
        room: &RoomName,
    ) -> Result<Vec<proto::ParticipantInfo>, RoomError> {
        self.in_room(room, |answer| RoomAsk::Participants { answer })
            .await
    }

    /// One participant.
    ///
    /// # Errors
    /// Room or participant unknown.
    pub async fn participant(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
    ) -> Result<proto::ParticipantInfo, RoomError> {
        let identity = identity.clone();
        self.in_room(room, |answer| RoomAsk::Participant { identity, answer })
            .await?
    }

    /// Removes a participant: it gets a leave with PARTICIPANT_REMOVED.
    ///
    /// # Errors
    /// Room or participant unknown.
    pub async fn remove_participant(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
    ) -> Result<(), RoomError> {
        let identity = identity.clone();
        self.in_room(room, |answer| RoomAsk::Remove { identity, answer })
            .await?
    }

    /// Mutes (or, where allowed, unmutes) a published track.
    ///
    /// # Errors
    /// Room, participant or track unknown; remote unmute not enabled.
    pub async fn mute_track(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
        track: &str,
        mute: Mute,
    ) -> Result<proto::TrackInfo, RoomError> {
        let (identity, track) = (identity.clone(), track.to_owned());
        self.in_room(room, |answer| RoomAsk::Mute {
            identity,
            track,
            mute,
            answer,
        })
        .await?
    }

    /// Changes metadata, name, attributes or permissions of a participant.
    ///
    /// # Errors
    /// Limits, unknown room or participant.
    pub async fn update_participant(
        &self,
        room: &RoomName,
        request: proto::UpdateParticipantRequest,
    ) -> Result<proto::ParticipantInfo, RoomError> {
        let request = Box::new(request);
        self.in_room(room, |answer| RoomAsk::Update { request, answer })
            .await?
    }

    /// Replaces the metadata of a room and tells everybody.
    ///
    /// # Errors
    /// Limits, unknown room.
    pub async fn update_metadata(
        &self,
        room: &RoomName,
        metadata: String,
    ) -> Result<proto::Room, RoomError> {
        self.in_room(room, |answer| RoomAsk::Metadata { metadata, answer })
            .await?
    }

    /// Changes what a participant subscribes to.
    ///
    /// # Errors
    /// Unknown room or participant.
    pub async fn update_subscriptions(
        &self,
        room: &RoomName,
        request: proto::UpdateSubscriptionsRequest,
    ) -> Result<(), RoomError> {
        let request = Box::new(request);
        self.in_room(room, |answer| RoomAsk::Subscriptions { request, answer })
            .await?
    }

    /// Sends a data packet from the server to participants.
    ///
    /// # Errors
    /// Limits, unknown room.
    pub async fn send_data(
        &self,
        room: &RoomName,
        request: proto::SendDataRequest,
    ) -> Result<(), RoomError> {
        let request = Box::new(request);
        self.in_room(room, |answer| RoomAsk::SendData { request, answer })
            .await?
    }

    /// Calls a method of a participant and waits for its answer, as long as the request says.
    ///
    /// # Errors
    /// Unknown room or participant; inside, how the call failed.
    pub async fn perform_rpc(
        &self,
        room: &RoomName,
        request: proto::PerformRpcRequest,
    ) -> Result<Result<String, RpcFailure>, RoomError> {
        let request = Box::new(request);
        let ask = |answer| RoomAsk::PerformRpc { request, answer };
        // The room keeps the time.
        let answered = self.put(room, ask).await?;
        answered.await.map_err(|_| RoomError::Closed)?
    }

    /// Lets a participant in, or resumes its session.
    ///
    /// # Errors
    /// Room missing and not to be created, full, limits, not allowed.
    pub async fn join(&self, params: JoinParams) -> Result<Session, JoinError> {
        // A room may be ending just as we come; the second attempt opens it anew.
        match self.try_join(params.clone()).await {
            Err(JoinError::Closed) => self.try_join(params).await,
            outcome => outcome,
        }
    }

    async fn try_join(&self, params: JoinParams) -> Result<Session, JoinError> {
        let params = Box::new(params);
        self.ask(|answer| RegistryCommand::Join { params, answer })
            .await
            .map_err(|error| match error {
                RoomError::TimedOut => JoinError::TimedOut,
                _ => JoinError::Closed,
            })?
    }

    /// Ends every room: everybody gets a leave with SERVER_SHUTDOWN. Answers when all are closed.
    pub async fn shut_down(&self) {
        let _closed = self
            .ask(|answer| RegistryCommand::ShutDown { answer })
            .await;
    }

    #[cfg(test)]
    pub(crate) async fn panic_for_test(&self, room: &RoomName) -> Result<(), RoomError> {
        self.in_room(room, |answer| RoomAsk::Panic { answer }).await
    }

    async fn in_room<T: Send + 'static>(
        &self,
        room: &RoomName,
        ask: impl FnOnce(Ask<T>) -> RoomAsk,
    ) -> Result<T, RoomError> {
        within_deadline(self.put(room, ask).await?).await
    }

    /// Puts an ask into a room's lane.
    async fn put<T: Send + 'static>(
        &self,
        room: &RoomName,
        ask: impl FnOnce(Ask<T>) -> RoomAsk,
    ) -> Result<oneshot::Receiver<T>, RoomError> {
        let room = room.clone();
        let (answer, answered) = oneshot::channel();
        let ask = ask(answer);
        let found = self
            .ask(|found| RegistryCommand::InRoom { room, ask, found })
            .await?;
        found.map(|()| answered)
    }

    async fn ask<T: Send + 'static>(
        &self,
        command: impl FnOnce(Ask<T>) -> RegistryCommand,
    ) -> Result<T, RoomError> {
        let (answer, answered) = oneshot::channel();
        let sending = self.registry.send_timeout(command(answer), ANSWER_LIMIT);
        sending.await.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => RoomError::TimedOut,
            mpsc::error::SendTimeoutError::Closed(_) => RoomError::Closed,
        })?;
        within_deadline(answered).await
    }
}

async fn within_deadline<T>(answered: oneshot::Receiver<T>) -> Result<T, RoomError> {
    match tokio::time::timeout(ANSWER_LIMIT, answered).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(RoomError::Closed),
        Err(_) => Err(RoomError::TimedOut),
    }
}

/// A room answers in microseconds; a second of silence means it is stuck. SDKs give an API call
/// ten seconds, so this leaves room for the shells to report it.
const ANSWER_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);
