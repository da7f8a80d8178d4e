//! Turns: what the agent heard, what it said, and how long each part took.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use trunkline_base::id::{CallId, RoomName, TurnId};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;

use crate::error::StoreError;
use crate::integer::{from_db, to_db};

/// Where the time of a turn went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TurnLatency {
    /// Caller's last sound to the agent's first packet.
    pub voice_to_voice_ms: Option<f64>,
    /// Speech to text.
    pub stt_ms: Option<f64>,
    /// Caller's last sound to the decision that the turn is over.
    pub turn_ms: Option<f64>,
    /// Text to the brain's first sentence.
    pub llm_ms: Option<f64>,
    /// Sentence to its first sound.
    pub tts_ms: Option<f64>,
    /// Caller's first sound to the agent's last packet, when the caller cut in.
    pub barge_in_ms: Option<f64>,
}

/// One exchange: the caller spoke, the agent answered. A greeting has heard nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Turn {
    pub turn_id: TurnId,
    pub room: RoomName,
    /// Its call, when the room holds one.
    pub call_id: Option<CallId>,
    /// When it began.
    pub at: UnixTime,
    /// What the agent understood.
    pub heard: Personal<String>,
    /// What the agent said, as far as it was played.
    pub said: Personal<String>,
    /// Whether the caller cut it short.
    pub interrupted: bool,
    /// Where the time went.
    pub latency: TurnLatency,
}

/// The table of turns.
#[derive(Clone, Copy, Debug)]
pub struct Turns<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Turns<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// Writes a turn; writing it again replaces it, as when more of it has been played.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn put(&self, turn: &Turn) -> Result<(), StoreError> {
        let latency = serde_json::to_string(&turn.latency)
            .map_err(|_| StoreError::Damaged { what: "turn" })?;
        sqlx::query(
            "INSERT INTO turns (turn_id, room, call_id, started_at, heard, said, interrupted, latency)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (turn_id) DO UPDATE SET
                heard = excluded.heard, said = excluded.said,
                interrupted = excluded.interrupted, latency = excluded.latency",
        )
        .bind(turn.turn_id.as_str())
        .bind(turn.room.as_str())
        .bind(turn.call_id.as_ref().map(CallId::as_str))
        .bind(to_db(turn.at.0))
        .bind(turn.heard.expose())
        .bind(turn.said.expose())
        .bind(turn.interrupted)
        .bind(latency)
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// The turns of a call, in order.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn of_call(&self, call_id: &str) -> Result<Vec<Turn>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM turns WHERE call_id = ? ORDER BY started_at, turn_id")
                .bind(call_id)
                .fetch_all(self.pool)
                .await?;
        rows.iter().map(read).collect()
    }

    /// The turns of a room, in order.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn of_room(&self, room: &str) -> Result<Vec<Turn>, StoreError> {
        let rows = sqlx::query("SELECT * FROM turns WHERE room = ? ORDER BY started_at, turn_id")
            .bind(room)
            .fetch_all(self.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<Turn, StoreError> {
    let damaged = || StoreError::Damaged { what: "turn" };
    let id = TurnId::parse(row.try_get::<String, _>("turn_id")?).map_err(|_| damaged())?;
    let room = RoomName::parse(row.try_get::<String, _>("room")?).map_err(|_| damaged())?;
    let call = row.try_get::<Option<String>, _>("call_id")?;
    let latency = serde_json::from_str(row.try_get("latency")?).map_err(|_| damaged())?;
    Ok(Turn {
        turn_id: id,
        room,
        call_id: call.map(CallId::parse).transpose().map_err(|_| damaged())?,
        at: UnixTime(from_db(row.try_get("started_at")?)),
        heard: Personal::new(row.try_get("heard")?),
        said: Personal::new(row.try_get("said")?),
        interrupted: row.try_get("interrupted")?,
        latency,
    })
}
