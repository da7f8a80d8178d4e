//! Who minds what is written down of one call.

use std::collections::BTreeMap;

use trunkline_base::id::CallId;
use trunkline_store::Half;

use super::book::Journal;
use super::kept::{KeptCall, KeptPhone, KeptSound};

/// A call's page. It is taken out when the call lets go of it: the call is over then, whichever way.
/// A process that is killed lets go of nothing.
pub(crate) struct Keeper {
    journal: Journal,
    call: CallId,
    kept: KeptCall,
}

impl Keeper {
    pub(crate) const fn new(journal: Journal, call: CallId, kept: KeptCall) -> Self {
        Self {
            journal,
            call,
            kept,
        }
    }

    /// The sound of the call has changed, or come further.
    pub(crate) fn write(&mut self, sound: KeptSound) {
        self.kept.sound = Some(sound);
        self.journal.keep_call(&self.call, &self.kept);
    }

    /// Another phone is the call's from here on, and `told` of it. What it sounds like is still to come.
    pub(crate) fn turn_to(&mut self, phone: KeptPhone, told: &BTreeMap<String, String>) {
        self.kept.dialog = Some(phone.dialog);
        self.kept.source = phone.source;
        self.kept.account = phone.account;
        self.kept.sound = None;
        let told = told.iter().map(|(key, value)| (key.clone(), value.clone()));
        self.kept.attributes.extend(told);
        self.journal.keep_call(&self.call, &self.kept);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.journal.forget(Half::Call, &self.call);
    }
}
