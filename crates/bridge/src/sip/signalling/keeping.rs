//! Which dialogs are written down, and as of when. Calls are looked at when something happens to them,
//! and all of them each second: a timer or an answer of the other side changes a dialog too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use trunkline_base::id::CallId;
use trunkline_sip::endpoint::{Endpoint, LegId, LegMark};
use trunkline_store::Half;

use super::super::journal::Journal;

/// The dialogs in the journal; without one nothing is done.
pub(crate) struct Keeping {
    journal: Option<Journal>,
    known: BTreeMap<LegId, (CallId, Option<LegMark>)>,
}

impl Keeping {
    pub(crate) const fn new(journal: Option<Journal>) -> Self {
        Self {
            journal,
            known: BTreeMap::new(),
        }
    }

    /// This one is in the journal, by a process that is gone.
    pub(crate) fn adopt(&mut self, leg: LegId, call: CallId) {
        self.known.insert(leg, (call, None));
    }

    /// That one is not to be had any more.
    pub(crate) fn forget(&self, call: &CallId) {
        if let Some(journal) = &self.journal {
            journal.forget(Half::Dialog, call);
        }
    }

    /// Something happened to this call.
    pub(super) fn look_at(&mut self, leg: LegId, endpoint: &Endpoint, now: Instant) {
        let Some(journal) = &self.journal else { return };
        let Some((tag, mark)) = endpoint.mark(leg) else {
            if let Some((call, _)) = self.known.remove(&leg) {
                journal.forget(Half::Dialog, &call);
            }
            return;
        };
        let known = self.known.get(&leg);
        if known.is_some_and(|(_, known)| *known == Some(mark)) {
            return;
        }
        // Our tag is the call's id, whoever called.
        let Ok(call) = CallId::parse(tag) else { return };
        if let Some((kept, secrets)) = endpoint.keep(leg, now) {
            journal.keep_dialog(&call, kept, &secrets);
            self.known.insert(leg, (call, Some(mark)));
        }
    }

    /// Looks at all of them, and says that we live.
    pub(crate) fn look(&mut self, endpoint: &Endpoint, now: Instant) {
        let Some(journal) = &self.journal else { return };
        if !self.known.is_empty() {
            journal.alive();
        }
        let known = self.known.keys().copied();
        let all: BTreeSet<LegId> = endpoint.kept().chain(known).collect();
        for leg in all {
            self.look_at(leg, endpoint, now);
        }
    }
}
