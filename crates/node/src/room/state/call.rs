//! A call of a participant's method that is under way.

use std::time::{Duration, Instant};

use trunkline_base::id::ParticipantSid;

use super::now::Now;
use crate::room::command::Ask;
use crate::room::rpc::RpcOutcome;

/// A call under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) callee: ParticipantSid,
    pub(super) answer: Ask<RpcOutcome>,
    /// Until the participant says that it has it.
    pub(super) received_by: Option<Instant>,
    pub(super) answered_by: Instant,
}

impl Call {
    pub(super) fn new(
        callee: ParticipantSid,
        answer: Ask<RpcOutcome>,
        patience: Duration,
        now: Now,
    ) -> Self {
        Self {
            callee,
            answer,
            received_by: Some(now.instant + RECEIPT_LIMIT),
            answered_by: now.instant + patience,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.received_by
            .map_or(self.answered_by, |at| at.min(self.answered_by))
    }
}

/// A participant that is there says at once that it has the call.
const RECEIPT_LIMIT: Duration = Duration::from_secs(2);
