//! What went over the wire in calls. Of a long call the first messages and the last are kept, of all
//! calls the latest; the numbers tell where some are missing.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use trunkline_base::secret::Personal;

use crate::error::StoreError;
use crate::integer::{from_db, to_db};

/// One SIP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipMessage {
    /// The call it belongs to.
    pub call_id: String,
    /// Its place among all of the call, from one.
    pub seq: u64,
    /// Microseconds since the Unix epoch.
    pub at_us: u64,
    /// Did we send it?
    pub sent: bool,
    /// `udp`, `tcp` or `tls`.
    pub transport: String,
    /// Our end.
    pub local: String,
    /// Theirs.
    pub remote: String,
    /// All of it, but what is secret.
    pub bytes: Personal<Vec<u8>>,
}

/// The table of messages.
#[derive(Clone, Copy, Debug)]
pub struct SipMessages<'a> {
    pool: &'a SqlitePool,
}

impl<'a> SipMessages<'a> {
    pub(crate) const fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// Keeps messages of any calls at once, each call's in order. A call that has too many loses some
    /// from its middle; one whose numbers begin anew, in another process, goes on where it was.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be written; then none is.
    pub async fn keep(&self, messages: &[SipMessage]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for message in messages {
            let bytes = message.bytes.expose();
            sqlx::query(
                "INSERT INTO sip_messages
                    (call_id, seq, at, size, sent, transport, local, remote, bytes)
                 VALUES (?1, MAX(?2, (SELECT COALESCE(MAX(seq), 0) + 1 FROM sip_messages
                                      WHERE call_id = ?1)), ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )
            .bind(&message.call_id)
            .bind(to_db(message.seq))
            .bind(to_db(message.at_us))
            .bind(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            .bind(message.sent)
            .bind(&message.transport)
            .bind(&message.local)
            .bind(&message.remote)
            .bind(bytes)
            .execute(&mut *transaction)
            .await?;
        }
        let mut calls: Vec<&str> = messages.iter().map(|one| one.call_id.as_str()).collect();
        calls.sort_unstable();
        calls.dedup();
        for call in calls {
            let kept: Vec<(i64, i64)> =
                sqlx::query_as("SELECT seq, size FROM sip_messages WHERE call_id = ? ORDER BY seq")
                    .bind(call)
                    .fetch_all(&mut *transaction)
                    .await?;
            for seq in surplus(&kept, MOST, MOST_BYTES) {
                sqlx::query("DELETE FROM sip_messages WHERE call_id = ? AND seq = ?")
                    .bind(call)
                    .bind(seq)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The messages of a call, in their order.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn of_call(&self, call_id: &str) -> Result<Vec<SipMessage>, StoreError> {
        let rows = sqlx::query("SELECT * FROM sip_messages WHERE call_id = ? ORDER BY seq")
            .bind(call_id)
            .fetch_all(self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Forgets the oldest messages of all calls, down to so many bytes.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be removed.
    pub async fn trim(&self, most: u64) -> Result<u64, StoreError> {
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT MAX(at) FROM (
                SELECT at, SUM(size) OVER (ORDER BY at DESC ROWS UNBOUNDED PRECEDING) AS total
                FROM sip_messages) WHERE total > ?",
        )
        .bind(to_db(most))
        .fetch_one(self.pool)
        .await?;
        let Some(last) = last else { return Ok(0) };
        let mut gone = 0;
        loop {
            let done = sqlx::query(
                "DELETE FROM sip_messages WHERE rowid IN (
                    SELECT rowid FROM sip_messages WHERE at <= ? LIMIT 500)",
            )
            .bind(last)
            .execute(self.pool)
            .await?;
            gone += done.rows_affected();
            if done.rows_affected() < 500 {
                return Ok(gone);
            }
        }
    }
}

/// The messages of one call that go: what is left over between the first and the last, each of which
/// get half of the room.
fn surplus(kept: &[(i64, i64)], most: usize, most_bytes: i64) -> Vec<i64> {
    let total: i64 = kept.iter().map(|(_, size)| size).sum();
    if kept.len() <= most && total <= most_bytes {
        return Vec::new();
    }
    let fit = |sizes: &mut dyn Iterator<Item = i64>| {
        let mut room = most_bytes / 2;
        let fits = sizes.take(most / 2).take_while(|size| {
            room -= size;
            room >= 0
        });
        fits.count()
    };
    let first = fit(&mut kept.iter().map(|(_, size)| *size));
    let last = fit(&mut kept.iter().rev().map(|(_, size)| *size));
    let middle = kept.get(first..kept.len().saturating_sub(last));
    let middle = middle.unwrap_or_default().iter();
    middle.map(|(seq, _)| *seq).collect()
}

fn read(row: &SqliteRow) -> Result<SipMessage, StoreError> {
    Ok(SipMessage {
        call_id: row.try_get("call_id")?,
        seq: from_db(row.try_get("seq")?),
        at_us: from_db(row.try_get("at")?),
        sent: row.try_get("sent")?,
        transport: row.try_get("transport")?,
        local: row.try_get("local")?,
        remote: row.try_get("remote")?,
        bytes: Personal::new(row.try_get("bytes")?),
    })
}

/// Messages of one call: a call of many takes twenty, one with a session timer two an hour more.
const MOST: usize = 200;

/// Bytes of them.
const MOST_BYTES: i64 = 512 * 1024;

/// Bytes of all calls together: a quarter of a million messages.
pub(crate) const MOST_IN_ALL: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    fn message(call: &str, seq: u64, size: usize) -> SipMessage {
        SipMessage {
            call_id: call.to_owned(),
            seq,
            at_us: seq * 1_000_000,
            sent: seq.is_multiple_of(2),
            transport: "udp".to_owned(),
            local: "192.0.2.1:5060".to_owned(),
            remote: "198.51.100.7:5060".to_owned(),
            bytes: vec![b'x'; size].into(),
        }
    }

    async fn kept(store: &Store, call: &str) -> Vec<u64> {
        let all = store.sip_messages().of_call(call).await.unwrap();
        all.iter().map(|one| one.seq).collect()
    }

    #[tokio::test]
    async fn a_long_call_keeps_its_beginning_and_its_end() {
        let store = Store::open(":memory:").await.unwrap();
        for batch in 0..10 {
            let batch: Vec<SipMessage> = (1..=50)
                .map(|n| message("SCL_long", batch * 50 + n, 100))
                .collect();
            store.sip_messages().keep(&batch).await.unwrap();
        }
        let kept = kept(&store, "SCL_long").await;
        let expected: Vec<u64> = (1..=100).chain(401..=500).collect();
        assert_eq!(kept, expected);
    }

    #[tokio::test]
    async fn a_call_of_large_messages_keeps_fewer_of_them_and_leaves_others_alone() {
        let store = Store::open(":memory:").await.unwrap();
        store
            .sip_messages()
            .keep(&[message("SCL_b", 1, 10)])
            .await
            .unwrap();
        let large: Vec<SipMessage> = (1..=20).map(|n| message("SCL_a", n, 60_000)).collect();
        store.sip_messages().keep(&large).await.unwrap();
        assert_eq!(kept(&store, "SCL_a").await, [1, 2, 3, 4, 17, 18, 19, 20]);
        assert_eq!(kept(&store, "SCL_b").await, [1]);
    }

    #[tokio::test]
    async fn of_all_calls_the_latest_are_kept() {
        let store = Store::open(":memory:").await.unwrap();
        for n in 1..=10 {
            let one = message(&format!("SCL_{n}"), n, 1000);
            store.sip_messages().keep(&[one]).await.unwrap();
        }
        assert_eq!(store.sip_messages().trim(10_000).await.unwrap(), 0);
        assert_eq!(store.sip_messages().trim(3_500).await.unwrap(), 7);
        assert!(kept(&store, "SCL_7").await.is_empty());
        assert_eq!(kept(&store, "SCL_8").await, [8]);
    }
    #[tokio::test]
    async fn a_call_that_outlives_its_process_goes_on_in_its_numbers() {
        let store = Store::open(":memory:").await.unwrap();
        for seqs in [[1, 2, 4], [1, 2, 9]] {
            let part = seqs.map(|seq| message("SCL_1", seq, 10));
            store.sip_messages().keep(&part).await.unwrap();
        }
        assert_eq!(kept(&store, "SCL_1").await, [1, 2, 4, 5, 6, 9]);
    }
}
