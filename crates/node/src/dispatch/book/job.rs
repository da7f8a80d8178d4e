//! A job: its wire form and where it stands.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::JobStatus;
use trunkline_base::id::{DispatchId, JobId, WorkerId};

use super::moment::Moment;
use super::purpose::Purpose;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// Nobody has it. It is offered again at `due`, or, without one, when a worker comes, is free
    /// again or has answered another offer.
    Waiting {
        due: Option<Instant>,
    },
    Offered {
        worker: WorkerId,
        deadline: Instant,
    },
    /// Accepted; `joined` once its agent has been seen in the room.
    Running {
        worker: WorkerId,
        joined: bool,
    },
    /// Its agent is away and may come back until then.
    Away {
        worker: WorkerId,
        until: Instant,
    },
    Ended,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    /// `None` for a simulated job.
    pub(super) dispatch: Option<DispatchId>,
    pub(super) purpose: Purpose,
    pub(super) info: proto::Job,
    /// Who has said no, or nothing, since everybody was last asked.
    pub(super) tried: BTreeSet<WorkerId>,
    /// How often everybody has been asked in vain.
    pub(super) rounds: u32,
    /// When somebody was last asked.
    pub(super) asked: Instant,
    /// Its worker was lost while it ran, and has not said since that it still runs.
    pub(super) orphaned: bool,
    /// Until when an agent that has not joined yet is waited for before another worker is asked.
    patience: Option<Instant>,
    phase: Phase,
}

impl Job {
    pub(super) const fn new(
        id: JobId,
        dispatch: Option<DispatchId>,
        purpose: Purpose,
        info: proto::Job,
        now: Moment,
    ) -> Self {
        Self {
            id,
            dispatch,
            purpose,
            info,
            tried: BTreeSet::new(),
            rounds: 0,
            asked: now.at,
            orphaned: false,
            patience: None,
            phase: Phase::Waiting { due: None },
        }
    }

    pub(super) fn room(&self) -> &str {
        self.info
            .room
            .as_ref()
            .map_or("", |room| room.name.as_str())
    }

    /// When time moves it on, and why.
    pub(super) const fn deadline(&self) -> Option<(Instant, &'static str)> {
        match &self.phase {
            Phase::Waiting { due: Some(due) } => Some((*due, "again")),
            Phase::Offered { deadline, .. } => Some((*deadline, "offer")),
            Phase::Away { until, .. } => Some((*until, "away")),
            Phase::Running { joined: false, .. } => match self.patience {
                Some(until) => Some((until, "join")),
                None => None,
            },
            Phase::Waiting { due: None } | Phase::Running { joined: true, .. } | Phase::Ended => {
                None
            }
        }
    }

    pub(super) const fn offered_to(&self) -> Option<&WorkerId> {
        match &self.phase {
            Phase::Offered { worker, .. } => Some(worker),
            _ => None,
        }
    }

    /// Whose job it is, while its agent is there or expected.
    pub(super) const fn runs_at(&self) -> Option<&WorkerId> {
        match &self.phase {
            Phase::Running { worker, .. } | Phase::Away { worker, .. } => Some(worker),
            _ => None,
        }
    }

    pub(super) const fn has_joined(&self) -> bool {
        matches!(self.phase, Phase::Running { joined: true, .. })
    }

    pub(super) const fn is_away(&self) -> bool {
        matches!(self.phase, Phase::Away { .. })
    }

    /// Whether it may be offered now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Waiting { due } if due.is_none_or(|due| due <= now))
    }

    /// Whether it has been given a time to wait for.
    pub(super) const fn has_waited(&self) -> bool {
        matches!(self.phase, Phase::Waiting { due: Some(_) })
    }

    pub(super) const fn waits(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        let ended = self.phase == Phase::Ended;
        ended.then(|| self.info.state.as_ref().map_or(0, |state| state.ended_at))
    }

    /// Whether a worker ever took it; only such jobs are shown.
    pub(super) const fn was_assigned(&self) -> bool {
        matches!(
            self.phase,
            Phase::Running { .. } | Phase::Away { .. } | Phase::Ended
        )
    }

    /// Nobody can have it now.
    pub(super) fn wait(&mut self, due: Option<Instant>) {
        self.info.state = None;
        self.phase = Phase::Waiting { due };
    }

    /// The state of an offer already says running, at that worker.
    pub(super) fn offer_to(&mut self, worker: WorkerId, now: Moment) {
        let state = self.state();
        state.set_status(JobStatus::JsRunning);
        state.worker_id = worker.to_string();
        state.started_at = now.unix.nanos_i64();
        state.updated_at = state.started_at;
        self.asked = now.at;
        self.phase = Phase::Offered {
            worker,
            deadline: now.at + OFFER_LIMIT,
        };
    }

    pub(super) fn run_at(&mut self, worker: WorkerId, joined: bool) {
        self.state().worker_id = worker.to_string();
        self.patience = None;
        self.phase = Phase::Running { worker, joined };
    }

    /// Its agent is to join until then.
    pub(super) fn await_until(&mut self, until: Instant) {
        self.patience = Some(until);
    }

    /// Whether its agent should have joined by now.
    pub(super) fn is_awaited(&self, now: Instant) -> bool {
        let awaited = matches!(self.phase, Phase::Running { joined: false, .. });
        awaited && self.patience.is_some_and(|until| until <= now)
    }

    /// Its agent is expected until then.
    pub(super) fn expect(&mut self, worker: WorkerId, until: Instant) {
        self.state().worker_id = worker.to_string();
        self.phase = Phase::Away { worker, until };
    }

    pub(super) fn end(&mut self, status: JobStatus, error: &str, now: Moment) {
        let state = self.state();
        state.set_status(status);
        state.error = error.to_owned();
        state.ended_at = now.unix.nanos_i64();
        state.updated_at = state.ended_at;
        self.phase = Phase::Ended;
    }

    pub(super) fn state(&mut self) -> &mut proto::JobState {
        self.info.state.get_or_insert_default()
    }

    /// Who its agent is in the room.
    pub(super) fn identity(&self) -> &str {
        self.info
            .state
            .as_ref()
            .map_or("", |state| state.participant_identity.as_str())
    }

    /// How long it has run, by the workers' clock.
    pub(super) fn lasted(&self) -> Duration {
        let nanos = |state: &proto::JobState| state.ended_at.saturating_sub(state.started_at);
        let nanos = self.info.state.as_ref().map_or(0, nanos);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
    }
}

/// The namespace of a job, which LiveKit has given up and workers still register with.
#[expect(
    deprecated,
    reason = "workers with a namespace get their jobs all the same"
)]
pub(super) const fn namespace(job: &mut proto::Job) -> &mut String {
    &mut job.namespace
}

/// A worker has this long to say whether it takes a job.
const OFFER_LIMIT: Duration = Duration::from_secs(10);
