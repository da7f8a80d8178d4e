//! Events as they came, kept once each and in the order they came.
//!
//! An event that must be processed waits until it is done, or is parked with a reason when it
//! cannot be. Processing reads from here, so what is kept is processed even if the process ends in
//! between.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use trunkline_base::time::UnixTime;

use crate::error::StoreError;
use crate::integer::{from_db, to_db};

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

/// An event from outside that is to be processed.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// LiveKit's `EV_` id.
    pub event_id: &'a str,
    /// When it happened.
    pub at: UnixTime,
    /// Such as `participant_joined`.
    pub kind: &'a str,
    /// Its room, or empty. Events of one room are processed in the order they came.
    pub room: &'a str,
    /// The text it came as: JSON.
    pub body: &'a str,
    /// When it came.
    pub received_at: UnixTime,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventState {
    /// To be processed.
    Waiting,
    /// Processed, or only noted down.
    Done,
    /// Given up, with a reason.
    Parked,
}

impl EventState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Parked => "parked",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "waiting" => Self::Waiting,
            "parked" => Self::Parked,
            _ => Self::Done,
        }
    }
}

/// An event and how its processing goes.
#[derive(Clone, Debug, Serialize)]
pub struct StoredEvent {
    /// Its place in the order of arrival.
    pub seq: i64,
    #[serde(flatten)]
    pub event: Event,
    /// When it came.
    pub received_at: UnixTime,
    /// Where it stands.
    pub state: EventState,
    /// Tries that failed.
    pub attempts: u32,
    /// Why it was parked.
    pub reason: Option<String>,
}

/// An event to process.
#[derive(Clone, Debug)]
pub struct WaitingEvent {
    /// Its place in the order of arrival.
    pub seq: i64,
    /// Its room, or empty.
    pub room: String,
    /// The text it came as.
    pub body: String,
    /// When it came.
    pub received_at: UnixTime,
    /// Tries that failed.
    pub attempts: u32,
}

/// Which events to show.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Of this room only.
    pub room: Option<String>,
    /// Parked ones only.
    pub parked: bool,
    /// That came after this place.
    pub after: i64,
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

    /// Notes an event down that nobody has to process; says whether it was new.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn put(&self, event: &Event) -> Result<bool, StoreError> {
        let body = event.body.to_string();
        let arrival = Arrival {
            event_id: &event.event_id,
            at: event.at,
            kind: &event.kind,
            room: &event.room,
            body: &body,
            received_at: event.at,
        };
        self.insert(&arrival, EventState::Done).await
    }

    /// Keeps an event to be processed; says whether it was new. One statement keeps the event and
    /// its id, so that a repeat is known however the process ends.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn keep(&self, arrival: &Arrival<'_>) -> Result<bool, StoreError> {
        self.insert(arrival, EventState::Waiting).await
    }

    async fn insert(&self, arrival: &Arrival<'_>, state: EventState) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO events (event_id, at, kind, room, body, received_at, state)
             VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (event_id) DO NOTHING",
        )
        .bind(arrival.event_id)
        .bind(to_db(arrival.at.0))
        .bind(arrival.kind)
        .bind(arrival.room)
        .bind(arrival.body)
        .bind(to_db(arrival.received_at.0))
        .bind(state.as_str())
        .execute(self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Events to process now, in the order they came. A room whose first event waits for another
    /// try is left out as a whole, so that its order is kept.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn waiting(
        &self,
        now: UnixTime,
        limit: u32,
    ) -> Result<Vec<WaitingEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, room, body, received_at, attempts FROM events
             WHERE state = 'waiting' AND room NOT IN (
                 SELECT room FROM events WHERE state = 'waiting' AND due_at > ?)
             ORDER BY seq LIMIT ?",
        )
        .bind(to_db(now.0))
        .bind(i64::from(limit))
        .fetch_all(self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(WaitingEvent {
                    seq: row.try_get("seq")?,
                    room: row.try_get("room")?,
                    body: row.try_get("body")?,
                    received_at: UnixTime(from_db(row.try_get("received_at")?)),
                    attempts: attempts(row)?,
                })
            })
            .collect()
    }

    /// When the next event that failed is to be tried again.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn next_due(&self) -> Result<Option<UnixTime>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(due_at) FROM events WHERE state = 'waiting' AND due_at > 0",
        )
        .fetch_one(self.pool)
        .await?;
        Ok(due.map(|at| UnixTime(from_db(at))))
    }

    /// How many stand so.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be counted.
    pub async fn count(&self, state: EventState) -> Result<u64, StoreError> {
        let count: i64 = match state {
            // Spelled out, so that the small indexes serve.
            EventState::Waiting => {
                sqlx::query_scalar("SELECT COUNT(*) FROM events WHERE state = 'waiting'")
            }
            EventState::Parked => {
                sqlx::query_scalar("SELECT COUNT(*) FROM events WHERE state = 'parked'")
            }
            EventState::Done => {
                sqlx::query_scalar("SELECT COUNT(*) FROM events WHERE state = 'done'")
            }
        }
        .fetch_one(self.pool)
        .await?;
        Ok(from_db(count))
    }

    /// It is processed.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn done(&self, seq: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE events SET state = 'done', due_at = 0 WHERE seq = ?")
            .bind(seq)
            .execute(self.pool)
            .await?;
        Ok(())
    }

    /// It failed; it is to be tried again at `due`.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn retry(&self, seq: i64, due: UnixTime) -> Result<(), StoreError> {
        sqlx::query("UPDATE events SET attempts = attempts + 1, due_at = ? WHERE seq = ?")
            .bind(to_db(due.0))
            .bind(seq)
            .execute(self.pool)
            .await?;
        Ok(())
    }

    /// It is given up; the events after it go on.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn park(&self, seq: i64, reason: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE events SET state = 'parked', due_at = 0, attempts = attempts + 1, reason = ?
             WHERE seq = ?",
        )
        .bind(reason)
        .bind(seq)
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// A parked event is to be tried again; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn release(&self, event_id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE events SET state = 'waiting', attempts = 0, due_at = 0, reason = NULL
             WHERE event_id = ? AND state = 'parked'",
        )
        .bind(event_id)
        .execute(self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Whether a later event of this kind is known of a room.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn came_after(&self, seq: i64, room: &str, kind: &str) -> Result<bool, StoreError> {
        let found =
            sqlx::query("SELECT 1 FROM events WHERE room = ? AND seq > ? AND kind = ? LIMIT 1")
                .bind(room)
                .bind(seq)
                .bind(kind)
                .fetch_optional(self.pool)
                .await?;
        Ok(found.is_some())
    }

    /// A page of events, in the order they came.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn page(
        &self,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let wanted = match (&filter.room, filter.parked) {
            (Some(_), false) => {
                "SELECT * FROM events WHERE seq > ? AND room = ? ORDER BY seq LIMIT ?"
            }
            (Some(_), true) => {
                "SELECT * FROM events
                 WHERE seq > ? AND room = ? AND state = 'parked' ORDER BY seq LIMIT ?"
            }
            (None, false) => "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            (None, true) => {
                "SELECT * FROM events WHERE seq > ? AND state = 'parked' ORDER BY seq LIMIT ?"
            }
        };
        let mut query = sqlx::query(wanted).bind(filter.after);
        if let Some(room) = &filter.room {
            query = query.bind(room);
        }
        let rows = query.bind(i64::from(limit)).fetch_all(self.pool).await?;
        rows.iter().map(read_stored).collect()
    }

    /// The events of a room, in the order they were kept.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn of_room(&self, room: &str) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query("SELECT * FROM events WHERE room = ? ORDER BY seq")
            .bind(room)
            .fetch_all(self.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn attempts(row: &SqliteRow) -> Result<u32, sqlx::Error> {
    Ok(u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX))
}

fn read_stored(row: &SqliteRow) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        seq: row.try_get("seq")?,
        event: read(row)?,
        received_at: UnixTime(from_db(row.try_get("received_at")?)),
        state: EventState::from_word(row.try_get("state")?),
        attempts: attempts(row)?,
        reason: row.try_get("reason")?,
    })
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
