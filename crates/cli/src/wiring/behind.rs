//! What the store is behind with, told to whoever looks after the daemon.

use std::collections::BTreeMap;

use tokio::sync::watch;
use tracing::{error, info, warn};
use trunkline_service::metrics::{Counter, Gauge, count, set};
use trunkline_service::tasks::Stop;
use trunkline_store::Backlog;

/// Rows that wait for a disk in order are a handful; this many say that it stands still.
const MANY: usize = 64;

/// Tells of rows that wait and of rows that are lost, until the daemon ends.
pub(super) async fn tell(mut backlog: watch::Receiver<Backlog>, stop: Stop) {
    let mut told: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut behind = false;
    loop {
        let now = backlog.borrow_and_update().clone();
        set(
            Gauge::RowsWaiting,
            f64::from(u32::try_from(now.waiting).unwrap_or(u32::MAX)),
            &[],
        );
        for (what, lost) in &now.lost {
            let before = told.insert(*what, *lost).unwrap_or_default();
            let more = lost.saturating_sub(before);
            if more > 0 {
                count(Counter::RowsLost, more, &[("what", *what)]);
                let why = now.why.as_deref();
                error!(what, rows = more, why, "the store lost what it should keep");
            }
        }
        if now.waiting >= MANY && !behind {
            behind = true;
            warn!(
                rows = now.waiting,
                "the store's disk stands still; calls go on, rows wait"
            );
        } else if now.waiting == 0 && behind {
            behind = false;
            info!("the store has caught up");
        }
        tokio::select! {
            () = stop.hurry() => return,
            changed = backlog.changed() => if changed.is_err() { return },
        }
    }
}
