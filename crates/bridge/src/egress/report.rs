//! What recordings tell their owner, and by which clock.

use std::time::SystemTime;

use livekit_protocol::EgressInfo;
use trunkline_base::id::EgressId;
use trunkline_base::time::UnixTime;

/// What a recording tells its owner.
pub(super) enum Report {
    /// Its state changed.
    Changed(Box<EgressInfo>),
    /// Its task is over.
    Ended(EgressId),
}

/// The wall clock.
pub(super) fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}
