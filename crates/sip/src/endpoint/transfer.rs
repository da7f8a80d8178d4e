//! Transfers (RFC 3515): what is asked of the other side, and what the other side asks of us.

use std::time::{Duration, Instant};

use crate::dialog::Replaces;
use crate::message::NameAddr;
use crate::uri::Uri;

use super::key::Key;

/// Whom the other side of a call is asked to call instead of us.
#[derive(Clone, Debug)]
pub struct ReferRequest {
    /// Whom.
    pub target: Uri,
    /// The call that theirs is to take the place of: an attended transfer.
    pub replaces: Option<Replaces>,
    /// Headers to add.
    pub headers: Vec<(String, String)>,
    /// How long it may take.
    pub patience: Duration,
}

impl ReferRequest {
    /// A blind transfer, with as much patience as a phone that rings needs.
    pub fn to(target: Uri) -> Self {
        Self {
            target,
            replaces: None,
            headers: Vec::new(),
            patience: Duration::from_secs(120),
        }
    }
}

/// How a transfer we asked for goes. The call stays as it is until one side hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferNews {
    /// The other side tries; the status is what it hears from whom it calls.
    Progress(u16),
    /// It is over.
    Over(TransferOutcome),
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferOutcome {
    /// The other side talks to whom it was sent to.
    Completed,
    /// It does not want to, or whom it called does not.
    Rejected(u16),
    /// Nothing was heard for too long.
    TimedOut,
    /// It will tell no more, and did not tell how it went.
    Untold,
    /// It agreed, and hung up before it told how it went, as many do who go.
    HungUp,
    /// The call ended first.
    CallEnded,
}

/// A transfer the other side asks for.
#[derive(Clone, Debug)]
pub struct Referral {
    /// Whom we are to call.
    pub target: NameAddr,
    /// The call that ours is to take the place of.
    pub replaces: Option<Replaces>,
    /// Who says so.
    pub by: Option<NameAddr>,
}

/// The transfers of one call: one at a time each way.
#[derive(Default)]
pub(super) struct Transfers {
    pub(super) ours: Option<Ours>,
    pub(super) theirs: Option<Theirs>,
}

/// We asked.
pub(super) struct Ours {
    pub(super) key: Key,
    /// The number of our REFER, which tells its news apart from those of an earlier one.
    pub(super) number: u32,
    /// None once it is over; what is told later is taken all the same.
    pub(super) until: Option<Instant>,
    pub(super) agreed: bool,
}

impl Ours {
    /// Whether news of a subscription are about this REFER (RFC 3515 2.4.6). Who names none knows of
    /// one only.
    pub(super) fn is_told_by(&self, subscription: Option<&str>) -> bool {
        subscription.is_none_or(|id| id.parse() == Ok(self.number))
    }
}

/// They asked.
pub(super) struct Theirs {
    /// Not answered yet.
    pub(super) pending: Option<Key>,
    /// The number of their REFER, by which it is told apart from another.
    pub(super) number: u32,
}

impl Theirs {
    /// One that was agreed to: whoever asked waits for the outcome.
    pub(super) const fn agreed(number: u32) -> Self {
        Self {
            pending: None,
            number,
        }
    }
}

impl Transfers {
    /// The number of a REFER of theirs that was agreed to and is not over.
    pub(super) fn agreed(&self) -> Option<u32> {
        let theirs = self.theirs.as_ref();
        let theirs = theirs.filter(|theirs| theirs.pending.is_none());
        theirs.map(|theirs| theirs.number)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.deadline().is_some()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ours.as_ref().and_then(|ours| ours.until)
    }

    /// What a transfer has come to that the end of the call cut short.
    pub(super) fn outlived(&self, they_hung_up: bool) -> TransferOutcome {
        let agreed = self.ours.as_ref().is_some_and(|ours| ours.agreed);
        if agreed && they_hung_up {
            TransferOutcome::HungUp
        } else {
            TransferOutcome::CallEnded
        }
    }

    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.deadline().is_some_and(|until| until <= now)
    }
}
