//! The registry: the one task that knows which rooms there are.
//!
//! It starts a room's task when a room is created or first joined, passes commands on without
//! ever waiting for a room, and forgets a room when its task ends, however it ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use livekit_protocol as proto;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, oneshot, watch};
use trunkline_base::id::RoomName;
use trunkline_base::lane::lane;
use trunkline_service::tasks::Tasks;

use super::command::{Admission, Ask, RegistryCommand, RoomAsk, RoomCommand};
use super::config::RoomsConfig;
use super::error::{JoinError, RoomError};
use super::join::{JoinParams, Session};
use super::notice::{Occupancy, RoomNotice};
use super::seats::Seats;
use super::spec::{self, Revived, RoomSpec};
use super::state::RoomState;
use super::task::{self, RoomTask, Shell};
use crate::udp::{PortHandle, RouteChange};

pub(crate) struct Registry {
    config: Arc<RoomsConfig>,
    media: Vec<SocketAddr>,
    port: PortHandle,
    notices: mpsc::Sender<RoomNotice>,
    tasks: Tasks,
    rooms: BTreeMap<RoomName, Known>,
    ended: mpsc::Sender<Ended>,
    endings: mpsc::Receiver<Ended>,
    occupancy: Arc<watch::Sender<Occupancy>>,
    rng: StdRng,
    opened: u64,
}

/// A room that runs.
#[derive(Debug)]
struct Known {
    key: u64,
    commands: mpsc::Sender<RoomCommand>,
    room: watch::Receiver<proto::Room>,
}

/// A room's task is over.
#[derive(Debug)]
struct Ended {
    name: RoomName,
    key: u64,
}

impl Registry {
    pub(crate) fn new(
        config: RoomsConfig,
        media: Vec<SocketAddr>,
        port: PortHandle,
        notices: mpsc::Sender<RoomNotice>,
        tasks: Tasks,
    ) -> Self {
        let (ended, endings) = mpsc::channel(config.limits.rooms.max(1));
        let rng = StdRng::from_seed(config.seed);
        Self {
            config: Arc::new(config),
            media,
            port,
            notices,
            tasks,
            rooms: BTreeMap::new(),
            ended,
            endings,
            occupancy: Arc::new(watch::Sender::new(Occupancy::default())),
            rng,
            opened: 0,
        }
    }

    pub(crate) fn occupancy(&self) -> watch::Receiver<Occupancy> {
        self.occupancy.subscribe()
    }

    /// Serves until every handle is gone and every room has ended.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<RegistryCommand>) {
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.endings.recv() => self.forget(&ended),
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command).await,
                    None => return,
                },
            }
        }
    }

    async fn on_command(&mut self, command: RegistryCommand) {
        match command {
            RegistryCommand::Create { request, answer } => {
                let created = self.create(&request).await;
                let _gone = answer.send(created);
            }
            RegistryCommand::Revive { revived, answer } => {
                let opened = self.revive(*revived).await;
                let _gone = answer.send(opened);
            }
            RegistryCommand::List { names, answer } => {
                let _gone = answer.send(self.list(&names));
            }
            RegistryCommand::Join { params, answer } => self.join(params, answer).await,
            RegistryCommand::InRoom { room, ask, found } => {
                let _gone = found.send(self.pass_on(&room, ask));
            }
            RegistryCommand::ShutDown { answer } => {
                self.close_all().await;
                let _gone = answer.send(());
            }
        }
    }

    async fn create(
        &mut self,
        request: &proto::CreateRoomRequest,
    ) -> Result<proto::Room, RoomError> {
        let spec = spec::from_request(request, &self.config)?;
        if let Some(known) = self.rooms.get(&spec.name) {
            return Ok(known.room.borrow().clone());
        }
        Ok(self.open(spec).await?.room.borrow().clone())
    }

    async fn revive(&mut self, revived: Revived) -> Result<(), RoomError> {
        let spec = spec::from_revived(revived)?;
        if self.rooms.contains_key(&spec.name) {
            // A later life of that name goes on already: this one is over.
            return Err(RoomError::Closed);
        }
        self.open(spec).await.map(|_| ())
    }

    fn list(&self, names: &[String]) -> Vec<proto::Room> {
        let wanted = |name: &RoomName| names.is_empty() || names.iter().any(|n| n == name.as_str());
        let rooms = self.rooms.iter().filter(|(name, _)| wanted(name));
        rooms
            .map(|(_, known)| known.room.borrow().clone())
            .collect()
    }

    async fn join(&mut self, params: Box<JoinParams>, answer: Ask<Result<Session, JoinError>>) {
        if !self.rooms.contains_key(&params.room) {
            if !self.may_create(&params) {
                let _gone = answer.send(Err(JoinError::RoomNotFound));
                return;
            }
            let spec = match spec::from_join(&params, &self.config) {
                Ok(spec) => spec,
                Err(error) => {
                    let _gone = answer.send(Err(error));
                    return;
                }
            };
            if let Err(error) = self.open(spec).await {
                let _gone = answer.send(Err(match error {
                    RoomError::Draining => JoinError::Draining,
                    _ => JoinError::Overloaded,
                }));
                return;
            }
        }
        let Some(known) = self.rooms.get(&params.room) else {
            return;
        };
        let admission = if self.is_full() {
            Admission::Known
        } else {
            Admission::Everybody
        };
        let join = RoomCommand::Join {
            params,
            admission,
            answer,
        };
        match known.commands.try_send(join) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(RoomCommand::Join { answer, .. })) => {
                let _gone = answer.send(Err(JoinError::Overloaded));
            }
            // A room that just ended: the asker sees its answer dropped and tries again.
            Err(_) => {}
        }
    }

    fn may_create(&self, params: &JoinParams) -> bool {
        let granted = params
            .claims
            .video
            .as_ref()
            .is_some_and(|grant| grant.room_create);
        self.config.defaults.auto_create || granted
    }

    fn pass_on(&self, room: &RoomName, ask: RoomAsk) -> Result<(), RoomError> {
        let known = self.rooms.get(room).ok_or(RoomError::NotFound)?;
        known
            .commands
            .try_send(RoomCommand::Ask(ask))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => RoomError::TimedOut,
                mpsc::error::TrySendError::Closed(_) => RoomError::NotFound,
            })
    }

    /// Starts a room, unless there are too many or the process is ending.
    async fn open(&mut self, spec: RoomSpec) -> Result<&Known, RoomError> {
        if !self.tasks.stop().is_running() {
            return Err(RoomError::Draining);
        }
        if self.rooms.len() >= self.config.limits.rooms || self.is_full() {
            return Err(RoomError::TooManyRooms);
        }
        // Every room holds the place of its own ending, so that none can be lost.
        let ending = self.ended.clone().try_reserve_owned();
        let ending = ending.map_err(|_| RoomError::TooManyRooms)?;
        self.opened += 1;
        let key = self.opened;
        let name = spec.name.clone();
        let (commands, incoming) = mpsc::channel(COMMANDS);
        let (sender, datagrams) = lane(DATAGRAMS);
        let opened = RouteChange::Open {
            room: key,
            lane: sender,
        };
        let sent = self.port.changes.send(opened).await;
        sent.map_err(|_| RoomError::Closed)?;
        let seed = self.rng.random();
        let state = RoomState::new(
            spec,
            Arc::clone(&self.config),
            &self.media,
            seed,
            task::now(),
        );
        let (info, shown) = watch::channel(state.info());
        let shell = Shell {
            key,
            commands: incoming,
            datagrams,
            port: self.port.clone(),
            notices: self.notices.clone(),
            info,
            seats: Seats::open(Arc::clone(&self.occupancy)),
            stop: self.tasks.stop(),
        };
        let room = RoomTask::new(state, shell);
        let guard = Guard(Some((
            ending,
            Ended {
                name: name.clone(),
                key,
            },
        )));
        let running = async move {
            let _guard = guard;
            room.run().await;
        };
        drop(self.tasks.session("room", running));
        let known = Known {
            key,
            commands,
            room: shown,
        };
        Ok(self.rooms.entry(name).insert_entry(known).into_mut())
    }

    /// The node forwards as many tracks as it may.
    fn is_full(&self) -> bool {
        self.occupancy.borrow().tracks >= self.config.limits.tracks
    }

    fn forget(&mut self, ended: &Ended) {
        if self
            .rooms
            .get(&ended.name)
            .is_some_and(|known| known.key == ended.key)
        {
            self.rooms.remove(&ended.name);
        }
    }

    /// Asks every room to end, and waits for them within the limit a handle waits for us.
    async fn close_all(&mut self) {
        let mut closed = Vec::new();
        for known in self.rooms.values() {
            let (answer, answered) = oneshot::channel();
            if known
                .commands
                .try_send(RoomCommand::Close { answer })
                .is_ok()
            {
                closed.push(answered);
            }
        }
        let all = futures::future::join_all(closed);
        if tokio::time::timeout(CLOSING, all).await.is_err() {
            tracing::warn!("some rooms did not close in time");
        }
    }
}

/// Tells the registry of a room's end, even when the room panics.
struct Guard(Option<(mpsc::OwnedPermit<Ended>, Ended)>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((permit, ended)) = self.0.take() {
            permit.send(ended);
        }
    }
}

/// Commands waiting for a room. Full means that the room is stuck: the asker is refused.
const COMMANDS: usize = 64;

/// Datagrams waiting for a room: 40 ms of a hundred speakers. Older audio is worth less than
/// newer, so the oldest go.
const DATAGRAMS: usize = 512;

/// How long rooms may take to say goodbye.
const CLOSING: std::time::Duration = std::time::Duration::from_secs(3);
