//! Moments on both clocks: a process counts on its own, and what outlives it is written on the wall.

use std::time::Instant;

use trunkline_base::time::UnixTime;

use super::super::clock::now;
use super::super::desk::wall_clock;

/// A moment on the wall, on the clock of this process.
pub(crate) fn then(at: UnixTime) -> Instant {
    let now = now();
    now.checked_sub(wall_clock().since(at)).unwrap_or(now)
}

/// The other way round.
pub(crate) fn when(at: Instant) -> UnixTime {
    let ago = now().saturating_duration_since(at).as_millis();
    let ago = u64::try_from(ago).unwrap_or(u64::MAX);
    UnixTime(wall_clock().0.saturating_sub(ago))
}
