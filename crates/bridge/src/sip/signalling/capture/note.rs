//! What the keeper is told.

use std::sync::Arc;

use trunkline_sip::capture::Captured;

use super::super::lane::Weighed;

/// A message of a call.
pub(crate) struct Note {
    /// Our tag, the call's LiveKit id.
    pub(super) call: Arc<str>,
    pub(super) message: Captured,
}

impl Weighed for Note {
    fn weight(&self) -> usize {
        self.message.bytes.len()
    }
}
