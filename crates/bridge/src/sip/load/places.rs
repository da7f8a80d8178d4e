//! How many calls have room until the load is looked at again: a second is long for who sends many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts them. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// Calls that began to be set up.
    begun: AtomicU64,
    /// How many more may.
    left: AtomicUsize,
}

impl Default for Places {
    /// For as many as come.
    fn default() -> Self {
        Self(Arc::new(Counts {
            begun: AtomicU64::new(0),
            left: AtomicUsize::new(usize::MAX),
        }))
    }
}

impl Places {
    /// So many from now on; as many as come where nobody knows better.
    pub(super) fn allow(&self, room: Option<usize>) {
        let left = room.unwrap_or(usize::MAX);
        self.0.left.store(left, Ordering::Relaxed);
    }

    /// Takes one for a call, if there is one.
    pub(super) fn take(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        let left = &self.0.left;
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        if taken.is_ok() {
            self.0.begun.fetch_add(1, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    /// Takes one where there may be none.
    pub(super) fn take_anyway(&self) {
        if !self.take() {
            self.0.begun.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Calls that began to be set up, so far.
    pub(super) fn begun(&self) -> u64 {
        self.0.begun.load(Ordering::Relaxed)
    }
}
