//! How many calls are being set up at once. Ports, a room and its keys are most of what a call costs,
//! and cost it at once; a call that rings, or is up, is none of them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Setups(Arc<AtomicUsize>);

/// One of them, until dropped.
#[derive(Debug)]
pub(crate) struct Setup(Arc<AtomicUsize>);

impl Setups {
    /// One more, beside fewer than `most`.
    pub(super) fn begin_below(&self, most: Option<NonZeroUsize>) -> Option<Setup> {
        let fits = |now: usize| most.is_none_or(|most| now < most.get());
        let one_more = |now| fits(now).then_some(now + 1);
        let begun = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        begun.ok().map(|_| Setup(Arc::clone(&self.0)))
    }

    /// One more, beside however many.
    pub(super) fn begin(&self) -> Setup {
        self.0.fetch_add(1, Ordering::Relaxed);
        Setup(Arc::clone(&self.0))
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
