//! A job: its wire form and where it stands.

use std::collections::BTreeSet;
use std::time::Instant;

use livekit_protocol as proto;
use proto::JobStatus;
use proto::server_message::Message;
use trunkline_base::id::{DispatchId, JobId, WorkerId};

use super::{Action, Assignment, Book, Moment};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Waiting,
    Offered { worker: WorkerId, deadline: Instant },
    Running { worker: WorkerId },
    Ended,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    /// `None` for a simulated job.
    pub(super) dispatch: Option<DispatchId>,
    pub(super) info: proto::Job,
    pub(super) declined_by: BTreeSet<WorkerId>,
    phase: Phase,
}

impl Job {
    pub(super) fn new(id: JobId, dispatch: Option<DispatchId>, info: proto::Job) -> Self {
        Self {
            id,
            dispatch,
            info,
            declined_by: BTreeSet::new(),
            phase: Phase::Waiting,
        }
    }

    pub(super) fn room(&self) -> &str {
        self.info
            .room
            .as_ref()
            .map_or("", |room| room.name.as_str())
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Offered { deadline, .. } => Some(*deadline),
            Phase::Waiting | Phase::Running { .. } | Phase::Ended => None,
        }
    }

    pub(super) fn offered_to(&self) -> Option<&WorkerId> {
        match &self.phase {
            Phase::Offered { worker, .. } => Some(worker),
            Phase::Waiting | Phase::Running { .. } | Phase::Ended => None,
        }
    }

    pub(super) fn runs_at(&self) -> Option<&WorkerId> {
        match &self.phase {
            Phase::Running { worker } => Some(worker),
            Phase::Waiting | Phase::Offered { .. } | Phase::Ended => None,
        }
    }

    pub(super) fn run_at(&mut self, worker: WorkerId) {
        self.state().worker_id = worker.to_string();
        self.phase = Phase::Running { worker };
    }

    pub(super) fn waits(&self) -> bool {
        self.phase == Phase::Waiting
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        let ended = self.phase == Phase::Ended;
        ended.then(|| self.info.state.as_ref().map_or(0, |state| state.ended_at))
    }

    /// Whether a worker ever took it; only such jobs are shown.
    pub(super) fn was_assigned(&self) -> bool {
        matches!(self.phase, Phase::Running { .. } | Phase::Ended)
    }

    pub(super) fn wait_for_others(&mut self, declined: Option<WorkerId>) {
        self.declined_by.extend(declined);
        self.info.state = None;
        self.phase = Phase::Waiting;
    }

    /// The state of an offer already says running, at that worker.
    pub(super) fn offer_to(&mut self, worker: WorkerId, now: Moment) {
        let state = self.state();
        state.set_status(JobStatus::JsRunning);
        state.worker_id = worker.to_string();
        state.started_at = now.unix.nanos_i64();
        state.updated_at = state.started_at;
        self.phase = Phase::Offered {
            worker,
            deadline: now.at + super::OFFER_LIMIT,
        };
    }

    pub(super) fn end(&mut self, status: JobStatus, error: &str, now: Moment) {
        let state = self.state();
        state.set_status(status);
        state.error = error.to_owned();
        state.ended_at = now.unix.nanos_i64();
        state.updated_at = state.ended_at;
        self.phase = Phase::Ended;
    }

    fn state(&mut self) -> &mut proto::JobState {
        self.info.state.get_or_insert_default()
    }

    fn identity(&self) -> &str {
        self.info
            .state
            .as_ref()
            .map_or("", |state| state.participant_identity.as_str())
    }
}

impl Book {
    /// A worker's yes or no.
    pub(super) fn job_answered(
        &mut self,
        worker: &WorkerId,
        answer: proto::AvailabilityResponse,
        now: Moment,
    ) {
        let Ok(id) = JobId::parse(answer.job_id.as_str()) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        if job.offered_to() != Some(worker) {
            tracing::debug!(job = %id, %worker, "answer to an offer that is not open");
            return;
        }
        if answer.terminate {
            job.end(JobStatus::JsSuccess, "", now);
            return;
        }
        if !answer.available {
            self.decline(&id, now);
            return;
        }
        job.state()
            .participant_identity
            .clone_from(&answer.participant_identity);
        job.run_at(worker.clone());
        let info = job.info.clone();
        let Some(entry) = self.workers.get(worker) else {
            return;
        };
        let assignment = Assignment {
            worker: worker.clone(),
            api_key: entry.registration.api_key.clone(),
            permissions: entry.registration.permissions.clone(),
            job: info,
            answer,
        };
        self.actions.push_back(Action::Assign(Box::new(assignment)));
    }

    /// A worker's word on a job it runs.
    pub(super) fn job_updated(
        &mut self,
        worker: &WorkerId,
        update: &proto::UpdateJobStatus,
        now: Moment,
    ) {
        let Ok(id) = JobId::parse(update.job_id.as_str()) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        if job.runs_at() != Some(worker) {
            return;
        }
        match update.status() {
            status @ (JobStatus::JsSuccess | JobStatus::JsFailed) => {
                job.end(status, &update.error, now);
                if job.dispatch.is_none() {
                    self.jobs.remove(&id);
                }
            }
            JobStatus::JsPending | JobStatus::JsRunning => {
                job.state().updated_at = now.unix.nanos_i64();
            }
        }
    }

    /// Somebody left a room: if it was an agent whose job still runs, the job has failed.
    pub(super) fn agent_left(&mut self, room: &str, identity: &str, now: Moment) {
        self.leaving
            .retain(|(_, r, i)| (r.as_str(), i.as_str()) != (room, identity));
        for job in self.jobs.values_mut() {
            let its = job.runs_at().is_some() && job.room() == room && job.identity() == identity;
            if its {
                job.end(JobStatus::JsFailed, "agent worker left the room", now);
            }
        }
    }

    /// Tells a running job's worker to end it; the identity of the agent in the room.
    pub(super) fn terminate(&mut self, id: &JobId) -> Option<String> {
        let job = self.jobs.get(id)?;
        let worker = job.runs_at()?.clone();
        let identity = job.identity().to_owned();
        if self.workers.contains_key(&worker) {
            let message = proto::JobTermination {
                job_id: id.to_string(),
            };
            self.send(&worker, Message::Termination(message));
        }
        Some(identity).filter(|identity| !identity.is_empty())
    }
}
