//! The task that owns the book.
//!
//! It reads room notices before anything else, so that an API call made after a room was created
//! finds that room in the book. It never waits: slow work is a child task.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as proto;
use proto::server_message::Message as ToWorker;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use trunkline_base::class::Classified;
use trunkline_base::id::{ParticipantIdentity, RoomName, WorkerId};
use trunkline_base::token::KeyRing;
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Stop;
use trunkline_store::Store;

use super::book::{Action, Assignment, Book, Moment};
use super::rooms::RoomRecords;
use super::{Command, Dispatcher, token};
use crate::room::{RoomNotice, Rooms};
use crate::webhook::Webhooks;

/// What the owner reaches out to.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) rooms: Rooms,
    pub(crate) webhooks: Webhooks,
    pub(crate) keys: KeyRing,
    pub(crate) seed: u64,
}

/// The owner, before it runs.
#[derive(Debug)]
pub(crate) struct Owner {
    around: Surroundings,
    book: Book,
    records: RoomRecords,
    lanes: BTreeMap<WorkerId, mpsc::Sender<ToWorker>>,
    commands: mpsc::Receiver<Command>,
    children: JoinSet<()>,
    /// Rooms whose jobs are to be written down, one room at a time.
    to_keep: BTreeSet<String>,
    /// Gives back the room that the disk did not take.
    keeping: JoinSet<Option<String>>,
}

impl Owner {
    /// The owner, and the handles on it and on what it remembers.
    pub(crate) fn new(around: Surroundings, store: Store) -> (Dispatcher, RoomRecords, Self) {
        let (dispatcher, commands) = Dispatcher::channel();
        let records = RoomRecords::new(store, dispatcher.clone());
        let book = Book::new(around.seed);
        let (lanes, children) = (BTreeMap::new(), JoinSet::new());
        (
            dispatcher,
            records.clone(),
            Self {
                around,
                book,
                records,
                lanes,
                commands,
                children,
                to_keep: BTreeSet::new(),
                keeping: JoinSet::new(),
            },
        )
    }

    /// Runs until every room is gone, or a little longer than the hurry began.
    pub(crate) async fn run(mut self, mut notices: mpsc::Receiver<RoomNotice>, stop: Stop) {
        let last_call = async {
            stop.hurry().await;
            tokio::time::sleep(LAST_NOTICES).await;
        };
        tokio::pin!(last_call);
        loop {
            let wake = self
                .book
                .poll_timeout()
                .map(|(at, _)| Instant::from_std(at));
            let timer = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                notice = notices.recv() => match notice {
                    Some(notice) => self.on_notice(notice),
                    None => break,
                },
                () = timer => self.book.handle_timeout(moment()),
                Some(command) = self.commands.recv() => self.on_command(command),
                Some(_) = self.children.join_next() => {}
                Some(kept) = self.keeping.join_next() => {
                    self.to_keep.extend(kept.ok().flatten());
                }
                () = &mut last_call => break,
            }
            self.act();
            self.keep_one();
        }
    }

    fn on_notice(&mut self, notice: RoomNotice) {
        let now = moment();
        match &notice {
            RoomNotice::RoomStarted {
                room,
                agents,
                dispatches,
            } => match dispatches {
                None => {
                    self.book.room_started(room.clone(), agents.clone(), now);
                    if agents.iter().any(|agent| !agent.agent_name.is_empty()) {
                        self.to_keep.insert(room.name.clone());
                    }
                }
                Some(known) => self.book.room_revived(room.clone(), known.clone(), now),
            },
            RoomNotice::RoomFinished { room, reason } => {
                if *reason == proto::RoomEndReason::RoomEndServerShutdown {
                    self.book.room_suspended(&room.name);
                } else {
                    self.book.room_finished(&room.name);
                    self.forget_room(&room.sid);
                }
            }
            RoomNotice::ParticipantEntered { room, participant } => {
                self.book
                    .participant_entered(room.clone(), participant.clone(), now);
            }
            RoomNotice::ParticipantLeft { room, participant }
            | RoomNotice::ConnectionAborted { room, participant } => {
                self.book.participant_left(&room.name, participant, now);
            }
            RoomNotice::TrackPublished {
                room,
                participant,
                first: true,
                ..
            } => {
                self.book
                    .participant_publishes(&room.name, participant.clone(), now);
            }
            RoomNotice::ParticipantJoined { room, participant } => {
                self.book.agent_joined(&room.name, &participant.identity);
            }
            RoomNotice::TrackPublished { .. } | RoomNotice::TrackUnpublished { .. } => {}
        }
        self.around.webhooks.room(notice);
    }

    /// Writes down what runs in a room, so that a restart knows whom to wait for. A slow disk only
    /// makes it later: a room is in the list once, however often it has changed.
    fn keep_one(&mut self) {
        if !self.keeping.is_empty() {
            return;
        }
        let Some(room) = self.to_keep.pop_first() else {
            return;
        };
        let (records, rooms) = (self.records.clone(), self.around.rooms.clone());
        self.keeping.spawn(async move {
            let name = RoomName::parse(room).ok()?;
            // A room that is over is forgotten by its last notice.
            let room = rooms.room(&name).await.ok()?;
            let Err(error) = records.remember_now(&room).await else {
                return None;
            };
            tracing::warn!(code = error.code(), "a room could not be written down yet");
            tokio::time::sleep(AGAIN).await;
            Some(room.name)
        });
    }

    fn forget_room(&mut self, sid: &str) {
        let (records, sid) = (self.records.clone(), sid.to_owned());
        self.children.spawn(async move {
            if let Err(error) = records.forget(&sid).await {
                tracing::warn!(code = error.code(), "a room could not be forgotten");
            }
        });
    }

    fn on_command(&mut self, command: Command) {
        let now = moment();
        match command {
            Command::Register {
                registration,
                lane,
                answer,
            } => {
                let name = registration.key.agent_name.clone();
                let registered = self.book.worker_registered(*registration, now);
                if let Ok(worker) = &registered {
                    tracing::info!(%worker, agent = name, "agent worker registered");
                    self.lanes.insert(worker.clone(), lane);
                }
                let _gone = answer.send(registered);
            }
            Command::FromWorker(worker, message) => {
                self.book.worker_message(&worker, *message, now);
            }
            Command::Gone(worker) => self.forget(&worker),
            Command::Create {
                room,
                wanted,
                answer,
            } => {
                let _gone = answer.send(self.book.create_dispatch(*room, *wanted, now));
            }
            Command::Delete { room, id, answer } => {
                let _gone = answer.send(self.book.delete_dispatch(&room, &id, now));
            }
            Command::List { room, id, answer } => {
                let _gone = answer.send(self.book.list_dispatches(&room, &id));
            }
            Command::Keep(room) => {
                self.to_keep.insert(room);
            }
            Command::Workers { answer } => {
                let _gone = answer.send(self.book.worker_count());
            }
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.book.poll_action() {
            match action {
                Action::Send { worker, message } => self.send(&worker, *message),
                Action::Assign(assignment) => self.assign(&assignment),
                Action::Remove { room, identity } => self.remove(&room, &identity),
                Action::Keep { room } => {
                    self.to_keep.insert(room);
                }
            }
        }
    }

    fn assign(&mut self, assignment: &Assignment) {
        let job = &assignment.job;
        match token::sign_job(assignment, &self.around.keys, crate::clock::now()) {
            Ok(token) => {
                tracing::info!(job = job.id, worker = %assignment.worker, "agent job assigned");
                count(Counter::Jobs, 1, &[("outcome", "assigned")]);
                let job = Some(job.clone());
                let message = proto::JobAssignment {
                    job,
                    url: None,
                    token,
                };
                self.send(&assignment.worker, ToWorker::Assignment(message));
            }
            Err(error) => tracing::error!(job = job.id, %error, "job token not signed"),
        }
    }

    /// A worker that does not read its socket is as good as gone.
    fn send(&mut self, worker: &WorkerId, message: ToWorker) {
        let Some(lane) = self.lanes.get(worker) else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = lane.try_send(message) {
            tracing::warn!(%worker, "agent worker does not read its socket");
            let worker = worker.clone();
            self.forget(&worker);
        }
    }

    fn forget(&mut self, worker: &WorkerId) {
        if self.lanes.remove(worker).is_some() {
            tracing::info!(%worker, "agent worker gone");
        }
        self.book.worker_gone(worker, moment());
    }

    fn remove(&mut self, room: &str, identity: &str) {
        let (Ok(room), Ok(identity)) =
            (RoomName::parse(room), ParticipantIdentity::parse(identity))
        else {
            return;
        };
        let rooms = self.around.rooms.clone();
        self.children.spawn(async move {
            if let Err(error) = rooms.remove_participant(&room, &identity).await {
                tracing::debug!(%error, "agent already gone");
            }
        });
    }
}

fn moment() -> Moment {
    Moment {
        at: Instant::now().into_std(),
        unix: crate::clock::now(),
    }
}

/// Between two tries to write a room down.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// After the hurry began, rooms still report their end.
const LAST_NOTICES: std::time::Duration = std::time::Duration::from_secs(2);
