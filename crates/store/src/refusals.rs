//! Calls that were turned away, with the trunks and rules that were considered.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;

use crate::error::StoreError;
use crate::integer::{from_db, to_db};

#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    pub at: UnixTime,
    /// Where the request came from.
    pub source: Personal<String>,
    /// Calling number.
    pub caller: Personal<String>,
    /// Called number.
    pub called: Personal<String>,
    /// What the caller was told.
    pub sip_status: u16,
    /// Why, in a stable word such as `no_trunk`.
    pub reason: String,
    /// What was considered and what failed.
    pub considered: serde_json::Value,
    /// How often the same source was refused for the same reason since `at`. The numbers are those
    /// of the first time.
    pub count: u64,
    pub last_at: UnixTime,
}

/// The table of refusals.
#[derive(Clone, Copy, Debug)]
pub struct Refusals<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Refusals<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// Writes a refusal.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn put(&self, refusal: &Refusal) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO refusals
             (at, source, caller, called, sip_status, reason, considered, count, last_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(to_db(refusal.at.0))
        .bind(refusal.source.expose())
        .bind(refusal.caller.expose())
        .bind(refusal.called.expose())
        .bind(i64::from(refusal.sip_status))
        .bind(&refusal.reason)
        .bind(refusal.considered.to_string())
        .bind(to_db(refusal.count))
        .bind(to_db(refusal.last_at.0))
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// Writes how often it has happened by now into the row that was put when it first did.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn again(&self, refusal: &Refusal) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE refusals SET count = ?, last_at = ?
             WHERE at = ? AND source = ? AND sip_status = ? AND reason = ?",
        )
        .bind(to_db(refusal.count))
        .bind(to_db(refusal.last_at.0))
        .bind(to_db(refusal.at.0))
        .bind(refusal.source.expose())
        .bind(i64::from(refusal.sip_status))
        .bind(&refusal.reason)
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// The latest refusals, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn list(&self, limit: u32) -> Result<Vec<Refusal>, StoreError> {
        let rows = sqlx::query("SELECT * FROM refusals ORDER BY id DESC LIMIT ?")
            .bind(i64::from(limit))
            .fetch_all(self.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<Refusal, StoreError> {
    let considered = serde_json::from_str(row.try_get("considered")?)
        .map_err(|_| StoreError::Damaged { what: "refusal" })?;
    Ok(Refusal {
        at: UnixTime(from_db(row.try_get("at")?)),
        source: Personal::new(row.try_get("source")?),
        caller: Personal::new(row.try_get("caller")?),
        called: Personal::new(row.try_get("called")?),
        sip_status: u16::try_from(row.try_get::<i64, _>("sip_status")?).unwrap_or(0),
        reason: row.try_get("reason")?,
        considered,
        count: from_db(row.try_get("count")?),
        last_at: UnixTime(from_db(row.try_get("last_at")?)),
    })
}
