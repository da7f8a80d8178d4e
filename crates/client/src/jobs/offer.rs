//! Offers, and the jobs they become.

use tokio::sync::{mpsc, oneshot, watch};
use trunkline_base::id::ParticipantIdentity;
use trunkline_base::secret::Secret;

use super::{JobAnswer, JobError, JobInfo, JobOutcome};
use crate::auth::LiveKitAuthManager;
use crate::room::RoomToken;
use crate::url::ServerUrl;

/// The offers of one worker.
#[derive(Debug)]
pub struct JobOffers {
    pub(super) offers: mpsc::Receiver<JobOffer>,
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
    pub(super) reply: oneshot::Sender<Accepted>,
}

/// A yes on its way to the worker's task.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) answer: JobAnswer,
    pub(super) assigned: oneshot::Sender<Result<Job, JobError>>,
}

impl JobOffer {
    /// Accepts, and waits for the server to assign.
    ///
    /// # Errors
    /// [`JobError`] when the offer expired or the server did not assign.
    pub async fn accept(self, answer: JobAnswer) -> Result<Job, JobError> {
        let (assigned, assignment) = oneshot::channel();
        self.reply
            .send(Accepted { answer, assigned })
            .map_err(|_| JobError::Expired)?;
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
    pub info: JobInfo,
    /// Where to join.
    pub url: ServerUrl,
    /// With what to join, as the server gave it; see [`Job::room_token`].
    pub token: Secret<String>,
    /// As whom the token joins.
    pub identity: ParticipantIdentity,
    pub(super) auth: LiveKitAuthManager,
    pub(super) terminated: watch::Receiver<bool>,
    pub(super) finished: Option<oneshot::Sender<JobOutcome>>,
}

impl Job {
    /// The server's token, kept fresh with the worker's own keys: a job outlives tokens, and keys.
    /// One that they do not verify is used as it is.
    pub fn room_token(&self) -> RoomToken {
        match self.auth.keep_like(&self.token) {
            Ok(kept) => kept.into(),
            Err(error) => {
                tracing::debug!(%error, "a job's token is not renewed");
                self.token.clone().into()
            }
        }
    }

    /// Waits until the server wants the job ended.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn terminated(&self) {
        let ended = self
            .terminated
            .clone()
            .wait_for(|ended| *ended)
            .await
            .map(|_| ());
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
