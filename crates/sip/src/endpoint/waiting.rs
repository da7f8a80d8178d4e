//! Those nobody has decided about yet, and those who withdrew before anybody did.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::key::Key;
use super::types::Invitation;
use super::way::Way;

#[derive(Default)]
pub(super) struct Waiting {
    pub(super) callers: Vec<Invitation>,
    pub(super) withdrawn: VecDeque<Withdrawn>,
}

pub(super) struct Withdrawn {
    pub(super) key: Key,
    pub(super) way: Way,
    /// Its 487, if it may have one.
    pub(super) answer: Option<Bytes>,
    pub(super) until: Instant,
}

#[cfg(test)]
impl Waiting {
    pub(super) fn remembered(&self) -> usize {
        self.withdrawn.len()
    }
}
