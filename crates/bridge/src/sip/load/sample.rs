//! What one second was like.

use std::time::Duration;

/// One second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) frames: u64,
    pub(super) late: u64,
    /// 0 to 1.
    pub(super) busy: f64,
    /// The longest wait.
    pub(super) lag: Duration,
    /// Calls that stood.
    pub(super) calls: f64,
    /// How many talking calls the sound that there was comes to.
    pub(super) talking: f64,
    /// Calls that began to be set up.
    pub(super) begun: f64,
}
