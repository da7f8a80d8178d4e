//! Who minds what is written down of one call.

use trunkline_base::id::CallId;
use trunkline_store::Half;

use super::book::Journal;
use super::kept::{KeptCall, KeptSound};

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
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.journal.forget(Half::Call, &self.call);
    }
}
