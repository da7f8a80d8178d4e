//! An agent worker: registers at `/agent`, is offered jobs, takes as many as it can carry, drains.
//!
//! One task owns the socket. A lost socket is sought again with backoff and the running jobs are
//! named to the server; they go on in their rooms meanwhile. An offer that nobody answers in time
//! is declined, so that the server can ask another worker.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use trunkline_base::class::{Class, Classified};
use trunkline_base::id::{DispatchId, JobId, ParticipantIdentity, RoomName, RoomSid, WorkerId};
use trunkline_base::retry::RetryPolicy;
use trunkline_base::secret::Secret;
use trunkline_base::token::KeyRing;

use crate::room::Permission;
use crate::url::UrlError;

/// What sort of job a worker takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobKind {
    /// One per room.
    #[default]
    Room,
    /// One per publisher.
    Publisher,
    /// One per participant.
    Participant,
}

/// How a worker presents itself.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The name dispatches ask for; empty takes every room's implicit dispatch.
    pub agent_name: String,
    /// What sort of job.
    pub kind: JobKind,
    /// The worker's version, for the server's log.
    pub version: String,
    /// Namespace, where the server divides by it.
    pub namespace: Option<String>,
    /// Jobs at the same time; a worker at its limit reports full.
    pub max_jobs: u32,
    /// What its agents may do in a room.
    pub permissions: Permission,
    /// How a lost socket is sought again. The series starts anew after each success.
    pub reconnect: RetryPolicy,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            agent_name: String::new(),
            kind: JobKind::Room,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            namespace: None,
            max_jobs: 32,
            permissions: Permission {
                can_subscribe: true,
                can_publish: true,
                can_publish_data: true,
                can_update_metadata: true,
                ..Permission::default()
            },
            reconnect: RetryPolicy {
                attempts: u32::MAX,
                base: Duration::from_millis(500),
                cap: Duration::from_secs(10),
                total: Duration::MAX,
            },
        }
    }
}

/// Where a worker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Seeking the server.
    Connecting,
    /// Known to the server.
    Registered {
        /// As the server calls it.
        worker: WorkerId,
    },
    /// Taking nothing new.
    Draining,
    /// Over; the text says why, nothing when asked for.
    Closed {
        /// What ended it.
        error: Option<String>,
    },
}

/// A job the server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobInfo {
    /// Its id.
    pub id: JobId,
    /// What sort.
    pub kind: JobKind,
    /// The room to serve.
    pub room: RoomName,
    /// This life of the room.
    pub room_sid: Option<RoomSid>,
    /// The room's metadata.
    pub room_metadata: String,
    /// The participant to serve, for publisher and participant jobs.
    pub participant: Option<ParticipantIdentity>,
    /// The dispatch's metadata.
    pub metadata: String,
    /// The name the dispatch asked for.
    pub agent_name: String,
    /// The dispatch.
    pub dispatch: Option<DispatchId>,
    /// The dispatch's attributes.
    pub attributes: BTreeMap<String, String>,
}

/// How to appear in the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobAnswer {
    /// Identity; `agent-<job id>` when absent.
    pub identity: Option<ParticipantIdentity>,
    /// Display name.
    pub name: String,
    /// Metadata.
    pub metadata: String,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
}

/// How a job went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// Done.
    Success,
    /// Not done; the text is for the server's record and holds nothing personal.
    Failed(String),
}

/// Why there is no worker, or none any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The address is no server address.
    #[error("bad server address")]
    Url(#[from] UrlError),
    /// No token could be made.
    #[error("worker token cannot be signed")]
    Token,
    /// The worker is over.
    #[error("worker is closed")]
    Closed,
}

impl Classified for WorkerError {
    fn class(&self) -> Class {
        match self {
            Self::Url(_) | Self::Token => Class::Invalid,
            Self::Closed => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Url(_) => "client.url.invalid",
            Self::Token => "client.worker.token",
            Self::Closed => "client.worker.closed",
        }
    }
}

/// Why an accepted offer did not become a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The worker is over.
    #[error("worker is closed")]
    Closed,
    /// The offer was answered too late.
    #[error("offer has expired")]
    Expired,
    /// The server did not assign the job in time.
    #[error("server did not assign the job in time")]
    Unassigned,
    /// The worker is at its limit.
    #[error("worker is full")]
    Full,
}

impl Classified for JobError {
    fn class(&self) -> Class {
        match self {
            Self::Closed | Self::Expired => Class::Conflict,
            Self::Unassigned => Class::Unavailable,
            Self::Full => Class::Overloaded,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "client.worker.closed",
            Self::Expired => "client.job.expired",
            Self::Unassigned => "client.job.unassigned",
            Self::Full => "client.job.full",
        }
    }
}

/// A worker. A cheap handle; the worker ends with [`Worker::drain`], [`Worker::close`] or with the
/// last handle.
#[derive(Clone, Debug)]
pub struct Worker {
    commands: mpsc::Sender<WorkerCommand>,
    state: watch::Receiver<WorkerState>,
}

#[derive(Debug)]
enum WorkerCommand {
    Load(f32),
    Drain { done: oneshot::Sender<()> },
    Close { done: oneshot::Sender<()> },
}

/// The offers of one worker.
#[derive(Debug)]
pub struct JobOffers {
    offers: mpsc::Receiver<JobOffer>,
}

impl JobOffers {
    /// The next offer; nothing once the worker is over.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn next(&mut self) -> Option<JobOffer> {
        self.offers.recv().await
    }
}

/// An offered job. Dropping it declines.
#[derive(Debug)]
pub struct JobOffer {
    /// What is offered.
    pub job: JobInfo,
    reply: oneshot::Sender<(JobAnswer, oneshot::Sender<Result<Job, JobError>>)>,
}

impl JobOffer {
    /// Accepts, and waits for the server to assign.
    ///
    /// # Errors
    /// [`JobError`] when the offer expired or the server did not assign.
    pub async fn accept(self, answer: JobAnswer) -> Result<Job, JobError> {
        let (assigned, assignment) = oneshot::channel();
        self.reply.send((answer, assigned)).map_err(|_| JobError::Expired)?;
        assignment.await.map_err(|_| JobError::Closed)?
    }

    /// Declines; the server asks another worker.
    pub fn reject(self) {
        drop(self);
    }
}

/// A job we have. Dropping it without [`Job::finish`] reports a failure.
#[derive(Debug)]
pub struct Job {
    /// What it is.
    pub info: JobInfo,
    /// Where to join.
    pub url: String,
    /// With what to join.
    pub token: Secret<String>,
    /// As whom the token joins.
    pub identity: ParticipantIdentity,
    terminated: watch::Receiver<bool>,
    finished: Option<oneshot::Sender<JobOutcome>>,
}

impl Job {
    /// Waits until the server wants the job ended.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn terminated(&self) {
        let ended = self.terminated.clone().wait_for(|ended| *ended).await.map(|_| ());
        if ended.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Reports how it went and frees its place.
    pub fn finish(mut self, outcome: JobOutcome) {
        if let Some(finished) = self.finished.take() {
            drop(finished.send(outcome));
        }
    }
}

impl Worker {
    /// Starts a worker; it registers in the background and keeps registered.
    ///
    /// # Errors
    /// [`WorkerError`] when the address or the keys are of no use.
    pub fn start(
        url: &str,
        keys: KeyRing,
        options: WorkerOptions,
    ) -> Result<(Self, JobOffers), WorkerError> {
        let _ = (crate::url::ServerUrl::parse(url)?, keys, options);
        Err(WorkerError::Token)
    }

    /// Where it stands, latest wins.
    pub fn state(&self) -> watch::Receiver<WorkerState> {
        self.state.clone()
    }

    /// Waits until the server knows the worker.
    ///
    /// # Errors
    /// [`WorkerError::Closed`] when it ends first.
    pub async fn registered(&self) -> Result<WorkerId, WorkerError> {
        let mut state = self.state.clone();
        let settled = state
            .wait_for(|state| {
                matches!(state, WorkerState::Registered { .. } | WorkerState::Closed { .. })
            })
            .await
            .map_err(|_| WorkerError::Closed)?;
        match &*settled {
            WorkerState::Registered { worker } => Ok(worker.clone()),
            _ => Err(WorkerError::Closed),
        }
    }

    /// Reports this load, 0 to 1, instead of jobs over the limit.
    pub async fn set_load(&self, load: f32) {
        drop(self.commands.send(WorkerCommand::Load(load)).await);
    }

    /// Reports full, lets the running jobs finish, closes. Dropping the future keeps draining.
    pub async fn drain(&self) {
        let (done, drained) = oneshot::channel();
        if self.commands.send(WorkerCommand::Drain { done }).await.is_ok() {
            drop(drained.await);
        }
    }

    /// Closes the socket at once; jobs go on in their rooms.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(WorkerCommand::Close { done }).await.is_ok() {
            drop(closed.await);
        }
    }
}
