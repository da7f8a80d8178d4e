//! An agent worker: registers at `/agent`, is offered jobs, takes as many as it can carry, drains.
//!
//! One task owns the socket. A lost socket is sought again with backoff and the running jobs are
//! named to the server; they go on in their rooms meanwhile. An offer that nobody answers in time
//! is declined, so that the server can ask another worker.

use tokio::sync::{mpsc, oneshot, watch};
use trunkline_base::id::{ParticipantIdentity, WorkerId};
use trunkline_base::token::KeyRing;

mod book;
mod command;
mod error;
mod offer;
mod options;
mod registration;
mod task;
mod wire;

pub use error::{JobError, WorkerError};
pub use offer::{Job, JobOffer, JobOffers};
pub use options::{JobAnswer, JobInfo, JobKind, JobOutcome, WorkerOptions, WorkerState};

use crate::auth::{LiveKitAuthManager, Role, TokenSpec};
use crate::url::IntoServerUrl;
use command::WorkerCommand;
use registration::Registration;
use task::WorkerTask;

/// The bearer of a worker's token; LiveKit does not look at it.
const BEARER: &str = "worker";

/// Places in the command lane. Filling it means the worker's task does not run.
const COMMAND_DEPTH: usize = 16;

/// Offers waiting to be looked at. Filling it means nobody reads offers: more are declined.
const OFFER_DEPTH: usize = 16;

/// A worker. A cheap handle; the worker ends with [`Worker::drain`], [`Worker::close`] or with the
/// last handle.
#[derive(Clone, Debug)]
pub struct Worker {
    commands: mpsc::Sender<WorkerCommand>,
    state: watch::Receiver<WorkerState>,
}

impl Worker {
    /// Starts a worker; it registers in the background and keeps registered.
    ///
    /// # Errors
    /// [`WorkerError`] when the address or the keys are of no use.
    pub fn start(
        url: impl IntoServerUrl,
        keys: KeyRing,
        options: WorkerOptions,
    ) -> Result<(Self, JobOffers), WorkerError> {
        let url = url.into_server_url()?;
        let auth = LiveKitAuthManager::new(keys);
        let bearer = ParticipantIdentity::parse(BEARER).map_err(|_| WorkerError::Token)?;
        let spec = TokenSpec::new(Role::Agent, bearer);
        let token = auth.keep(spec).map_err(|_| WorkerError::Token)?;
        let (commands, orders) = mpsc::channel(COMMAND_DEPTH);
        let (state, current) = watch::channel(WorkerState::Connecting);
        let (offers, offered) = mpsc::channel(OFFER_DEPTH);
        let registration = Registration {
            url,
            token,
            options,
        };
        let task = WorkerTask::new(registration, auth, orders, state, offers);
        #[expect(
            clippy::disallowed_methods,
            reason = "ends when the last handle is dropped"
        )]
        drop(tokio::spawn(task.run()));
        Ok((
            Self {
                commands,
                state: current,
            },
            JobOffers { offers: offered },
        ))
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
                matches!(
                    state,
                    WorkerState::Registered { .. } | WorkerState::Closed { .. }
                )
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
        if self
            .commands
            .send(WorkerCommand::Drain { done })
            .await
            .is_ok()
        {
            drop(drained.await);
        }
    }

    /// Closes the socket at once; jobs go on in their rooms.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self
            .commands
            .send(WorkerCommand::Close { done })
            .await
            .is_ok()
        {
            drop(closed.await);
        }
    }
}

#[cfg(test)]
mod tests;
