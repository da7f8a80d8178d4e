//! Recordings: where they are, how long, and whether they ended well.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use trunkline_base::id::{EgressId, RoomName};
use trunkline_base::time::UnixTime;

use crate::error::StoreError;
use crate::integer::{from_db, to_db};

/// A recording begins.
#[derive(Clone, Debug)]
pub struct RecordingStart {
    pub egress_id: EgressId,
    pub room: RoomName,
    /// The file.
    pub path: String,
    pub channels: u8,
    pub at: UnixTime,
}

#[derive(Clone, Debug)]
pub struct RecordingEnd {
    pub at: UnixTime,
    /// Length of the audio in milliseconds.
    pub duration_ms: u64,
    /// Size of the file.
    pub bytes: u64,
    /// In a word, such as `complete`, `failed`, `recovered`.
    pub outcome: String,
}

/// A recording as stored.
#[derive(Clone, Debug, Serialize)]
pub struct Recording {
    pub egress_id: String,
    pub room: String,
    /// The file.
    pub path: String,
    pub channels: u8,
    /// When it began.
    pub started_at: UnixTime,
    pub ended_at: Option<UnixTime>,
    /// Length of the audio in milliseconds.
    pub duration_ms: Option<u64>,
    /// Size of the file.
    pub bytes: Option<u64>,
    /// How it ended.
    pub outcome: Option<String>,
}

/// The table of recordings.
#[derive(Clone, Copy, Debug)]
pub struct Recordings<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Recordings<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// A recording begins.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn start(&self, start: &RecordingStart) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO recordings (egress_id, room, path, channels, started_at)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(start.egress_id.as_str())
        .bind(start.room.as_str())
        .bind(&start.path)
        .bind(i64::from(start.channels))
        .bind(to_db(start.at.0))
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// It ends.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn end(&self, egress_id: &str, end: &RecordingEnd) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE recordings SET ended_at = ?, duration = ?, bytes = ?, outcome = ?
             WHERE egress_id = ?",
        )
        .bind(to_db(end.at.0))
        .bind(to_db(end.duration_ms))
        .bind(to_db(end.bytes))
        .bind(&end.outcome)
        .bind(egress_id)
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// The recordings of a room, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn of_room(&self, room: &str) -> Result<Vec<Recording>, StoreError> {
        let rows = sqlx::query("SELECT * FROM recordings WHERE room = ? ORDER BY started_at")
            .bind(room)
            .fetch_all(self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Recordings that ended before `before`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn over(&self, before: UnixTime, limit: u32) -> Result<Vec<Recording>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM recordings WHERE ended_at < ? ORDER BY ended_at LIMIT ?")
                .bind(to_db(before.0))
                .bind(i64::from(limit))
                .fetch_all(self.pool)
                .await?;
        rows.iter().map(read).collect()
    }

    /// Forgets a recording whose file is gone.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be removed.
    pub async fn forget(&self, egress_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM recordings WHERE egress_id = ?")
            .bind(egress_id)
            .execute(self.pool)
            .await?;
        Ok(())
    }

    /// Recordings that a killed process left open.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn open(&self) -> Result<Vec<Recording>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM recordings WHERE ended_at IS NULL ORDER BY started_at")
                .fetch_all(self.pool)
                .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<Recording, StoreError> {
    let number = |column: &str| -> Result<Option<u64>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(from_db))
    };
    Ok(Recording {
        egress_id: row.try_get("egress_id")?,
        room: row.try_get("room")?,
        path: row.try_get("path")?,
        channels: u8::try_from(row.try_get::<i64, _>("channels")?).unwrap_or(0),
        started_at: UnixTime(number("started_at")?.unwrap_or(0)),
        ended_at: number("ended_at")?.map(UnixTime),
        duration_ms: number("duration")?,
        bytes: number("bytes")?,
        outcome: row.try_get("outcome")?,
    })
}
