//! From a wish to a worker: which jobs are missing, and who is asked to do them.

use std::collections::BTreeSet;
use std::time::Duration;

use livekit_protocol as proto;
use proto::server_message::Message;
use rand::Rng;
use trunkline_base::id::{DispatchId, JobId, WorkerId};

use super::job::{Job, namespace};
use super::purpose::Purpose;
use super::{Book, Moment};

impl Book {
    /// Creates the jobs a room's dispatches ask for and some worker could do.
    pub(super) fn launch_missing(&mut self, room: &str, now: Moment) {
        let Some(page) = self.rooms.get(room) else {
            return;
        };
        let mut missing = BTreeSet::new();
        for (id, dispatch) in &page.dispatches {
            for target in page.targets() {
                let (kind, wanted) = (target.kind(), &dispatch.info);
                let keys = self.workers.values().map(|worker| &worker.registration.key);
                let keys =
                    keys.filter(|key| key.serves(kind, &wanted.agent_name, &wanted.deployment));
                for key in keys {
                    let purpose = Purpose {
                        target: target.clone(),
                        namespace: key.namespace.clone(),
                    };
                    if !dispatch.launched.contains(&purpose) {
                        missing.insert((id.clone(), purpose));
                    }
                }
            }
        }
        for (dispatch, purpose) in missing {
            if let Some(job) = self.create_job(room, &dispatch, purpose, now) {
                self.launch(&job, now);
            }
        }
    }

    /// Offers what may be offered now, those first who have waited longest.
    pub(super) fn launch_due(&mut self, now: Moment) {
        let due = self.jobs.values().filter(|job| job.is_due(now.at));
        let mut due: Vec<_> = due.map(|job| (job.asked, job.id.clone())).collect();
        due.sort_unstable();
        for (_, id) in due {
            if let Some(job) = self.jobs.get_mut(&id)
                && job.has_waited()
            {
                job.tried.clear();
            }
            self.launch(&id, now);
        }
    }

    /// A worker is new or free again: it is asked for what waits, though it be for later.
    pub(super) fn launch_waiting(&mut self, now: Moment) {
        let waiting = self.jobs.values().filter(|job| job.waits());
        let untried = waiting.filter(|job| {
            let mut free = self.candidates(job).into_iter();
            free.any(|(worker, _)| !job.tried.contains(&worker))
        });
        let mut untried: Vec<_> = untried.map(|job| (job.asked, job.id.clone())).collect();
        untried.sort_unstable();
        for (_, job) in untried {
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
        job.tried.extend(worker);
        job.wait(None);
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

    /// Offers a job to the best worker, or has it wait: for a while when all have said no, else
    /// until something changes.
    pub(super) fn launch(&mut self, id: &JobId, now: Moment) {
        let Some(job) = self.jobs.get(id) else { return };
        let free = self.candidates(job);
        let untried = |(worker, _): &(WorkerId, f64)| !job.tried.contains(worker);
        let fresh: Vec<_> = free.iter().filter(|free| untried(free)).collect();
        if let Some(worker) = self.pick(&fresh, job.rounds > 0) {
            let worker = worker.clone();
            return self.offer(id, &worker, now);
        }
        let refused = fresh.is_empty() && !free.is_empty();
        tracing::debug!(job = %id, refused, "no worker is free for the job");
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        if refused {
            job.rounds = job.rounds.saturating_add(1);
            let due = now.at + wait(job.rounds);
            job.wait(Some(due));
        } else {
            job.wait(None);
        }
    }

    /// Free workers with the job's key, with their weights.
    pub(super) fn candidates(&self, job: &Job) -> Vec<(WorkerId, f64)> {
        let (kind, info) = (job.info.r#type(), &job.info);
        let fits = self.workers.iter().filter(|(_, worker)| {
            let key = &worker.registration.key;
            worker.is_free()
                && key.serves(kind, &info.agent_name, &info.deployment)
                && key.namespace == job.purpose.namespace
        });
        fits.map(|(id, worker)| (id.clone(), worker.weight()))
            .collect()
    }

    /// Chance, weighted by spare capacity; whoever does not answer comes last. A worker that is
    /// asked again is asked one thing at a time: it said no because it was busy with another.
    fn pick<'a>(&mut self, fits: &[&'a (WorkerId, f64)], again: bool) -> Option<&'a WorkerId> {
        let asked = |id: &WorkerId| {
            let mut offers = self.jobs.values().filter_map(Job::offered_to);
            again && offers.any(|worker| worker == id)
        };
        let fits: Vec<_> = fits.iter().filter(|(id, _)| !asked(id)).collect();
        let silent = |id: &WorkerId| self.workers.get(id).is_some_and(|worker| worker.is_silent);
        let speaking: Vec<_> = fits.iter().filter(|(id, _)| !silent(id)).copied().collect();
        let fits = if speaking.is_empty() { fits } else { speaking };
        let total: f64 = fits.iter().map(|(_, weight)| weight).sum();
        let mut point = self.rng.random::<f64>() * total;
        for (worker, weight) in &fits {
            point -= weight;
            if point <= 0.0 {
                return Some(worker);
            }
        }
        fits.last().map(|(worker, _)| worker)
    }

    pub(super) fn create_job(
        &mut self,
        room: &str,
        dispatch: &DispatchId,
        purpose: Purpose,
        now: Moment,
    ) -> Option<JobId> {
        self.prune(dispatch);
        let id = JobId::generate(&mut self.rng);
        let page = self.rooms.get_mut(room)?;
        let participant = page.person(&purpose.target).cloned();
        let entry = page.dispatches.get_mut(dispatch)?;
        let mut info = proto::Job {
            id: id.to_string(),
            dispatch_id: dispatch.to_string(),
            r#type: i32::from(purpose.target.kind()),
            room: Some(page.room.clone()),
            participant,
            metadata: entry.info.metadata.clone(),
            agent_name: entry.info.agent_name.clone(),
            deployment: entry.info.deployment.clone(),
            attributes: entry.info.attributes.clone(),
            ..Default::default()
        };
        namespace(&mut info).clone_from(&purpose.namespace);
        entry.launched.insert(purpose.clone());
        let job = Job::new(id.clone(), Some(dispatch.clone()), purpose, info, now);
        self.jobs.insert(id.clone(), job);
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

/// How long a job waits that everybody has refused so often. Workers refuse while they start
/// another job, which takes a second or two.
pub(super) fn wait(rounds: u32) -> Duration {
    let doubled = FIRST_WAIT * 2_u32.saturating_pow(rounds.saturating_sub(1).min(8));
    doubled.min(LONGEST_WAIT)
}

const FIRST_WAIT: Duration = Duration::from_millis(500);
/// A caller who still rings is worth asking for every few seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
