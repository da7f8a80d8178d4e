//! What jobs are for.

use livekit_protocol as proto;
use proto::JobType;

/// What one job of a dispatch is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Room,
    Participant(String),
    Publisher(String),
}

impl Target {
    pub(super) const fn kind(&self) -> JobType {
        match self {
            Self::Room => JobType::JtRoom,
            Self::Participant(_) => JobType::JtParticipant,
            Self::Publisher(_) => JobType::JtPublisher,
        }
    }
}

/// What a job is for: a target of a dispatch, in one namespace of workers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Purpose {
    pub(super) target: Target,
    pub(super) namespace: String,
}
