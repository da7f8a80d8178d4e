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
    /// Calls that stood, and for which part of it.
    pub(super) calls: f64,
    /// How many talking calls the sound that there was comes to.
    pub(super) talking: f64,
    /// Calls that are in at its end, those that do not stand yet too.
    pub(super) inside: f64,
}
