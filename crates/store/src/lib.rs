//! What must survive a restart: calls, turns, events, refusals, recordings, SIP set-up, and
//! deliveries still owed. One SQLite file, written as things happen, so that a killed process
//! loses no finished turn.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), trunkline_store::StoreError> {
//! use trunkline_base::time::UnixTime;
//! use trunkline_store::Store;
//!
//! let store = Store::open(":memory:").await?;
//! store.documents().put("trunk", "ST_1", b"{}", UnixTime(1)).await?;
//! assert_eq!(store.documents().get("trunk", "ST_1").await?.as_deref(), Some(&b"{}"[..]));
//! # Ok(()) }
//! ```

mod behind;
mod calls;
mod documents;
mod error;
mod events;
mod integer;
mod journal;
mod open;
mod outbox;
mod recordings;
mod refusals;
mod retention;
mod sip_messages;
mod tables;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod turns;

use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::watch;
use trunkline_base::time::UnixTime;

use behind::Behind;

pub use behind::{Backlog, Row};
pub use calls::{
    Bill, Call, CallEnd, CallSource, CallStart, Calls, Direction, EndedBy, Period, Sighting,
};
pub use documents::Documents;
pub use error::StoreError;
pub use events::{Arrival, Event, EventFilter, EventState, Events, StoredEvent, WaitingEvent};
pub use journal::{Half, Journal, Journalled};
pub use outbox::{Delivery, Outbox};
pub use recordings::{Recording, RecordingEnd, RecordingStart, Recordings};
pub use refusals::{Refusal, Refusals};
pub use retention::{Expiry, Forgotten};
pub use sip_messages::{SipMessage, SipMessages};
pub use turns::{Turn, TurnLatency, Turns};

/// The store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
    behind: Behind,
}

impl Store {
    /// Opens the file, creating it and its tables where they are missing. `:memory:` gives a store
    /// that ends with the process.
    ///
    /// # Errors
    /// [`StoreError::Open`] or [`StoreError::Migrate`].
    pub async fn open(path: &str) -> Result<Self, StoreError> {
        Self::open_within(path, None).await
    }

    /// Opens the file, which may take this much space at the most; writing beyond that gives
    /// [`StoreError::Full`], as a full disk does.
    ///
    /// # Errors
    /// [`StoreError::Open`] or [`StoreError::Migrate`].
    pub async fn open_within(path: &str, bytes: Option<u64>) -> Result<Self, StoreError> {
        let options = open::options(path, bytes)?;
        let pool = if path == ":memory:" {
            open::memory(path, options).await?
        } else {
            open::file(path, options).await?
        };
        let behind = Behind::start(pool.clone());
        Ok(Self { pool, behind })
    }

    /// Phone calls.
    pub const fn calls(&self) -> Calls<'_> {
        Calls::new(&self.pool)
    }

    /// Turns of conversations.
    pub const fn turns(&self) -> Turns<'_> {
        Turns::new(&self.pool)
    }

    /// Webhook events.
    pub const fn events(&self) -> Events<'_> {
        Events::new(&self.pool)
    }

    /// Calls that were turned away.
    pub const fn refusals(&self) -> Refusals<'_> {
        Refusals::new(&self.pool)
    }

    /// What went over the wire in calls.
    pub const fn sip_messages(&self) -> SipMessages<'_> {
        SipMessages::new(&self.pool)
    }

    pub const fn recordings(&self) -> Recordings<'_> {
        Recordings::new(&self.pool)
    }

    /// Small documents by kind and id.
    pub const fn documents(&self) -> Documents<'_> {
        Documents::new(&self.pool)
    }

    /// What is written down of calls that are up.
    pub const fn journal(&self) -> Journal<'_> {
        Journal::new(&self.pool)
    }

    /// Deliveries still owed.
    pub const fn outbox(&self) -> Outbox<'_> {
        Outbox::new(&self.pool)
    }

    /// Keeps a row without anybody waiting for the disk: it is written in its turn, as soon as that
    /// can be. What is lost on the way is in the [`Store::backlog`].
    pub fn later(&self, row: Row) {
        self.behind.later(row);
    }

    /// Waits until every row given to [`Store::later`] so far is in the file, or lost; `false` when
    /// that takes longer than the limit.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn written(&self, limit: Duration) -> bool {
        self.behind.written(limit).await
    }

    /// How far the file is behind [`Store::later`], latest wins.
    pub fn backlog(&self) -> watch::Receiver<Backlog> {
        self.behind.backlog()
    }

    /// Whether the store takes what it should keep: something as long as a row is written, and
    /// taken out again. A store that only reads looks well while its disk is full.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let documents = self.documents();
        documents
            .put(PROBE, PROBE, &[0; PROBED], UnixTime(0))
            .await?;
        documents.delete(PROBE, PROBE).await?;
        Ok(())
    }

    /// Writes what waits, folds the journal into the file and closes it. Gives the rows that the
    /// disk did not take in time.
    pub async fn close(self) -> usize {
        self.behind.written(LAST_ROWS).await;
        let waiting = self.behind.backlog().borrow().waiting;
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.pool)
            .await;
        self.pool.close().await;
        waiting
    }
}

/// The kind and the name of what is written to see whether that is possible.
const PROBE: &str = "probe";

/// More than is left free in a page that others have begun.
const PROBED: usize = 16 * 1024;

/// At the end, rows that wait have this long.
const LAST_ROWS: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
