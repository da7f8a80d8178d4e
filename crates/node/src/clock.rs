//! The clocks of this crate.

use std::time::{Instant, SystemTime};

use trunkline_base::time::UnixTime;

/// The wall clock.
pub(crate) fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

/// The monotonic one is tokio's, so that a paused test clock drives what goes by it.
pub(crate) fn instant() -> Instant {
    tokio::time::Instant::now().into_std()
}
