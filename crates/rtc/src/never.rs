//! When there is nothing to wait for.

use std::time::Duration;

/// Far enough that nobody waits for it.
pub(crate) const NEVER: Duration = Duration::from_secs(24 * 3600);
