//! How a worker presents itself, what it is offered, how it answers.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_base::id::{DispatchId, JobId, ParticipantIdentity, RoomName, RoomSid, WorkerId};
use trunkline_base::retry::RetryPolicy;

use crate::room::Permission;

/// What sort of job a worker takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobKind {
    /// One per room.
    #[default]
    Room,
    /// One per publisher.
    Publisher,
    /// One per participant.
    Participant,
}

/// How a worker presents itself.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The name dispatches ask for; empty takes every room's implicit dispatch.
    pub agent_name: String,
    /// What sort of job.
    pub kind: JobKind,
    /// The worker's version, for the server's log.
    pub version: String,
    /// Namespace, where the server divides by it.
    pub namespace: Option<String>,
    /// Jobs at the same time; a worker at its limit reports full.
    pub max_jobs: u32,
    /// What its agents may do in a room.
    pub permissions: Permission,
    /// How a lost socket is sought again. The series starts anew after each success.
    pub reconnect: RetryPolicy,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            agent_name: String::new(),
            kind: JobKind::Room,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            namespace: None,
            max_jobs: 32,
            permissions: Permission {
                can_subscribe: true,
                can_publish: true,
                can_publish_data: true,
                can_update_metadata: true,
                ..Permission::default()
            },
            reconnect: RetryPolicy {
                attempts: u32::MAX,
                base: Duration::from_millis(500),
                cap: Duration::from_secs(10),
                total: Duration::MAX,
            },
        }
    }
}

/// Where a worker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Seeking the server.
    Connecting,
    /// Known to the server.
    Registered {
        /// As the server calls it.
        worker: WorkerId,
    },
    /// Taking nothing new.
    Draining,
    /// Over; the text says why, nothing when asked for.
    Closed {
        /// What ended it.
        error: Option<String>,
    },
}

/// A job the server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobInfo {
    pub id: JobId,
    /// What sort.
    pub kind: JobKind,
    /// The room to serve.
    pub room: RoomName,
    /// This life of the room.
    pub room_sid: Option<RoomSid>,
    /// The room's metadata.
    pub room_metadata: String,
    /// The participant to serve, for publisher and participant jobs.
    pub participant: Option<ParticipantIdentity>,
    /// The dispatch's metadata.
    pub metadata: String,
    /// The name the dispatch asked for.
    pub agent_name: String,
    pub dispatch: Option<DispatchId>,
    /// The dispatch's attributes.
    pub attributes: BTreeMap<String, String>,
}

/// How to appear in the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobAnswer {
    /// Identity; `agent-<job id>` when absent.
    pub identity: Option<ParticipantIdentity>,
    /// Display name.
    pub name: String,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
}

/// How a job went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// Done.
    Success,
    /// Not done; the text is for the server's record and holds nothing personal.
    Failed(String),
}
