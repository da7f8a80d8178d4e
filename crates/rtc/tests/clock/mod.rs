//! The clock of the tests.

use std::time::Instant;

/// When virtual time begins: nobody may tell one beginning from another.
#[expect(
    clippy::disallowed_methods,
    reason = "an arbitrary start of virtual time"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}
