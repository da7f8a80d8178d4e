//! What the store is behind with, told to whoever looks after the daemon.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};
use trunkline_service::metrics::{Counter, Gauge, count, set};
use trunkline_service::tasks::Stop;
use trunkline_store::Backlog;

/// Rows that wait for a disk in order are a handful; this many say that it stands still.
const MANY: usize = 64;

/// A line about lost rows is written this often at the most: a full disk loses hundreds a second.
const EVERY: Duration = Duration::from_secs(10);

/// Tells of rows that wait and of rows that are lost, until the daemon ends.
pub(super) async fn tell(mut backlog: watch::Receiver<Backlog>, stop: Stop) {
    let mut losses = Losses::default();
    let mut behind = false;
    loop {
        let now = backlog.borrow_and_update().clone();
        let waiting = f64::from(u32::try_from(now.waiting).unwrap_or(u32::MAX));
        set(Gauge::RowsWaiting, waiting, &[]);
        for (what, more) in losses.add(&now) {
            count(Counter::RowsLost, more, &[("what", what)]);
        }
        if let Some(lost) = losses.take(Instant::now()) {
            lost.tell();
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
        let due = losses.due();
        tokio::select! {
            () = stop.hurry() => break,
            changed = backlog.changed() => if changed.is_err() { break },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
    }
    losses.add(&backlog.borrow());
    if let Some(lost) = losses.rest() {
        lost.tell();
    }
}

/// Rows that are lost, those that were told of apart.
#[derive(Debug, Default)]
struct Losses {
    known: BTreeMap<&'static str, u64>,
    untold: BTreeMap<&'static str, u64>,
    why: Option<String>,
    told: Option<Instant>,
}

/// One line's worth of them.
#[derive(Debug, PartialEq)]
struct Lost {
    rows: u64,
    /// Such as `call_end 2, turn 7`.
    what: String,
    why: Option<String>,
}

impl Losses {
    /// Takes note; gives what is new.
    fn add(&mut self, backlog: &Backlog) -> Vec<(&'static str, u64)> {
        let mut new = Vec::new();
        for (what, lost) in &backlog.lost {
            let before = self.known.insert(*what, *lost).unwrap_or_default();
            let more = lost.saturating_sub(before);
            if more > 0 {
                *self.untold.entry(*what).or_default() += more;
                self.why.clone_from(&backlog.why);
                new.push((*what, more));
            }
        }
        new
    }

    /// When there is something to tell.
    fn due(&self) -> Option<Instant> {
        let told = self.told.filter(|_| !self.untold.is_empty())?;
        Some(told + EVERY)
    }

    /// What is to be told now.
    fn take(&mut self, now: Instant) -> Option<Lost> {
        if self.told.is_some_and(|told| now < told + EVERY) {
            return None;
        }
        let lost = self.rest()?;
        self.told = Some(now);
        Some(lost)
    }

    /// What has not been told.
    fn rest(&mut self) -> Option<Lost> {
        let untold = std::mem::take(&mut self.untold);
        let words = untold.iter().map(|(what, rows)| format!("{what} {rows}"));
        let what = words.collect::<Vec<_>>().join(", ");
        (!untold.is_empty()).then(|| Lost {
            rows: untold.values().sum(),
            what,
            why: self.why.take(),
        })
    }
}

impl Lost {
    fn tell(self) {
        let Self { rows, what, why } = self;
        error!(rows, what, why, "the store lost what it should keep");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog(turns: u64, ends: u64) -> Backlog {
        let lost = [("turn", turns), ("call_end", ends)];
        Backlog {
            lost: lost.into_iter().filter(|(_, rows)| *rows > 0).collect(),
            why: Some("full".to_owned()),
            ..Backlog::default()
        }
    }

    /// A full disk wrote one error for each row, hundreds a second.
    #[test]
    fn lost_rows_are_summed_in_one_line_for_each_interval() {
        let mut losses = Losses::default();
        let t0 = Instant::now();
        assert_eq!(losses.add(&backlog(1, 0)), [("turn", 1)]);
        let first = losses.take(t0).unwrap();
        assert_eq!((first.rows, first.what.as_str()), (1, "turn 1"));
        assert_eq!(losses.due(), None);
        for turns in 2..=900 {
            losses.add(&backlog(turns, turns / 100));
            assert_eq!(losses.take(t0 + EVERY / 2), None);
        }
        assert_eq!(losses.due(), Some(t0 + EVERY));
        let rest = losses.take(t0 + EVERY).unwrap();
        assert_eq!(
            (rest.rows, rest.what.as_str()),
            (908, "call_end 9, turn 899")
        );
        assert_eq!(losses.take(t0 + EVERY * 3), None, "nothing is new");
    }
}
