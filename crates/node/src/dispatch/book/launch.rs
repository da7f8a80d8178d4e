//! From a wish to a worker: which jobs are missing, and who is asked to do them.

use livekit_protocol as proto;
use proto::JobType;
use proto::server_message::Message;
use rand::Rng;
use trunkline_base::id::{DispatchId, JobId, WorkerId};

use super::job::Job;
use super::room::Target;
use super::{Book, Moment};

impl Book {
    /// Creates the jobs a room's dispatches ask for and some worker could do.
    pub(super) fn launch_missing(&mut self, room: &str, now: Moment) {
        let Some(page) = self.rooms.get(room) else {
            return;
        };
        let mut missing = Vec::new();
        for (id, dispatch) in &page.dispatches {
            for target in page.targets() {
                let kind = target.kind();
                let wanted = &dispatch.info;
                let someone = self.workers.values().any(|worker| {
                    worker
                        .registration
                        .key
                        .serves(kind, &wanted.agent_name, &wanted.deployment)
                });
                if someone && !dispatch.launched.contains(&target) {
                    missing.push((id.clone(), target));
                }
            }
        }
        for (dispatch, target) in missing {
            if let Some(job) = self.create_job(room, &dispatch, target) {
                self.launch(&job, now);
            }
        }
    }

    /// Tries the jobs nobody has yet.
    pub(super) fn launch_waiting(&mut self, now: Moment) {
        let waiting = self.jobs.values().filter(|job| job.waits());
        let waiting: Vec<_> = waiting.map(|job| job.id.clone()).collect();
        for job in waiting {
            self.launch(&job, now);
        }
    }

    /// The worker asked will not do it: on to the next.
    pub(super) fn decline(&mut self, id: &JobId, now: Moment) {
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        if job.dispatch.is_none() {
            // Simulated for one worker only.
            self.jobs.remove(id);
            return;
        }
        let worker = job.offered_to().cloned();
        job.wait_for_others(worker);
        self.launch(id, now);
    }

    /// Asks one worker.
    pub(super) fn offer(&mut self, id: &JobId, worker: &WorkerId, now: Moment) {
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        job.offer_to(worker.clone(), now);
        let request = proto::AvailabilityRequest {
            job: Some(job.info.clone()),
            ..Default::default()
        };
        if let Some(entry) = self.workers.get_mut(worker) {
            entry.fresh_offers = entry.fresh_offers.saturating_add(1);
        }
        self.send(worker, Message::Availability(request));
    }

    fn launch(&mut self, id: &JobId, now: Moment) {
        match self.choose(id) {
            Some(worker) => self.offer(id, &worker, now),
            None => tracing::debug!(job = %id, "no worker is free for the job"),
        }
    }

    /// A free worker with the job's key that has not declined, weighted by spare capacity.
    fn choose(&mut self, id: &JobId) -> Option<WorkerId> {
        let job = self.jobs.get(id)?;
        let (kind, name) = (job.info.r#type(), job.info.agent_name.as_str());
        let fits = self.workers.iter().filter(|(worker, entry)| {
            entry.available
                && entry
                    .registration
                    .key
                    .serves(kind, name, &job.info.deployment)
                && !job.declined_by.contains(*worker)
        });
        let fits: Vec<_> = fits
            .map(|(worker, entry)| (worker, entry.weight()))
            .collect();
        let total: f64 = fits.iter().map(|(_, weight)| weight).sum();
        let mut point = self.rng.random::<f64>() * total;
        for (worker, weight) in &fits {
            point -= weight;
            if point <= 0.0 {
                return Some((*worker).clone());
            }
        }
        fits.last().map(|(worker, _)| (*worker).clone())
    }

    fn create_job(&mut self, room: &str, dispatch: &DispatchId, target: Target) -> Option<JobId> {
        self.prune(dispatch);
        let id = JobId::generate(&mut self.rng);
        let page = self.rooms.get_mut(room)?;
        let participant = page.person(&target).cloned();
        let entry = page.dispatches.get_mut(dispatch)?;
        let info = proto::Job {
            id: id.to_string(),
            dispatch_id: dispatch.to_string(),
            r#type: i32::from(target.kind()),
            room: Some(page.room.clone()),
            participant,
            metadata: entry.info.metadata.clone(),
            agent_name: entry.info.agent_name.clone(),
            deployment: entry.info.deployment.clone(),
            attributes: entry.info.attributes.clone(),
            ..Default::default()
        };
        entry.launched.insert(target);
        self.jobs.insert(
            id.clone(),
            Job::new(id.clone(), Some(dispatch.clone()), info),
        );
        Some(id)
    }

    /// A room that lives for weeks keeps only the last ended jobs of a dispatch.
    fn prune(&mut self, dispatch: &DispatchId) {
        let ended = self
            .jobs
            .values()
            .filter(|job| job.dispatch.as_ref() == Some(dispatch));
        let mut ended: Vec<_> = ended
            .filter_map(|job| job.ended_at().map(|at| (at, job.id.clone())))
            .collect();
        if ended.len() >= ENDED_KEPT {
            ended.sort_unstable();
            for (_, job) in ended.drain(..=ENDED_KEPT / 2) {
                self.jobs.remove(&job);
            }
        }
    }
}

/// Enough to see in a listing what happened lately.
const ENDED_KEPT: usize = 100;

impl super::worker::WorkerKey {
    /// Whether its workers do jobs of this type and name. A namespace takes a worker out of the
    /// ordinary pool; nothing dispatches into one here.
    fn serves(&self, kind: JobType, agent_name: &str, deployment: &str) -> bool {
        self.kind == kind
            && self.agent_name == agent_name
            && self.deployment == deployment
            && self.namespace.is_empty()
    }
}
