//! Phone calls, from the first ring to the last byte.

mod call;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use trunkline_base::id::{CallId, RoomName};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;

pub use call::{Bill, Call, CallEnd, CallSource, CallStart, Direction, EndedBy, Period, Sighting};

use crate::error::StoreError;
use crate::integer::{from_db, to_db};
use crate::journal::Half;

/// The table of calls.
#[derive(Clone, Copy, Debug)]
pub struct Calls<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Calls<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// A call begins at our gateway. Should events have told of it first, the gateway's word
    /// replaces theirs.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn start(&self, start: &CallStart) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO calls (call_id, room, direction, caller, called, trunk_id, rule_id, started_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (call_id) DO UPDATE SET
                room = excluded.room, direction = excluded.direction,
                caller = excluded.caller, called = excluded.called,
                trunk_id = excluded.trunk_id, rule_id = excluded.rule_id,
                started_at = excluded.started_at, source = 'gateway',
                ended_at = NULL, end_reason = NULL, sip_status = NULL, summary = NULL,
                q850 = NULL, ended_by = NULL
             WHERE calls.source = 'webhooks'",
        )
        .bind(start.call_id.as_str())
        .bind(start.room.as_ref().map_or("", RoomName::as_str))
        .bind(start.direction.as_str())
        .bind(start.caller.expose())
        .bind(start.called.expose())
        .bind(&start.trunk_id)
        .bind(&start.rule_id)
        .bind(to_db(start.at.0))
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// A call that was answered to ask for a PIN has a rule now, and its room.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn placed(
        &self,
        call_id: &CallId,
        room: &RoomName,
        rule_id: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE calls SET room = ?, rule_id = ? WHERE call_id = ? AND ended_at IS NULL",
        )
        .bind(room.as_str())
        .bind(rule_id)
        .bind(call_id.as_str())
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// It is answered.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn answered(&self, call_id: &CallId, at: UnixTime) -> Result<(), StoreError> {
        sqlx::query("UPDATE calls SET answered_at = ? WHERE call_id = ? AND answered_at IS NULL")
            .bind(to_db(at.0))
            .bind(call_id.as_str())
            .execute(self.pool)
            .await?;
        Ok(())
    }

    /// Who talks to the caller is about to end the call by ending its room, and says why. A
    /// gateway only sees the room end.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn ending(&self, call_id: &CallId, why: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE calls SET end_reason = ?, ended_by = 'agent'
             WHERE call_id = ? AND (ended_at IS NULL OR end_reason = 'room_ended')",
        )
        .bind(why)
        .bind(call_id.as_str())
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// It ends. The first end wins; that the room ended says less than why it was to end.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn ended(&self, call_id: &CallId, end: &CallEnd) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE calls SET ended_at = ?, sip_status = ?, q850 = ?, summary = ?,
                billed_seconds = ?, cost = ?, currency = ?,
                ended_by = CASE ? WHEN 'room_ended' THEN COALESCE(ended_by, ?) ELSE ? END,
                end_reason = CASE ? WHEN 'room_ended' THEN COALESCE(end_reason, 'room_ended')
                             ELSE ? END
             WHERE call_id = ? AND ended_at IS NULL",
        )
        .bind(to_db(end.at.0))
        .bind(end.sip_status.map(i64::from))
        .bind(end.q850.map(i64::from))
        .bind(end.summary.to_string())
        .bind(end.bill.as_ref().map(|bill| to_db(bill.seconds)))
        .bind(end.bill.as_ref().and_then(|bill| bill.cost.as_deref()))
        .bind(end.bill.as_ref().and_then(|bill| bill.currency.as_deref()))
        .bind(&end.reason)
        .bind(end.by.map(EndedBy::as_str))
        .bind(end.by.map(EndedBy::as_str))
        .bind(&end.reason)
        .bind(&end.reason)
        .bind(call_id.as_str())
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// An event tells of a call. Events may come twice and in any order: the first answer and the
    /// first end stay. A call of our own gateway is left as it is.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn sighted(&self, sighting: &Sighting) -> Result<(), StoreError> {
        let Sighting {
            start,
            answered_at,
            end,
        } = sighting;
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO calls
                (call_id, room, direction, caller, called, trunk_id, rule_id, started_at, source)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'webhooks')
             ON CONFLICT (call_id) DO NOTHING",
        )
        .bind(start.call_id.as_str())
        .bind(start.room.as_ref().map_or("", RoomName::as_str))
        .bind(start.direction.as_str())
        .bind(start.caller.expose())
        .bind(start.called.expose())
        .bind(&start.trunk_id)
        .bind(&start.rule_id)
        .bind(to_db(start.at.0))
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "UPDATE calls SET answered_at = COALESCE(answered_at, ?)
             WHERE call_id = ? AND source = 'webhooks'",
        )
        .bind(answered_at.map(|at| to_db(at.0)))
        .bind(start.call_id.as_str())
        .execute(&mut *transaction)
        .await?;
        if let Some(end) = end {
            sqlx::query(
                "UPDATE calls SET ended_at = ?, end_reason = ?, sip_status = ?, q850 = ?,
                    ended_by = ?, summary = ?
                 WHERE call_id = ? AND source = 'webhooks' AND ended_at IS NULL",
            )
            .bind(to_db(end.at.0))
            .bind(&end.reason)
            .bind(end.sip_status.map(i64::from))
            .bind(end.q850.map(i64::from))
            .bind(end.by.map(EndedBy::as_str))
            .bind(end.summary.to_string())
            .bind(start.call_id.as_str())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// A room is over: calls in it that only events told of are over too, even if the event that
    /// said so was lost. A call that began after `at` is in a later room of the same name.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn room_over(&self, room: &RoomName, at: UnixTime) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE calls SET ended_at = ?, end_reason = 'room_ended'
             WHERE room = ? AND source = 'webhooks' AND ended_at IS NULL AND started_at <= ?",
        )
        .bind(to_db(at.0))
        .bind(room.as_str())
        .bind(to_db(at.0))
        .execute(self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Closes the calls a killed process left open, and says how many there were. Calls of another
    /// gateway go on without us, and those in the journal may go on with us.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn close_orphans(&self, at: UnixTime) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE calls SET ended_at = ?, end_reason = 'process_ended', ended_by = 'gateway'
             WHERE ended_at IS NULL AND source = 'gateway' AND call_id NOT IN
                (SELECT id FROM documents WHERE kind IN (?, ?))",
        )
        .bind(to_db(at.0))
        .bind(Half::Dialog.kind())
        .bind(Half::Call.kind())
        .execute(self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// One call.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn get(&self, call_id: &str) -> Result<Option<Call>, StoreError> {
        let row = sqlx::query("SELECT * FROM calls WHERE call_id = ?")
            .bind(call_id)
            .fetch_optional(self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// A page of the calls that began within a time, oldest first; `after` is the last of the page
    /// before.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn within(
        &self,
        period: &Period,
        after: Option<&Call>,
        limit: u32,
    ) -> Result<Vec<Call>, StoreError> {
        let (at, id) = after.map_or((0, ""), |call| {
            (to_db(call.started_at.0), call.call_id.as_str())
        });
        let rows = sqlx::query(
            "SELECT * FROM calls
             WHERE started_at >= ? AND started_at < ? AND (started_at, call_id) > (?, ?)
             ORDER BY started_at, call_id LIMIT ?",
        )
        .bind(to_db(period.since.0))
        .bind(to_db(period.until.0))
        .bind(at)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// The latest calls, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn list(&self, limit: u32) -> Result<Vec<Call>, StoreError> {
        let rows = sqlx::query("SELECT * FROM calls ORDER BY started_at DESC LIMIT ?")
            .bind(i64::from(limit))
            .fetch_all(self.pool)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<Call, StoreError> {
    let time = |column: &str| -> Result<Option<UnixTime>, sqlx::Error> {
        Ok(row
            .try_get::<Option<i64>, _>(column)?
            .map(|ms| UnixTime(from_db(ms))))
    };
    let damaged = |_| StoreError::Damaged { what: "call" };
    let summary = row.try_get::<Option<String>, _>("summary")?;
    Ok(Call {
        call_id: row.try_get("call_id")?,
        room: row.try_get("room")?,
        direction: Direction::from_word(row.try_get("direction")?),
        caller: Personal::new(row.try_get("caller")?),
        called: Personal::new(row.try_get("called")?),
        trunk_id: row.try_get("trunk_id")?,
        rule_id: row.try_get("rule_id")?,
        started_at: time("started_at")?.unwrap_or_default(),
        answered_at: time("answered_at")?,
        ended_at: time("ended_at")?,
        end_reason: row.try_get("end_reason")?,
        sip_status: row
            .try_get::<Option<i64>, _>("sip_status")?
            .and_then(|status| u16::try_from(status).ok()),
        q850: row
            .try_get::<Option<i64>, _>("q850")?
            .and_then(|cause| u8::try_from(cause).ok()),
        ended_by: row
            .try_get::<Option<&str>, _>("ended_by")?
            .and_then(EndedBy::from_word),
        billed_seconds: row
            .try_get::<Option<i64>, _>("billed_seconds")?
            .map(from_db),
        cost: row.try_get("cost")?,
        currency: row.try_get("currency")?,
        summary: summary
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(damaged)?,
        source: CallSource::from_word(row.try_get("source")?),
    })
}
