//! The command lanes: shells to registry, registry to room.

use livekit_protocol as proto;
use tokio::sync::oneshot;
use trunkline_base::id::{ParticipantIdentity, RoomName};

use super::error::{JoinError, RoomError};
use super::join::{JoinParams, Session};
use super::rpc::RpcOutcome;
use super::spec::Revived;

/// Whether to mute or unmute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute {
    On,
    Off,
}

/// Who may come in, by what the node carries already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Everybody,
    /// The node is full: those who are here may come back, for they add nothing.
    Known,
}

/// Where an answer goes.
pub(crate) type Ask<T> = oneshot::Sender<T>;

/// What the registry is asked.
#[derive(Debug)]
pub(crate) enum RegistryCommand {
    Create {
        request: Box<proto::CreateRoomRequest>,
        answer: Ask<Result<proto::Room, RoomError>>,
    },
    /// Open a room again that a process before this one had.
    Revive {
        revived: Box<Revived>,
        answer: Ask<Result<(), RoomError>>,
    },
    List {
        names: Vec<String>,
        answer: Ask<Vec<proto::Room>>,
    },
    Join {
        params: Box<JoinParams>,
        answer: Ask<Result<Session, JoinError>>,
    },
    /// Pass `ask` on to a room, if there is one.
    InRoom {
        room: RoomName,
        ask: RoomAsk,
        found: Ask<Result<(), RoomError>>,
    },
    ShutDown {
        answer: Ask<()>,
    },
}

/// What a room is asked from outside its sessions.
#[derive(Debug)]
pub(crate) enum RoomAsk {
    Room {
        answer: Ask<proto::Room>,
    },
    Delete {
        answer: Ask<()>,
    },
    Participants {
        answer: Ask<Vec<proto::ParticipantInfo>>,
    },
    Participant {
        identity: ParticipantIdentity,
        answer: Ask<Result<proto::ParticipantInfo, RoomError>>,
    },
    Remove {
        identity: ParticipantIdentity,
        answer: Ask<Result<(), RoomError>>,
    },
    Mute {
        identity: ParticipantIdentity,
        track: String,
        mute: Mute,
        answer: Ask<Result<proto::TrackInfo, RoomError>>,
    },
    Update {
        request: Box<proto::UpdateParticipantRequest>,
        answer: Ask<Result<proto::ParticipantInfo, RoomError>>,
    },
    Metadata {
        metadata: String,
        answer: Ask<Result<proto::Room, RoomError>>,
    },
    Subscriptions {
        request: Box<proto::UpdateSubscriptionsRequest>,
        answer: Ask<Result<(), RoomError>>,
    },
    SendData {
        request: Box<proto::SendDataRequest>,
        answer: Ask<Result<(), RoomError>>,
    },
    /// Answered when the participant answers, or its time is over.
    PerformRpc {
        request: Box<proto::PerformRpcRequest>,
        answer: Ask<RpcOutcome>,
    },
    /// A bug on request.
    #[cfg(test)]
    Panic {
        answer: Ask<()>,
    },
}

/// What the registry sends a room.
#[derive(Debug)]
pub(crate) enum RoomCommand {
    Join {
        params: Box<JoinParams>,
        admission: Admission,
        answer: Ask<Result<Session, JoinError>>,
    },
    Ask(RoomAsk),
    Close {
        answer: Ask<()>,
    },
}
