//! The time of one step.

use std::time::Instant;

use trunkline_base::time::UnixTime;

/// The two clocks, read once per step by the shell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) unix: UnixTime,
}
