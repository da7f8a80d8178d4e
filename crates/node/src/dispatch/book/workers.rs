//! What workers do: they register, report, ask, go.

use livekit_protocol as proto;
use proto::WorkerStatus;
use proto::server_message::Message;
use proto::worker_message::Message as FromWorker;
use trunkline_base::id::{JobId, WorkerId};

use super::job::{Job, namespace as namespace_of};
use super::purpose::{Purpose, Target};
use super::registration::{Registration, RegistrationError};
use super::worker::Worker;
use super::{Action, Book, Moment};

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
        Ok(self.welcome(id, now))
    }

    fn welcome(&mut self, id: WorkerId, now: Moment) -> WorkerId {
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
        namespace_of(&mut info).clone_from(&namespace);
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
