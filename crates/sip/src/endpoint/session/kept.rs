//! A session timer as it is written down.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Running, Session, Side};

/// The timer of a call: how much was left of it when it was written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::endpoint) struct KeptSession {
    running: Option<KeptRunning>,
    min: u32,
    by_update: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptRunning {
    interval: u32,
    /// Do we refresh?
    ours: bool,
    refresh_ms: Option<u64>,
    over_ms: u64,
}

impl Session {
    pub(in crate::endpoint) fn keep(&self, now: Instant) -> KeptSession {
        let left = |at: Instant| {
            let left = at.saturating_duration_since(now).as_millis();
            u64::try_from(left).unwrap_or(u64::MAX)
        };
        KeptSession {
            running: self.running.as_ref().map(|running| KeptRunning {
                interval: running.interval,
                ours: running.refresher == Side::Us,
                refresh_ms: running.refresh.map(left),
                over_ms: left(running.over),
            }),
            min: self.min,
            by_update: self.by_update,
        }
    }

    /// Goes on `away` after it was written down. A refresh of ours that was under way or is overdue
    /// is made now.
    pub(in crate::endpoint) fn restore(kept: &KeptSession, away: Duration, now: Instant) -> Self {
        let at = |left: u64| now + Duration::from_millis(left).saturating_sub(away);
        let running = kept.running.as_ref().map(|kept| Running {
            interval: kept.interval,
            refresher: if kept.ours { Side::Us } else { Side::Them },
            refresh: kept.ours.then(|| at(kept.refresh_ms.unwrap_or(0))),
            over: at(kept.over_ms),
        });
        Self {
            running,
            min: kept.min,
            by_update: kept.by_update,
            ..Self::default()
        }
    }
}
