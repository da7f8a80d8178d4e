//! The one place of this crate that reads the wall clock.

use std::time::SystemTime;

use trunkline_base::time::UnixTime;

pub(crate) fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}
