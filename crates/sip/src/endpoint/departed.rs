//! Calls that were up and are over.

use std::collections::VecDeque;

use crate::dialog::DialogKey;

/// Calls that are over. Who wants the place of one is told that, and not that it never was.
#[derive(Default)]
pub(super) struct Departed(VecDeque<DialogKey>);

impl Departed {
    pub(super) fn note(&mut self, key: DialogKey) {
        if self.0.len() == MAX_DEPARTED {
            self.0.pop_front();
        }
        self.0.push_back(key);
    }

    pub(super) fn has(&self, key: &DialogKey) -> bool {
        self.0.contains(key)
    }
}

/// Calls that are remembered after their end: a transfer that is too late comes within seconds.
const MAX_DEPARTED: usize = 256;
