//! A registered worker: what it can do and how busy it says it is.

use livekit_protocol as proto;
use proto::server_message::Message;
use proto::worker_message::Message as FromWorker;
use proto::{JobType, WorkerStatus};
use trunkline_base::id::{JobId, WorkerId};

use super::job::{Job, Purpose};
use super::room::Target;
use super::{Action, Book, Moment};

/// Workers that share a key are interchangeable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkerKey {
    pub(crate) agent_name: String,
    pub(crate) namespace: String,
    pub(crate) deployment: String,
    pub(crate) kind: JobType,
}

/// A checked registration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Registration {
    pub(crate) key: WorkerKey,
    pub(crate) permissions: proto::ParticipantPermission,
    /// The key its socket was authenticated with; signs its job tokens.
    pub(crate) api_key: String,
}

/// Why a registration is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegistrationError {
    #[error("unknown job type")]
    JobType,
    #[error("deployment contains characters that are not allowed")]
    Deployment,
    #[error("too many workers")]
    TooMany,
}

impl Registration {
    /// Reads a register message; absent permissions become an ordinary agent's.
    pub(crate) fn read(
        request: proto::RegisterWorkerRequest,
        api_key: &str,
    ) -> Result<Self, RegistrationError> {
        let kind = JobType::try_from(request.r#type).map_err(|_| RegistrationError::JobType)?;
        super::check_deployment(&request.deployment).map_err(|_| RegistrationError::Deployment)?;
        let permissions =
            request
                .allowed_permissions
                .unwrap_or_else(|| proto::ParticipantPermission {
                    can_subscribe: true,
                    can_publish: true,
                    can_publish_data: true,
                    can_update_metadata: true,
                    ..Default::default()
                });
        let key = WorkerKey {
            agent_name: request.agent_name,
            namespace: request.namespace.unwrap_or_default(),
            deployment: request.deployment,
            kind,
        };
        Ok(Self {
            key,
            permissions,
            api_key: api_key.to_owned(),
        })
    }
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) registration: Registration,
    pub(super) available: bool,
    load: f64,
    /// Offers since its last status, which does not count them yet.
    pub(super) fresh_offers: u32,
    /// It let its last offer pass without a word.
    pub(super) is_silent: bool,
}

impl Worker {
    /// Whether it can take a job. One that is loaded to the brim cannot, whatever it calls itself.
    pub(super) fn is_free(&self) -> bool {
        self.available && self.load < 1.0
    }

    /// How likely it is chosen.
    pub(super) fn weight(&self) -> f64 {
        (1.0 - self.load) / f64::from(1 + self.fresh_offers)
    }
}

impl Book {
    /// A worker can take jobs from now on; it gets what waits for it.
    pub(crate) fn worker_registered(
        &mut self,
        registration: Registration,
        now: Moment,
    ) -> Result<WorkerId, RegistrationError> {
        if self.workers.len() >= MAX_WORKERS {
            return Err(RegistrationError::TooMany);
        }
        let id = WorkerId::generate(&mut self.rng);
        let worker = Worker {
            registration,
            available: true,
            load: 0.0,
            fresh_offers: 0,
            is_silent: false,
        };
        self.workers.insert(id.clone(), worker);
        Ok(self.settled(id, now))
    }

    fn settled(&mut self, id: WorkerId, now: Moment) -> WorkerId {
        self.launch_waiting(now);
        let rooms: Vec<_> = self.rooms.keys().cloned().collect();
        for room in rooms {
            self.launch_missing(&room, now);
        }
        id
    }

    /// A worker's socket is gone. Its running jobs live on in their rooms.
    pub(crate) fn worker_gone(&mut self, id: &WorkerId, now: Moment) {
        self.workers.remove(id);
        let offered = |job: &&Job| job.offered_to() == Some(id);
        let lost: Vec<_> = self
            .jobs
            .values()
            .filter(offered)
            .map(|job| job.id.clone())
            .collect();
        for job in lost {
            self.decline(&job, now);
        }
        self.orphan(id, now);
        self.launch_due(now);
    }

    /// A message of a registered worker, other than register and ping.
    pub(crate) fn worker_message(&mut self, id: &WorkerId, message: FromWorker, now: Moment) {
        match message {
            FromWorker::UpdateWorker(status) => self.worker_status(id, &status, now),
            FromWorker::Availability(answer) => self.job_answered(id, answer, now),
            FromWorker::UpdateJob(update) => self.job_updated(id, &update, now),
            FromWorker::SimulateJob(request) => self.simulate(id, request, now),
            FromWorker::MigrateJob(request) => self.adopt(id, &request.job_ids, now),
            FromWorker::Register(_) | FromWorker::Ping(_) => {}
        }
    }

    fn worker_status(&mut self, id: &WorkerId, status: &proto::UpdateWorkerStatus, now: Moment) {
        let Some(worker) = self.workers.get_mut(id) else {
            return;
        };
        let was = worker.is_free();
        worker.load = f64::from(status.load).clamp(0.0, 1.0);
        worker.fresh_offers = 0;
        if let Some(word) = status.status {
            worker.available = word == i32::from(WorkerStatus::WsAvailable) && !status.draining;
        }
        if worker.is_free() && !was {
            for job in self.jobs.values_mut() {
                job.tried.remove(id);
            }
            self.launch_waiting(now);
        }
    }

    /// A job only for the worker that asks, outside any dispatch.
    fn simulate(&mut self, id: &WorkerId, request: proto::SimulateJobRequest, now: Moment) {
        let Some(worker) = self.workers.get(id) else {
            return;
        };
        let key = worker.registration.key.clone();
        // As LiveKit has it: with a participant, the job is about what that one publishes.
        let target = match &request.participant {
            Some(who) => Target::Publisher(who.identity.clone()),
            None => Target::Room,
        };
        let namespace = key.namespace;
        let job = JobId::generate(&mut self.rng);
        let mut info = proto::Job {
            id: job.to_string(),
            r#type: i32::from(target.kind()),
            room: request.room,
            participant: request.participant,
            agent_name: key.agent_name,
            ..Default::default()
        };
        super::job::namespace(&mut info).clone_from(&namespace);
        let purpose = Purpose { target, namespace };
        let simulated = Job::new(job.clone(), None, purpose, info, now);
        self.jobs.insert(job.clone(), simulated);
        self.offer(&job, id, now);
    }

    pub(super) fn send(&mut self, worker: &WorkerId, message: Message) {
        let (worker, message) = (worker.clone(), Box::new(message));
        self.actions.push_back(Action::Send { worker, message });
    }
}

/// One machine's node; more workers than this is a client in a loop.
const MAX_WORKERS: usize = 512;
