//! How the packets of all calls go out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of all calls. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    frames: AtomicU64,
    late: AtomicU64,
}

impl Load {
    /// One went out, more than a frame late or not.
    pub(crate) fn sent(&self, late: bool) {
        self.0.frames.fetch_add(1, Ordering::Relaxed);
        if late {
            self.0.late.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All so far, and the late ones among them.
    pub(super) fn counts(&self) -> (u64, u64) {
        let late = self.0.late.load(Ordering::Relaxed);
        (self.0.frames.load(Ordering::Relaxed), late)
    }
}
