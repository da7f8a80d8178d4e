//! What becomes of a job's agent: it comes, goes, comes back, or is replaced.
//!
//! An agent that leaves by itself, or is sent away, is done. One that is lost is given a moment to
//! come back when somebody may bring it back: its worker is connected, or the node itself has just
//! come up again. Then its dispatch is launched anew, as long as somebody is there to be served.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::{DisconnectReason, JobRestartPolicy, JobStatus, JobType};
use trunkline_base::id::{DispatchId, JobId, WorkerId};

use super::job::{Job, namespace};
use super::launch::wait;
use super::purpose::{Purpose, Target};
use super::{Action, Book, Moment};

impl Book {
    /// A job that ran in a process before this one: its agent may come back.
    pub(super) fn revive_job(&mut self, dispatch: &DispatchId, mut info: proto::Job, now: Moment) {
        let ended = info.state.as_ref().is_none_or(|state| state.ended_at != 0);
        let (Ok(id), false) = (JobId::parse(info.id.as_str()), ended) else {
            return;
        };
        let who = info.participant.as_ref().map(|who| who.identity.clone());
        let target = match (info.r#type(), who) {
            (JobType::JtParticipant, Some(who)) => Target::Participant(who),
            (JobType::JtPublisher, Some(who)) => Target::Publisher(who),
            _ => Target::Room,
        };
        let namespace = namespace(&mut info).clone();
        let purpose = Purpose { target, namespace };
        let worker = info.state.as_ref().map(|state| state.worker_id.clone());
        let Ok(worker) = WorkerId::parse(worker.unwrap_or_default()) else {
            return;
        };
        let page = info.room.as_ref().and_then(|r| self.rooms.get_mut(&r.name));
        let Some(entry) = page.and_then(|page| page.dispatches.get_mut(dispatch)) else {
            return;
        };
        entry.launched.insert(purpose.clone());
        let mut job = Job::new(id.clone(), Some(dispatch.clone()), purpose, info, now);
        job.expect(worker, now.at + RESTART_LIMIT);
        self.jobs.insert(id, job);
    }

    /// A worker that reconnected says which jobs it still runs.
    pub(super) fn adopt(&mut self, id: &WorkerId, jobs: &[String], now: Moment) {
        let jobs = jobs
            .iter()
            .filter_map(|job| JobId::parse(job.as_str()).ok());
        for job in jobs {
            let Some(job) = self.jobs.get_mut(&job) else {
                continue;
            };
            let lost = job
                .runs_at()
                .is_some_and(|worker| !self.workers.contains_key(worker));
            job.orphaned &= !lost;
            if lost && job.is_away() {
                job.expect(id.clone(), now.at + RESTART_LIMIT);
            } else if lost {
                let joined = job.has_joined();
                job.run_at(id.clone(), joined);
            }
        }
    }

    /// An agent is in a room. One whose job has been given to another meanwhile is one too many.
    pub(crate) fn agent_joined(&mut self, room: &str, identity: &str) {
        let of_it = |job: &&mut Job| job.room() == room && job.identity() == identity;
        let mut replaced = None;
        for job in self.jobs.values_mut().filter(of_it) {
            if let Some(worker) = job.runs_at().cloned() {
                job.run_at(worker, true);
                return;
            }
            replaced = Some((job.dispatch.clone(), job.purpose.clone()));
        }
        let Some((dispatch, purpose)) = replaced else {
            return;
        };
        let others = |job: &Job| {
            job.dispatch == dispatch && job.purpose == purpose && job.runs_at().is_some()
        };
        if self.jobs.values().any(others) {
            let (room, identity) = (room.to_owned(), identity.to_owned());
            self.actions.push_back(Action::Remove { room, identity });
        }
    }

    /// Somebody left a room: if it was an agent, its job is over or waits for it.
    pub(super) fn agent_left(
        &mut self,
        room: &str,
        (identity, reason): (&str, DisconnectReason),
        now: Moment,
    ) {
        self.leaving
            .retain(|(_, r, i)| (r.as_str(), i.as_str()) != (room, identity));
        let of_it = |job: &&Job| {
            job.runs_at().is_some() && job.room() == room && job.identity() == identity
        };
        let jobs = self.jobs.values().filter(of_it).map(|job| job.id.clone());
        for id in jobs.collect::<Vec<_>>() {
            match self.patience(&id, reason) {
                Patience::None => self.agent_gone(&id, None, now),
                Patience::For(time) => {
                    if let Some(job) = self.jobs.get_mut(&id)
                        && let Some(worker) = job.runs_at().cloned()
                    {
                        job.expect(worker, now.at + time);
                    }
                }
                Patience::Over => self.agent_gone(&id, Some(Lost), now),
            }
        }
    }

    fn patience(&self, id: &JobId, reason: DisconnectReason) -> Patience {
        use DisconnectReason as Reason;
        match reason {
            Reason::ConnectionTimeout
            | Reason::SignalClose
            | Reason::JoinFailure
            | Reason::MediaFailure
            | Reason::AgentError => {
                let worker = self.jobs.get(id).and_then(Job::runs_at);
                if worker.is_some_and(|worker| self.workers.contains_key(worker)) {
                    Patience::For(RETURN_LIMIT)
                } else {
                    Patience::Over
                }
            }
            // The end of a process whose worker was killed.
            Reason::ClientInitiated if self.jobs.get(id).is_some_and(|job| job.orphaned) => {
                Patience::Over
            }
            // It was told to come back as new.
            Reason::StateMismatch | Reason::Migration => Patience::For(RESTART_LIMIT),
            _ => Patience::None,
        }
    }

    /// A job's agent is not there any more, and its worker is told.
    fn agent_gone(&mut self, id: &JobId, lost: Option<Lost>, now: Moment) {
        self.terminate(id);
        if let Some(job) = self.jobs.get_mut(id) {
            job.end(JobStatus::JsFailed, LEFT, now);
        }
        self.keep(id);
        if lost.is_some() {
            self.relaunch(id, now);
        }
    }

    /// The time of an agent that was away is over.
    pub(super) fn give_up(&mut self, id: &JobId, now: Moment) {
        tracing::warn!(job = %id, "the agent of a job is lost");
        self.agent_gone(id, Some(Lost), now);
    }

    /// Agents that should have joined by now: a caller waits, and another worker may do better. Where
    /// there is no other, the one that took the job has all the time it needs.
    pub(super) fn pass_on(&mut self, now: Moment) {
        let late = self.jobs.values().filter(|job| job.is_awaited(now.at));
        let late: Vec<_> = late.map(|job| job.id.clone()).collect();
        for id in late {
            let worker = self.jobs.get(&id).and_then(Job::runs_at).cloned();
            let has_other = self.jobs.get(&id).is_some_and(|job| {
                let mut free = self.candidates(job).into_iter();
                self.is_restarted(job) && free.any(|(other, _)| Some(&other) != worker.as_ref())
            });
            if !has_other {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.await_until(now.at + JOIN_LIMIT);
                }
                continue;
            }
            tracing::warn!(job = %id, "its agent does not join; another worker gets the job");
            if let Some(entry) = worker.and_then(|worker| self.workers.get_mut(&worker)) {
                entry.is_silent = true;
            }
            self.terminate(&id);
            if let Some(job) = self.jobs.get_mut(&id) {
                job.end(JobStatus::JsFailed, ABSENT, now);
            }
            self.keep(&id);
            self.relaunch(&id, now);
        }
    }

    /// Whether a job that fails is launched anew.
    fn is_restarted(&self, job: &Job) -> bool {
        let page = self.rooms.get(job.room());
        let dispatch = job.dispatch.as_ref();
        let entry = page.and_then(|page| page.dispatches.get(dispatch?));
        entry.is_some_and(|entry| entry.info.restart_policy() != JobRestartPolicy::JrpNever)
    }

    /// A worker is gone. Its agents live on in their rooms; those that have not joined yet are
    /// expected for a moment only.
    pub(super) fn orphan(&mut self, worker: &WorkerId, now: Moment) {
        for job in self.jobs.values_mut() {
            if job.runs_at() != Some(worker) {
                continue;
            }
            job.orphaned = true;
            if !job.has_joined() && !job.is_away() {
                job.expect(worker.clone(), now.at + RETURN_LIMIT);
            }
        }
    }

    /// A job has failed: its purpose is served anew, at once the first time, then after growing
    /// waits, and not for ever.
    pub(super) fn relaunch(&mut self, id: &JobId, now: Moment) {
        let Some(job) = self.jobs.get(id) else { return };
        let (Some(dispatch), purpose) = (job.dispatch.clone(), job.purpose.clone()) else {
            return;
        };
        let (room, lasted) = (job.room().to_owned(), job.lasted());
        let Some(page) = self.rooms.get_mut(&room) else {
            return;
        };
        let somebody = page.is_inhabited();
        let Some(entry) = page.dispatches.get_mut(&dispatch) else {
            return;
        };
        if entry.info.restart_policy() == JobRestartPolicy::JrpNever {
            return;
        }
        let failures = entry.failures.entry(purpose.clone()).or_default();
        *failures = if lasted >= LONG_ENOUGH {
            0
        } else {
            *failures + 1
        };
        let failures = *failures;
        if failures > MAX_FAILURES {
            tracing::warn!(%dispatch, "an agent fails again and again; it is not launched any more");
            return;
        }
        entry.launched.remove(&purpose);
        if !somebody {
            // Whoever comes next gets one.
            return;
        }
        let wait = match failures {
            0 | 1 => None,
            more => Some(now.at + wait(more)),
        };
        if let Some(new) = self.create_job(&room, &dispatch, purpose, now) {
            match (wait, self.jobs.get_mut(&new)) {
                (Some(due), Some(job)) => job.wait(Some(due)),
                _ => self.launch(&new, now),
            }
        }
    }

    /// When the first agent that is away is given up.
    pub(super) fn overdue(&self, now: Instant) -> Vec<JobId> {
        let late =
            |job: &&Job| job.is_away() && job.deadline().is_some_and(|(until, _)| until <= now);
        let late = self.jobs.values().filter(late);
        late.map(|job| job.id.clone()).collect()
    }
}

/// How long the agent of a job may be away.
enum Patience {
    /// It is done.
    None,
    For(Duration),
    /// Nobody can bring it back.
    Over,
}

/// Marks an agent that did not mean to go.
struct Lost;

/// LiveKit's words.
const LEFT: &str = "agent worker left the room";
/// Ours.
const ABSENT: &str = "the agent did not join the room";
/// An agent joins within a second or two; one that must load its models first may take longer, and is
/// let be where nobody else is there. More has callers wait before another is asked.
pub(super) const JOIN_LIMIT: Duration = Duration::from_secs(5);
/// A lost agent whose worker is connected comes back or is reported as failed within this.
const RETURN_LIMIT: Duration = Duration::from_secs(3);
/// After a restart of the node, agents seek it every five seconds.
const RESTART_LIMIT: Duration = Duration::from_secs(15);
/// Failures of an agent that ran for less than this in between are counted together.
const LONG_ENOUGH: Duration = Duration::from_secs(60);
/// Then an agent is broken, not unlucky.
const MAX_FAILURES: u32 = 5;
