//! Which dialogs are written down, and which INVITEs that have no final answer, and as of when. Calls are
//! looked at when something happens to them, and all of them each second: a timer or an answer of the
//! other side changes a dialog too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use trunkline_base::id::CallId;
use trunkline_sip::endpoint::{Endpoint, InviteMark, LegId, LegMark};
use trunkline_store::Half;

use super::super::journal::Journal;

/// The dialogs in the journal; without one nothing is done.
pub(crate) struct Keeping {
    journal: Option<Journal>,
    known: BTreeMap<LegId, (CallId, Option<LegMark>)>,
    ringing: BTreeMap<LegId, (CallId, Option<InviteMark>)>,
    /// Who was dialled inside TLS.
    domains: BTreeMap<LegId, String>,
}

impl Keeping {
    pub(crate) const fn new(journal: Option<Journal>) -> Self {
        Self {
            journal,
            known: BTreeMap::new(),
            ringing: BTreeMap::new(),
            domains: BTreeMap::new(),
        }
    }

    /// That one was dialled inside TLS, at this domain.
    pub(crate) fn dialled(&mut self, leg: LegId, domain: &str) {
        if self.journal.is_some() {
            self.domains.insert(leg, domain.to_owned());
        }
    }

    /// This one is in the journal, by a process that is gone, and is being brought to its end.
    pub(crate) fn adopt_ringing(&mut self, leg: LegId, call: CallId) {
        self.ringing.insert(leg, (call, None));
    }

    /// Is the dialog of that tag here?
    pub(crate) fn knows(&self, tag: &CallId) -> bool {
        self.known.values().any(|(known, _)| known == tag)
    }

    /// That one is not to be had any more.
    pub(crate) fn forget_ringing(&self, call: &CallId) {
        if let Some(journal) = &self.journal {
            journal.forget(Half::Ringing, call);
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
    pub(crate) fn look_at(&mut self, leg: LegId, endpoint: &Endpoint, now: Instant) {
        self.look_at_dialog(leg, endpoint, now);
        // An answered call is in its dialog before it is out of here.
        self.look_at_invite(leg, endpoint);
        if !self.known.contains_key(&leg) && !self.ringing.contains_key(&leg) {
            self.domains.remove(&leg);
        }
    }

    fn look_at_invite(&mut self, leg: LegId, endpoint: &Endpoint) {
        let Some(journal) = &self.journal else { return };
        let Some((tag, mark)) = endpoint.unanswered(leg) else {
            if let Some((call, _)) = self.ringing.remove(&leg) {
                journal.forget(Half::Ringing, &call);
            }
            return;
        };
        let known = self.ringing.get(&leg);
        if known.is_some_and(|(_, known)| known.as_ref() == Some(&mark)) {
            return;
        }
        let Ok(call) = CallId::parse(tag) else { return };
        if let Some(kept) = endpoint.keep_unanswered(leg) {
            let domain = self.domains.get(&leg).cloned();
            journal.keep_ringing(&call, &(kept, domain));
            self.ringing.insert(leg, (call, Some(mark)));
        }
    }

    fn look_at_dialog(&mut self, leg: LegId, endpoint: &Endpoint, now: Instant) {
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
            let domain = self.domains.get(&leg).cloned();
            journal.keep_dialog(&call, (kept, domain), &secrets);
            self.known.insert(leg, (call, Some(mark)));
        }
    }

    /// Looks at all of them, and says that we live.
    pub(crate) fn look(&mut self, endpoint: &Endpoint, now: Instant) {
        let Some(journal) = &self.journal else { return };
        if !self.known.is_empty() {
            journal.alive();
        }
        let known = self.known.keys().chain(self.ringing.keys()).copied();
        let all: BTreeSet<LegId> = endpoint.kept().chain(known).collect();
        for leg in all {
            self.look_at(leg, endpoint, now);
        }
    }
}
