//! The book of agents: who can work, what was asked for, which job runs where.
//!
//! A pure state machine. Workers, rooms and API calls come in as method calls with the time; what
//! is to be done comes out of [`Book::poll_action`]. A dispatch asks for one job per target: the
//! room, each participant, or each publisher, by the type of the workers that carry its name. A
//! job is launched as soon as a fitting worker exists, so one that registers late gets what waits.
//! A no is for now, not for ever: when all have said it, the job waits, longer each time, and all
//! are asked again.
//!
//! ```text
//! job:  waiting ──offer──► offered ──accepted──► running ──► ended ──failed──► a new job
//!          ▲                  │ declined, lost, 10 s  ▲ ▼
//!          └── nobody left ◄──┘ (else the next)      away ──not back in time──► ended
//! ```

mod deployment;
mod fate;
mod job;
mod jobs;
mod launch;
mod moment;
mod page;
mod purpose;
mod registration;
mod rooms;
mod worker;
mod workers;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use livekit_protocol as proto;
use proto::server_message::Message;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use trunkline_base::class::{Class, Classified};
use trunkline_base::id::{DispatchId, JobId, WorkerId};

pub(crate) use self::deployment::{DeploymentError, check_deployment};
use self::job::Job;
pub(crate) use self::moment::Moment;
use self::page::{Dispatch, RoomPage, dispatch_info};
pub(crate) use self::registration::{Registration, RegistrationError};
use self::worker::Worker;

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Write to a worker's socket.
    Send {
        worker: WorkerId,
        message: Box<Message>,
    },
    /// Sign a token and send the assignment.
    Assign(Box<Assignment>),
    /// Take the agent out of the room: its dispatch was deleted and it did not leave by itself, or
    /// another has taken its place.
    Remove { room: String, identity: String },
    /// The jobs that a room must remember have changed.
    Keep { room: String },
}

/// An accepted job, with all its token needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) worker: WorkerId,
    pub(crate) api_key: String,
    pub(crate) permissions: proto::ParticipantPermission,
    pub(crate) job: proto::Job,
    pub(crate) answer: proto::AvailabilityResponse,
}

/// Why a dispatch request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DispatchError {
    #[error("requested room does not exist")]
    NoRoom,
    #[error("dispatch ID not found")]
    NotFound,
    #[error("the room has too many dispatches")]
    TooMany,
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    #[error("agent dispatch is shutting down")]
    Closed,
}

impl Classified for DispatchError {
    fn class(&self) -> Class {
        match self {
            Self::NoRoom | Self::NotFound => Class::Missing,
            Self::TooMany => Class::Overloaded,
            Self::Deployment(_) => Class::Invalid,
            Self::Closed => Class::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoRoom => "node.dispatch.no_room",
            Self::NotFound => "node.dispatch.not_found",
            Self::TooMany => "node.dispatch.too_many",
            Self::Deployment(_) => "node.dispatch.deployment",
            Self::Closed => "node.dispatch.closed",
        }
    }
}

/// The state.
#[derive(Debug)]
pub(crate) struct Book {
    workers: BTreeMap<WorkerId, Worker>,
    rooms: BTreeMap<String, RoomPage>,
    jobs: BTreeMap<JobId, Job>,
    /// Agents given time to leave after their dispatch was deleted: when, room, identity.
    leaving: Vec<(Instant, String, String)>,
    actions: VecDeque<Action>,
    rng: SmallRng,
}

impl Book {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            workers: BTreeMap::new(),
            rooms: BTreeMap::new(),
            jobs: BTreeMap::new(),
            leaving: Vec::new(),
            actions: VecDeque::new(),
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    /// What to do next. Drain after every input.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Book::handle_timeout`], and why.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let offers = self.jobs.values().filter_map(Job::deadline);
        let leaving = self.leaving.iter().map(|(at, ..)| (*at, "leave"));
        offers.chain(leaving).min()
    }

    /// Moves on from offers nobody answered and agents that did not leave.
    pub(crate) fn handle_timeout(&mut self, now: Moment) {
        let late = |job: &&Job| {
            job.offered_to().is_some() && job.deadline().is_some_and(|(at, _)| at <= now.at)
        };
        let late = self.jobs.values().filter(late);
        let late: Vec<_> = late.map(|job| job.id.clone()).collect();
        for id in late {
            self.passed_over(&id, now);
        }
        for id in self.overdue(now.at) {
            self.give_up(&id, now);
        }
        self.pass_on(now);
        self.launch_due(now);
        let (due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.leaving)
            .into_iter()
            .partition(|l| l.0 <= now.at);
        self.leaving = rest;
        for (_, room, identity) in due {
            self.actions.push_back(Action::Remove { room, identity });
        }
    }

    /// A worker has not answered: others are asked before it from now on.
    fn passed_over(&mut self, id: &JobId, now: Moment) {
        tracing::warn!(job = %id, "worker did not answer the job offer");
        let worker = self.jobs.get(id).and_then(Job::offered_to).cloned();
        if let Some(entry) = worker.and_then(|worker| self.workers.get_mut(&worker)) {
            entry.is_silent = true;
        }
        self.decline(id, now);
    }

    /// Asks for an agent in a room.
    pub(crate) fn create_dispatch(
        &mut self,
        room: proto::Room,
        wanted: proto::RoomAgentDispatch,
        now: Moment,
    ) -> Result<proto::AgentDispatch, DispatchError> {
        check_deployment(&wanted.deployment)?;
        let id = DispatchId::generate(&mut self.rng);
        let name = room.name.clone();
        let page = self.page(room);
        if page.dispatches.len() >= MAX_DISPATCHES {
            return Err(DispatchError::TooMany);
        }
        let info = dispatch_info(&id, &name, wanted, now);
        page.dispatches.insert(id.clone(), Dispatch::new(info));
        self.launch_missing(&name, now);
        self.dispatch_info(&name, &id)
            .ok_or(DispatchError::NotFound)
    }

    /// Withdraws a dispatch; its agents are told to end and get a moment to leave.
    pub(crate) fn delete_dispatch(
        &mut self,
        room: &str,
        id: &str,
        now: Moment,
    ) -> Result<proto::AgentDispatch, DispatchError> {
        let id = DispatchId::parse(id).map_err(|_| DispatchError::NotFound)?;
        let mut info = self
            .dispatch_info(room, &id)
            .ok_or(DispatchError::NotFound)?;
        if let Some(page) = self.rooms.get_mut(room) {
            page.dispatches.remove(&id);
        }
        info.state.get_or_insert_default().deleted_at = now.unix.nanos_i64();
        let of_dispatch = |job: &&Job| job.dispatch.as_ref() == Some(&id);
        let jobs: Vec<_> = self
            .jobs
            .values()
            .filter(of_dispatch)
            .map(|j| j.id.clone())
            .collect();
        for job in jobs {
            if let Some(identity) = self.terminate(&job) {
                self.leaving
                    .push((now.at + LEAVE_LIMIT, room.to_owned(), identity));
            }
            self.jobs.remove(&job);
        }
        Ok(info)
    }

    /// The dispatches of a room, or the one named.
    pub(crate) fn list_dispatches(
        &self,
        room: &str,
        id: &str,
    ) -> Result<Vec<proto::AgentDispatch>, DispatchError> {
        let page = self.rooms.get(room).ok_or(DispatchError::NoRoom)?;
        let wanted = page
            .dispatches
            .keys()
            .filter(|key| id.is_empty() || key.as_str() == id);
        Ok(wanted
            .filter_map(|key| self.dispatch_info(room, key))
            .collect())
    }

    /// How many workers are registered.
    pub(crate) fn worker_count(&self) -> usize {
        self.workers.len()
    }

    fn dispatch_info(&self, room: &str, id: &DispatchId) -> Option<proto::AgentDispatch> {
        let dispatch = self.rooms.get(room)?.dispatches.get(id)?;
        let mut info = dispatch.info.clone();
        let jobs = self
            .jobs
            .values()
            .filter(|job| job.dispatch.as_ref() == Some(id));
        let jobs = jobs
            .filter(|job| job.was_assigned())
            .map(|job| job.info.clone());
        info.state.get_or_insert_default().jobs = jobs.collect();
        Some(info)
    }
}

/// An agent has this long to leave after its dispatch was deleted.
const LEAVE_LIMIT: std::time::Duration = std::time::Duration::from_secs(3);
/// More agents than this in one room is a loop in somebody's code.
const MAX_DISPATCHES: usize = 100;

#[cfg(test)]
mod tests;
