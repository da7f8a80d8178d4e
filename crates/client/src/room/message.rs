//! What is sent as data.

use bytes::Bytes;
use trunkline_base::id::ParticipantIdentity;

/// A data packet to send.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct DataMessage {
    /// Its bytes, 15 kB at most.
    pub payload: Bytes,
    pub topic: Option<String>,
    /// Over the reliable channel, in order; else at once or never.
    pub reliable: bool,
    /// Who gets it; everybody when empty.
    pub destinations: Vec<ParticipantIdentity>,
}

impl std::fmt::Debug for DataMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataMessage")
            .field("topic", &self.topic)
            .field("bytes", &self.payload.len())
            .field("reliable", &self.reliable)
            .finish_non_exhaustive()
    }
}
