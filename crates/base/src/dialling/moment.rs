//! When a number is dialled.

use std::fmt;

use super::hours::LocalTime;
use crate::time::UnixTime;

/// Now: for durations, and as clocks of places show it.
pub struct Moment<'a> {
    /// Since 1970.
    pub now: UnixTime,
    /// What the clock of a zone shows, `Europe/Berlin` and such.
    pub local: &'a dyn Fn(&str) -> LocalTime,
}

impl fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Moment").field(&self.now).finish()
    }
}
