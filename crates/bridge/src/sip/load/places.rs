//! How many calls may be in: a second is long for who sends many, so nobody waits for the next look at
//! the load to count one that was let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::gauge::{Inside, Load};

/// Gives them out. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Places {
    load: Load,
    most: Arc<AtomicUsize>,
}

impl Places {
    /// For as many as come.
    pub(super) fn new(load: Load) -> Self {
        Self {
            load,
            most: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    /// So many may be in from now on, those that are counted; as many as come where it is not bounded.
    pub(super) fn allow(&self, most: Option<usize>) {
        let most = most.unwrap_or(usize::MAX);
        self.most.store(most, Ordering::Relaxed);
    }

    /// Takes one for a call, if there is one.
    pub(super) fn take(&self) -> Option<Inside> {
        self.load.enter_below(self.most.load(Ordering::Relaxed))
    }

    /// Takes one where there may be none.
    pub(super) fn take_anyway(&self) -> Inside {
        self.load.enter()
    }
}
