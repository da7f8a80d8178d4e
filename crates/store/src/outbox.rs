//! Deliveries still owed: written before they are tried, removed when they are accepted. Order is
//! kept inside a lane.

use sqlx::{Row as _, SqlitePool};
use trunkline_base::time::UnixTime;

use crate::error::StoreError;
use crate::integer::{from_db, to_db};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number in the outbox.
    pub id: i64,
    /// What it must stay in order with.
    pub lane: String,
    /// Where it goes.
    pub target: String,
    /// What it says.
    pub body: Vec<u8>,
    /// When it was written.
    pub created_at: UnixTime,
    /// Tries so far.
    pub attempts: u32,
}

/// The table of deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Outbox<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Outbox<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// Owes a delivery; gives its number.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn push(
        &self,
        lane: &str,
        target: &str,
        body: &[u8],
        at: UnixTime,
    ) -> Result<i64, StoreError> {
        let done = sqlx::query(
            "INSERT INTO outbox (lane, target, body, created_at, due_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(lane)
        .bind(target)
        .bind(body)
        .bind(to_db(at.0))
        .bind(to_db(at.0))
        .execute(self.pool)
        .await?;
        Ok(done.last_insert_rowid())
    }

    /// Deliveries due by `now`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn due(&self, now: UnixTime, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let rows = sqlx::query("SELECT * FROM outbox WHERE due_at <= ? ORDER BY id LIMIT ?")
            .bind(to_db(now.0))
            .bind(i64::from(limit))
            .fetch_all(self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Delivery {
                    id: row.try_get("id")?,
                    lane: row.try_get("lane")?,
                    target: row.try_get("target")?,
                    body: row.try_get("body")?,
                    created_at: UnixTime(from_db(row.try_get("created_at")?)),
                    attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(0),
                })
            })
            .collect()
    }

    /// It was accepted, or is given up.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be removed.
    pub async fn done(&self, id: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM outbox WHERE id = ?")
            .bind(id)
            .execute(self.pool)
            .await?;
        Ok(())
    }

    /// It failed; it is due again at `due`.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn retry(&self, id: i64, due: UnixTime) -> Result<(), StoreError> {
        sqlx::query("UPDATE outbox SET attempts = attempts + 1, due_at = ? WHERE id = ?")
            .bind(to_db(due.0))
            .bind(id)
            .execute(self.pool)
            .await?;
        Ok(())
    }
}
