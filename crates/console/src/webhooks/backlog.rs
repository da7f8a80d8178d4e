//! Events that wait.

use std::sync::atomic::{AtomicU64, Ordering};

use trunkline_service::metrics::{Gauge, set};

/// Events that wait, as a number that can be asked at every post.
#[derive(Debug, Default)]
pub(crate) struct Backlog(AtomicU64);

impl Backlog {
    pub(crate) fn is(&self, waiting: u64) {
        self.0.store(waiting, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "no backlog is that long")]
        set(Gauge::EventsWaiting, waiting as f64, &[]);
    }

    pub(crate) fn grows(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
