//! The worker's books, without a socket: what was offered, accepted, assigned, and how it ended.
//! Messages for the server collect in an outbox that survives a lost socket.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use livekit_protocol as proto;
use proto::worker_message::Message as ToServer;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use trunkline_base::id::{JobId, ParticipantIdentity};
use trunkline_base::secret::Secret;

use super::offer::Accepted;
use super::{Job, JobError, JobInfo, JobOffer, JobOutcome, wire};
use crate::auth::LiveKitAuthManager;
use crate::url::ServerUrl;

/// For an offer to be answered; the server gives up on a worker after ten seconds.
const OFFER_LIMIT: Duration = Duration::from_millis(7_500);

/// For the server to assign what was accepted.
const ASSIGN_LIMIT: Duration = Duration::from_millis(7_500);

/// Messages kept while the socket is away. Only job endings can pile up, one per running job.
const OUTBOX_LIMIT: usize = 1024;

/// Something a child future found out.
#[derive(Debug)]
pub(super) enum News {
    Answered {
        job: Box<JobInfo>,
        accepted: Option<Accepted>,
    },
    Waited {
        job: JobId,
    },
    Finished {
        job: JobId,
        outcome: Option<JobOutcome>,
    },
}

#[derive(Debug)]
struct Pending {
    info: JobInfo,
    identity: ParticipantIdentity,
    assigned: oneshot::Sender<Result<Job, JobError>>,
}

#[derive(Debug)]
pub(super) struct Book {
    max_jobs: usize,
    own_url: ServerUrl,
    auth: LiveKitAuthManager,
    offers: mpsc::Sender<JobOffer>,
    open_offers: usize,
    pending: BTreeMap<JobId, Pending>,
    running: BTreeMap<JobId, watch::Sender<bool>>,
    /// Reported in place of jobs over the limit.
    pub(super) load: Option<f32>,
    pub(super) draining: bool,
    pub(super) outbox: VecDeque<ToServer>,
    pub(super) news: FuturesUnordered<BoxFuture<'static, News>>,
}

impl Book {
    pub(super) fn new(
        max_jobs: u32,
        (own_url, auth): (ServerUrl, LiveKitAuthManager),
        offers: mpsc::Sender<JobOffer>,
    ) -> Self {
        Self {
            max_jobs: usize::try_from(max_jobs.max(1)).unwrap_or(usize::MAX),
            own_url,
            auth,
            offers,
            open_offers: 0,
            pending: BTreeMap::new(),
            running: BTreeMap::new(),
            load: None,
            draining: false,
            outbox: VecDeque::new(),
            news: FuturesUnordered::new(),
        }
    }

    /// Where a job is: where the server says, by the rules of our own address, or where we are.
    fn place(&self, assigned: &str) -> ServerUrl {
        if assigned.is_empty() {
            return self.own_url.clone();
        }
        self.own_url.sibling(assigned).unwrap_or_else(|error| {
            tracing::warn!(%error, "address of an assignment is of no use; joining our own server");
            self.own_url.clone()
        })
    }

    /// Nothing runs and nothing is promised.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.pending.is_empty()
    }

    fn taken(&self) -> usize {
        self.running.len() + self.pending.len() + self.open_offers
    }

    fn is_full(&self) -> bool {
        self.draining || self.taken() >= self.max_jobs
    }

    pub(super) fn report(&mut self) {
        #[expect(clippy::cast_precision_loss, reason = "a load is a rough number")]
        let share = self.running.len() as f32 / self.max_jobs as f32;
        let load = self.load.unwrap_or(share).clamp(0.0, 1.0);
        let full = self.draining || self.running.len() + self.pending.len() >= self.max_jobs;
        self.tell(wire::status(full, self.draining, load, self.running.len()));
    }

    /// The server knows us again: name what still runs.
    pub(super) fn on_registered(&mut self) {
        if !self.running.is_empty() {
            self.outbox.push_front(wire::migrate(self.running.keys()));
        }
        self.report();
    }

    /// The socket is gone: promises made over it are void, statuses are stale, endings stay.
    pub(super) fn on_lost(&mut self) {
        for (_, pending) in std::mem::take(&mut self.pending) {
            drop(pending.assigned.send(Err(JobError::Unassigned)));
        }
        self.outbox
            .retain(|message| matches!(message, ToServer::UpdateJob(_)));
    }

    pub(super) fn on_offer(&mut self, request: proto::AvailabilityRequest) {
        let Some(job) = request.job.and_then(wire::job) else {
            return tracing::warn!("offer without a job or a room");
        };
        if self.is_full() {
            return self.tell(wire::decline(&job.id));
        }
        let (reply, answered) = oneshot::channel();
        let offer = JobOffer {
            job: job.clone(),
            reply,
        };
        if self.offers.try_send(offer).is_err() {
            return self.tell(wire::decline(&job.id));
        }
        self.open_offers += 1;
        self.news.push(Box::pin(async move {
            let accepted = timeout(OFFER_LIMIT, answered)
                .await
                .ok()
                .and_then(Result::ok);
            News::Answered {
                job: Box::new(job),
                accepted,
            }
        }));
    }

    pub(super) fn on_assignment(&mut self, assignment: proto::JobAssignment) {
        let Some(job) = assignment.job.and_then(wire::job) else {
            return tracing::warn!("assignment without a job or a room");
        };
        let Some(pending) = self.pending.remove(&job.id) else {
            // Too late: whoever accepted has been told so already.
            let late = JobOutcome::Failed("assigned too late".to_owned());
            return self.tell(wire::ended(&job.id, late));
        };
        let (terminate, terminated) = watch::channel(false);
        let (finished, ended) = oneshot::channel();
        let id = job.id.clone();
        let assigned = Job {
            info: JobInfo {
                id: id.clone(),
                ..pending.info
            },
            url: self.place(assignment.url.as_deref().unwrap_or_default()),
            token: Secret::new(assignment.token),
            auth: self.auth.clone(),
            identity: pending.identity,
            terminated,
            finished: Some(finished),
        };
        self.running.insert(id.clone(), terminate);
        self.tell(wire::running(&id));
        self.news.push(Box::pin(async move {
            News::Finished {
                job: id,
                outcome: ended.await.ok(),
            }
        }));
        // If whoever accepted is gone, the job drops here and is reported as failed.
        drop(pending.assigned.send(Ok(assigned)));
    }

    pub(super) fn on_termination(&mut self, job: &str) {
        if let Some(terminate) = self.running.get(job) {
            terminate.send_replace(true);
        }
    }

    pub(super) fn on_news(&mut self, news: News) {
        match news {
            News::Answered { job, accepted } => self.on_answered(*job, accepted),
            News::Waited { job } => {
                if let Some(pending) = self.pending.remove(&job) {
                    drop(pending.assigned.send(Err(JobError::Unassigned)));
                }
            }
            News::Finished { job, outcome } => {
                self.running.remove(&job);
                let dropped = || JobOutcome::Failed("job ended without a result".to_owned());
                self.tell(wire::ended(&job, outcome.unwrap_or_else(dropped)));
                self.report();
            }
        }
    }

    fn on_answered(&mut self, info: JobInfo, accepted: Option<Accepted>) {
        self.open_offers = self.open_offers.saturating_sub(1);
        let Some(Accepted { answer, assigned }) = accepted else {
            return self.tell(wire::decline(&info.id));
        };
        let Some(identity) = wire::identity(&info.id, &answer) else {
            return self.tell(wire::decline(&info.id));
        };
        if self.draining {
            drop(assigned.send(Err(JobError::Full)));
            return self.tell(wire::decline(&info.id));
        }
        let job = info.id.clone();
        self.tell(wire::accept(&job, &identity, answer));
        self.pending.insert(
            job.clone(),
            Pending {
                info,
                identity,
                assigned,
            },
        );
        self.news.push(Box::pin(async move {
            sleep(ASSIGN_LIMIT).await;
            News::Waited { job }
        }));
    }

    fn tell(&mut self, message: ToServer) {
        if self.outbox.len() < OUTBOX_LIMIT {
            self.outbox.push_back(message);
        } else {
            tracing::warn!("worker outbox is full, a message is dropped");
        }
    }

    pub(super) fn tell_ping(&mut self, unix_millis: i64) {
        self.tell(wire::ping(unix_millis));
    }
}
