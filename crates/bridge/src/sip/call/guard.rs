//! The guard over what is dialled: it lets calls through, and counts them until they are over.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;
use trunkline_base::dialling::{Denied, DialCounts, DialPolicy, Dialling};

use super::super::signalling::now;

/// Who may be dialled. Behind a lock since calls begin and end on every thread; it is held for one
/// look at the counts and never across an await.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    policy: Arc<DialPolicy>,
    counts: Arc<Mutex<DialCounts>>,
}

/// The right to one call; counted out when dropped.
#[derive(Debug)]
pub(in crate::sip::call) struct Permit {
    guard: Guard,
    trunk: String,
}

impl Guard {
    pub(crate) fn new(policy: DialPolicy) -> Self {
        Self {
            policy: Arc::new(policy),
            counts: Arc::default(),
        }
    }

    /// Lets a call through. It is judged by the number that goes out, and by the one that was asked
    /// for, before anything is made of it.
    pub(in crate::sip::call) fn admit(
        &self,
        trunk: &str,
        asked: &str,
        sent: &str,
    ) -> Result<Permit, Denied> {
        let admitted = self.begin(trunk, asked, sent);
        if let Err(denied) = &admitted {
            warn!(target: "audit", trunk, reason = denied.word(), %denied, "call denied");
        }
        admitted
    }

    fn begin(&self, trunk: &str, asked: &str, sent: &str) -> Result<Permit, Denied> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = counts.begin(&self.policy, trunk, (asked, sent), now())?;
        if kind == Dialling::Emergency {
            warn!(target: "audit", trunk, "an emergency number is dialled");
        }
        Ok(Permit {
            guard: self.clone(),
            trunk: trunk.to_owned(),
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let counts = &self.guard.counts;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.over(&self.trunk);
    }
}
