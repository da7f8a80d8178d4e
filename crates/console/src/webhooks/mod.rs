//! LiveKit's events: verified over the raw bytes, stored once each, then answered. A repeat is
//! answered like the first, so that the sender stops. What is stored is processed by a worker, in
//! this process or, if it ends before, in the next.
//!
//! ```text
//! POST ─► headers ─► body ─► store ─► 200        store ─► worker ─► consumers ─► listeners
//!         401, 415   401, 413, 400  503                    └ retried, then parked
//! ```

mod backlog;
mod config;
mod consumer;
mod telephone;
pub(crate) mod worker;

use std::sync::Arc;

use trunkline_store::Store;

pub(crate) use backlog::Backlog;
pub use config::{EventsConfig, Patience};
pub use consumer::{Consumer, ConsumerError, Received};

/// The consumers that are always there.
pub(crate) fn own_consumers(store: &Store) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(telephone::SipCalls(store.clone()))]
}

#[cfg(test)]
mod tests;
