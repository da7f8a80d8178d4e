//! What workers say of jobs: yes, no, how far, done.

use livekit_protocol as proto;
use proto::JobStatus;
use trunkline_base::id::{JobId, WorkerId};

use super::fate::JOIN_LIMIT;
use super::{Action, Assignment, Book, Moment};

impl Book {
    /// A worker's yes or no.
    pub(super) fn job_answered(
        &mut self,
        worker: &WorkerId,
        mut answer: proto::AvailabilityResponse,
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
        if let Some(entry) = self.workers.get_mut(worker) {
            entry.is_silent = false;
        }
        if answer.terminate {
            job.end(JobStatus::JsSuccess, "", now);
        } else if !answer.available {
            self.decline(&id, now);
        } else {
            if answer.participant_identity.is_empty() {
                answer.participant_identity = format!("agent-{id}");
            }
            job.state()
                .participant_identity
                .clone_from(&answer.participant_identity);
            job.run_at(worker.clone(), false);
            job.await_until(now.at + JOIN_LIMIT);
            self.assign(&id, worker, answer);
        }
        self.launch_due(now);
    }

    fn assign(&mut self, id: &JobId, worker: &WorkerId, answer: proto::AvailabilityResponse) {
        let (Some(job), Some(entry)) = (self.jobs.get(id), self.workers.get(worker)) else {
            return;
        };
        let assignment = Assignment {
            worker: worker.clone(),
            api_key: entry.registration.api_key.clone(),
            permissions: entry.registration.permissions.clone(),
            job: job.info.clone(),
            answer,
        };
        self.actions.push_back(Action::Assign(Box::new(assignment)));
        self.keep(id);
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
                self.keep(&id);
                if status == JobStatus::JsFailed {
                    self.relaunch(&id, now);
                }
                if self.jobs.get(&id).is_some_and(|job| job.dispatch.is_none()) {
                    self.jobs.remove(&id);
                }
            }
            JobStatus::JsPending | JobStatus::JsRunning => {
                job.state().updated_at = now.unix.nanos_i64();
            }
        }
    }

    /// Tells a running job's worker to end it; the identity of the agent in the room.
    pub(super) fn terminate(&mut self, id: &JobId) -> Option<String> {
        let job = self.jobs.get(id)?;
        let worker = job.runs_at()?.clone();
        let identity = job.identity().to_owned();
        self.tell_terminated(id, &worker);
        Some(identity).filter(|identity| !identity.is_empty())
    }

    pub(super) fn tell_terminated(&mut self, id: &JobId, worker: &WorkerId) {
        if self.workers.contains_key(worker) {
            let message = proto::JobTermination {
                job_id: id.to_string(),
            };
            self.send(worker, proto::server_message::Message::Termination(message));
        }
    }

    /// What a room must remember of its jobs has changed.
    pub(super) fn keep(&mut self, id: &JobId) {
        if let Some(job) = self.jobs.get(id).filter(|job| job.dispatch.is_some()) {
            let room = job.room().to_owned();
            self.actions.push_back(Action::Keep { room });
        }
    }
}
