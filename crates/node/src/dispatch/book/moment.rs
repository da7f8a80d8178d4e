//! The time of one input.

use std::time::Instant;

use trunkline_base::time::UnixTime;

/// Both clocks, read once per input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) unix: UnixTime,
}
