//! Agent dispatch: workers on `/agent` sockets, jobs for rooms that want an agent.
//!
//! [`book`] decides; [`owner`] is the one task that owns the book, reads room notices in order and
//! carries out what the book wants; [`socket`] is a worker's connection.

mod book;
mod owner;
mod rooms;
mod socket;
mod token;

use std::time::Duration;

use livekit_protocol as proto;
use proto::server_message::Message as ToWorker;
use proto::worker_message::Message as FromWorker;
use tokio::sync::{mpsc, oneshot};
use trunkline_base::id::WorkerId;

pub(crate) use book::{DispatchError, Registration, RegistrationError, check_deployment};
pub(crate) use owner::{Owner, Surroundings};
pub(crate) use rooms::RoomRecords;
pub(crate) use socket::serve;

/// The handle on the owner task.
#[derive(Debug, Clone)]
pub(crate) struct Dispatcher {
    commands: mpsc::Sender<Command>,
}

/// What the owner is asked. A `oneshot` carries the answer.
#[derive(Debug)]
enum Command {
    Register {
        registration: Box<Registration>,
        lane: mpsc::Sender<ToWorker>,
        answer: oneshot::Sender<Result<WorkerId, RegistrationError>>,
    },
    FromWorker(WorkerId, Box<FromWorker>),
    Gone(WorkerId),
    Create {
        room: Box<proto::Room>,
        wanted: Box<proto::RoomAgentDispatch>,
        answer: oneshot::Sender<Result<proto::AgentDispatch, DispatchError>>,
    },
    Delete {
        room: String,
        id: String,
        answer: oneshot::Sender<Result<proto::AgentDispatch, DispatchError>>,
    },
    List {
        room: String,
        id: String,
        answer: oneshot::Sender<Result<Vec<proto::AgentDispatch>, DispatchError>>,
    },
    /// A room is to be written down, once the disk takes it.
    Keep(String),
    Workers {
        answer: oneshot::Sender<usize>,
    },
}

impl Dispatcher {
    /// A handle and the lane its owner reads.
    fn channel() -> (Self, mpsc::Receiver<Command>) {
        let (commands, lane) = mpsc::channel(COMMANDS);
        (Self { commands }, lane)
    }

    /// Adds a dispatch to a room that exists.
    pub(crate) async fn create(
        &self,
        room: proto::Room,
        wanted: proto::RoomAgentDispatch,
    ) -> Result<proto::AgentDispatch, DispatchError> {
        let (room, wanted) = (Box::new(room), Box::new(wanted));
        self.ask(|answer| Command::Create {
            room,
            wanted,
            answer,
        })
        .await?
    }

    /// Withdraws a dispatch.
    pub(crate) async fn delete(
        &self,
        room: String,
        id: String,
    ) -> Result<proto::AgentDispatch, DispatchError> {
        self.ask(|answer| Command::Delete { room, id, answer })
            .await?
    }

    /// The dispatches of a room, or the one with this id.
    pub(crate) async fn list(
        &self,
        room: String,
        id: String,
    ) -> Result<Vec<proto::AgentDispatch>, DispatchError> {
        self.ask(|answer| Command::List { room, id, answer })
            .await?
    }

    /// Has a room written down as soon as the disk takes it.
    pub(crate) async fn keep(&self, room: String) {
        let _closed = self.commands.send(Command::Keep(room)).await;
    }

    /// Registered workers now.
    pub(crate) async fn workers(&self) -> usize {
        self.ask(|answer| Command::Workers { answer })
            .await
            .unwrap_or_default()
    }

    async fn register(
        &self,
        registration: Registration,
        lane: mpsc::Sender<ToWorker>,
    ) -> Result<Result<WorkerId, RegistrationError>, DispatchError> {
        let registration = Box::new(registration);
        self.ask(|answer| Command::Register {
            registration,
            lane,
            answer,
        })
        .await
    }

    /// A message of a worker; waits while the owner is busy, which slows that worker only.
    async fn heard(&self, worker: &WorkerId, message: FromWorker) {
        let command = Command::FromWorker(worker.clone(), Box::new(message));
        let _closed = self.commands.send(command).await;
    }

    async fn gone(&self, worker: WorkerId) {
        let _closed = self.commands.send(Command::Gone(worker)).await;
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, DispatchError> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.commands.send(command(answer)).await.ok()?;
            answered.await.ok()
        };
        let answer = tokio::time::timeout(ANSWER_LIMIT, asked).await;
        answer.ok().flatten().ok_or(DispatchError::Closed)
    }
}

/// Status updates of hundreds of workers fit; when it is full, workers are read more slowly.
const COMMANDS: usize = 256;
/// The owner never waits for anything, so a long silence means it is gone.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
