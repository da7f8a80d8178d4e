//! Webhook events as they came, kept once each.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use trunkline_base::time::UnixTime;

use crate::{StoreError, from_db, to_db};

/// One event.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// LiveKit's `EV_` id.
    pub event_id: String,
    /// When it happened.
    pub at: UnixTime,
    /// Such as `participant_joined`.
    pub kind: String,
    /// Its room, or empty.
    pub room: String,
    /// The whole event.
    pub body: serde_json::Value,
}

/// The table of events.
#[derive(Clone, Copy, Debug)]
pub struct Events<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Events<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// Keeps an event; says whether it was new.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn put(&self, event: &Event) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO events (event_id, at, kind, room, body) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (event_id) DO NOTHING",
        )
        .bind(&event.event_id)
        .bind(to_db(event.at.0))
        .bind(&event.kind)
        .bind(&event.room)
        .bind(event.body.to_string())
        .execute(self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The events of a room, in the order they were kept.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn of_room(&self, room: &str) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query("SELECT * FROM events WHERE room = ? ORDER BY rowid")
            .bind(room)
            .fetch_all(self.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<Event, StoreError> {
    let body = serde_json::from_str(row.try_get("body")?)
        .map_err(|_| StoreError::Damaged { what: "event" })?;
    Ok(Event {
        event_id: row.try_get("event_id")?,
        at: UnixTime(from_db(row.try_get("at")?)),
        kind: row.try_get("kind")?,
        room: row.try_get("room")?,
        body,
    })
}
