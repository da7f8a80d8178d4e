//! Refusals on their way to the store.
//!
//! A scanner is refused hundreds of times a second and says the same each time, so refusals are
//! folded before they cost a row: one for each source, status and reason in an interval, with a
//! count. The first is written at once, since that is the one somebody looks for; the count
//! follows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use trunkline_base::secret::Personal;
use trunkline_service::metrics::{Counter, count};
use trunkline_store::{Refusal, Row, Store};

/// The refusals of the running interval.
pub(crate) struct Ledger {
    open: BTreeMap<Key, Fold>,
    notes: mpsc::Sender<Row>,
}

type Key = (String, u16, String);

struct Fold {
    row: Refusal,
    since: Instant,
    /// When the store was last told, and of how many.
    told: Instant,
    told_count: u64,
}

impl Ledger {
    pub(crate) const fn new(notes: mpsc::Sender<Row>) -> Self {
        Self {
            open: BTreeMap::new(),
            notes,
        }
    }

    /// Takes a refusal; `true` if it is the first of its kind.
    pub(crate) fn add(&mut self, mut refusal: Refusal, now: Instant) -> bool {
        let kind = |source: &str| {
            (
                source.to_owned(),
                refusal.sip_status,
                refusal.reason.clone(),
            )
        };
        let mut key = kind(refusal.source.expose());
        if !self.open.contains_key(&key) && self.open.len() >= MAX_KINDS {
            // A storm of forged sources: together they are one.
            key = kind(ELSEWHERE);
            refusal.source = Personal::new(ELSEWHERE.to_owned());
        }
        if let Some(fold) = self.open.get_mut(&key) {
            fold.row.count += 1;
            fold.row.last_at = refusal.at;
            return false;
        }
        let told_count = u64::from(self.tell(Row::Refused(refusal.clone())));
        let fold = Fold {
            row: refusal,
            since: now,
            told: now,
            told_count,
        };
        self.open.insert(key, fold);
        true
    }

    /// Tells counts that changed, and closes intervals that are over.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let notes = self.notes.clone();
        self.open.retain(|_, fold| {
            let due = now.saturating_duration_since(fold.told) >= TELL;
            if due && fold.told_count < fold.row.count {
                fold.tell(&notes, now);
            }
            let over = now.saturating_duration_since(fold.since) >= INTERVAL;
            !(over && fold.told_count == fold.row.count)
        });
    }

    /// Tells all that is left: the gateway ends.
    pub(crate) fn close(&mut self) {
        for fold in std::mem::take(&mut self.open).into_values() {
            if fold.told_count < fold.row.count {
                self.tell(Row::RefusedAgain(fold.row));
            }
        }
    }

    fn tell(&self, row: Row) -> bool {
        let told = self.notes.try_send(row).is_ok();
        if !told {
            // The disk is slow; the log line stands, and so does the count.
            count(Counter::CallsRefused, 1, &[("reason", "not_stored")]);
        }
        told
    }
}

impl Fold {
    fn tell(&mut self, notes: &mpsc::Sender<Row>, now: Instant) {
        let row = if self.told_count == 0 {
            Row::Refused(self.row.clone())
        } else {
            Row::RefusedAgain(self.row.clone())
        };
        if notes.try_send(row).is_ok() {
            self.told_count = self.row.count;
        }
        self.told = now;
    }
}

/// Hands refusals to the store until nobody sends any. They are many and calls are few: while the
/// disk stands still they wait here and in the ledger, and leave the store's queue to the calls.
pub(crate) async fn keep_refusals(store: Store, mut notes: mpsc::Receiver<Row>) {
    let mut backlog = store.backlog();
    while let Some(row) = notes.recv().await {
        // What is borrowed here must be given back before the store counts one more.
        drop(backlog.wait_for(|behind| behind.waiting < BESIDE).await);
        store.later(row);
    }
}

/// One row for each source and reason in this time. Shorter shows the course of an attack more
/// finely and costs rows.
const INTERVAL: Duration = Duration::from_secs(60);

/// How old a count in the store may be.
const TELL: Duration = Duration::from_secs(5);

/// Sources and reasons told apart in one interval; each costs a row and some 500 bytes.
const MAX_KINDS: usize = 512;

/// Rows of others that may wait while refusals still join them.
const BESIDE: usize = 256;

/// Stands for all further sources.
const ELSEWHERE: &str = "many others";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::signalling::now;
    use trunkline_base::time::UnixTime;
    use trunkline_store::testing::{Filling, small_store};

    fn refusal(source: &str, at: u64) -> Refusal {
        Refusal {
            at: UnixTime(at),
            source: Personal::new(source.to_owned()),
            caller: "+1".into(),
            called: "+2".into(),
            sip_status: 403,
            reason: "address_not_allowed".to_owned(),
            considered: serde_json::json!([]),
            count: 1,
            last_at: UnixTime(at),
        }
    }

    fn told(notes: &mut mpsc::Receiver<Row>) -> Vec<(bool, String, u64)> {
        std::iter::from_fn(|| notes.try_recv().ok())
            .map(|row| match row {
                Row::Refused(row) => (true, row.source.expose().clone(), row.count),
                Row::RefusedAgain(row) => (false, row.source.expose().clone(), row.count),
                other => panic!("no refusal: {other:?}"),
            })
            .collect()
    }

    /// Each refusal of a flood was a row: 840 a second.
    #[test]
    fn a_flood_is_one_row_and_a_count() {
        let (sender, mut notes) = mpsc::channel(8);
        let mut ledger = Ledger::new(sender);
        let t0 = now();
        let first = (0..840)
            .filter(|n| ledger.add(refusal("192.0.2.1", *n), t0))
            .count();
        assert_eq!(first, 1);
        ledger.sweep(t0 + Duration::from_secs(1));
        assert_eq!(told(&mut notes), [(true, "192.0.2.1".to_owned(), 1)]);
        ledger.sweep(t0 + TELL);
        assert_eq!(told(&mut notes), [(false, "192.0.2.1".to_owned(), 840)]);
        ledger.sweep(t0 + INTERVAL);
        assert!(ledger.open.is_empty());
        assert!(
            ledger.add(refusal("192.0.2.1", 900), t0 + INTERVAL),
            "a new interval"
        );
    }

    #[test]
    fn a_storm_of_sources_has_an_end() {
        let (sender, mut notes) = mpsc::channel(MAX_KINDS * 2);
        let mut ledger = Ledger::new(sender);
        for n in 0..10_000 {
            ledger.add(refusal(&format!("source {n}"), n), now());
        }
        let rows = told(&mut notes);
        assert_eq!(rows.len(), MAX_KINDS + 1);
        ledger.close();
        let others = (10_000 - MAX_KINDS) as u64;
        assert_eq!(told(&mut notes), [(false, ELSEWHERE.to_owned(), others)]);
    }

    #[test]
    fn a_row_that_found_no_room_is_told_later() {
        let (sender, mut notes) = mpsc::channel(1);
        let mut ledger = Ledger::new(sender);
        let t0 = now();
        ledger.add(refusal("a", 1), t0);
        ledger.add(refusal("b", 1), t0);
        assert_eq!(told(&mut notes), [(true, "a".to_owned(), 1)]);
        ledger.sweep(t0 + TELL);
        assert_eq!(told(&mut notes), [(true, "b".to_owned(), 1)]);
    }

    /// One write that failed lost the row: the disk was full for a moment.
    #[tokio::test]
    async fn a_refusal_outlives_a_full_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = small_store(dir.path()).await.unwrap();
        let filling = Filling::of(&store).await;
        let (notes, noted) = mpsc::channel(8);
        let mut long = refusal("192.0.2.1", 1);
        long.considered = serde_json::json!(["x".repeat(8192)]);
        notes.send(Row::Refused(long.clone())).await.unwrap();
        long.count = 2;
        notes.send(Row::RefusedAgain(long)).await.unwrap();
        drop(notes);
        keep_refusals(store.clone(), noted).await;
        assert!(!store.written(Duration::from_millis(300)).await, "no room");
        filling.remove().await.unwrap();
        assert!(store.written(Duration::from_secs(20)).await);
        let rows = store.refusals().list(9).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [2]);
    }
}
