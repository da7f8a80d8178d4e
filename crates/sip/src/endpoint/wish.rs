//! What we want of a session, until the other side has agreed.

use std::time::Instant;

use bytes::Bytes;

/// What we want of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The owner wants this description in force.
    Change(Bytes),
    /// A sign of life.
    Refresh,
}

/// Our re-INVITE under way.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) wish: Wish,
    /// How often it met one of theirs.
    pub(super) met: u8,
}

/// One that is tried again.
#[derive(Clone, Debug)]
pub(super) struct Again {
    pub(super) asking: Asking,
    pub(super) at: Instant,
}
