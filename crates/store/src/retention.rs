//! Forgetting: what is personal goes when its time is over.

use serde::Serialize;
use sqlx::SqlitePool;
use trunkline_base::time::UnixTime;

use crate::Store;
use crate::error::StoreError;
use crate::integer::to_db;

/// What is older than this goes; what has no time stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Calls that ended before, with their turns.
    pub calls: Option<UnixTime>,
    /// Turns that began before.
    pub turns: Option<UnixTime>,
    /// Refusals of before.
    pub refusals: Option<UnixTime>,
    /// Processed events of before.
    pub events: Option<UnixTime>,
    /// SIP messages of before.
    pub sip: Option<UnixTime>,
}

/// How much went, or would go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    pub calls: u64,
    pub turns: u64,
    pub refusals: u64,
    pub events: u64,
    /// SIP messages.
    pub sip: u64,
}

impl Forgotten {
    /// Whether there was nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// One sort of record: which rows of which table are over. A call that is up stays, and an event
/// that waits.
struct Sort {
    table: &'static str,
    over: &'static str,
}

const CALLS: Sort = Sort {
    table: "calls",
    over: "ended_at < ?",
};
const TURNS: Sort = Sort {
    table: "turns",
    over: "started_at < ?",
};
/// A call's turns tell as much as the call.
const TURNS_OF_CALLS: Sort = Sort {
    table: "turns",
    over: "call_id IN (SELECT call_id FROM calls WHERE ended_at < ?)",
};
const REFUSALS: Sort = Sort {
    table: "refusals",
    over: "at < ?",
};
const EVENTS: Sort = Sort {
    table: "events",
    over: "received_at < ? AND state <> 'waiting'",
};

const SIP: Sort = Sort {
    table: "sip_messages",
    over: "at < ? * 1000",
};
/// They name who called.
const SIP_OF_CALLS: Sort = Sort {
    table: "sip_messages",
    over: "call_id IN (SELECT call_id FROM calls WHERE ended_at < ?)",
};

impl Sort {
    async fn count(&self, pool: &SqlitePool, before: UnixTime) -> Result<u64, StoreError> {
        let Self { table, over } = self;
        let query = format!("SELECT COUNT(*) FROM {table} WHERE {over}");
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .bind(to_db(before.0))
            .fetch_one(pool)
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// In bites, so that writers do not wait long.
    async fn forget(&self, pool: &SqlitePool, before: UnixTime) -> Result<u64, StoreError> {
        let Self { table, over } = self;
        let query = format!(
            "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {over} LIMIT {BITE})"
        );
        let mut forgotten = 0;
        loop {
            let done = sqlx::query(sqlx::AssertSqlSafe(query.clone()))
                .bind(to_db(before.0))
                .execute(pool)
                .await?;
            forgotten += done.rows_affected();
            if done.rows_affected() < BITE {
                return Ok(forgotten);
            }
        }
    }
}

impl Store {
    /// How much [`Store::forget`] would take.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn expired(&self, expiry: &Expiry) -> Result<Forgotten, StoreError> {
        let pool = &self.pool;
        let mut found = Forgotten::default();
        if let Some(before) = expiry.calls {
            found.calls = CALLS.count(pool, before).await?;
            found.turns = TURNS_OF_CALLS.count(pool, before).await?;
            found.sip = SIP_OF_CALLS.count(pool, before).await?;
        }
        if let Some(before) = expiry.sip {
            found.sip = found.sip.max(SIP.count(pool, before).await?);
        }
        if let Some(before) = expiry.turns {
            // Those of old calls are old themselves, so the greater number holds both.
            found.turns = found.turns.max(TURNS.count(pool, before).await?);
        }
        if let Some(before) = expiry.refusals {
            found.refusals = REFUSALS.count(pool, before).await?;
        }
        if let Some(before) = expiry.events {
            found.events = EVENTS.count(pool, before).await?;
        }
        Ok(found)
    }

    /// Forgets what is over. What is removed is overwritten in the file.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be removed; what went before is gone.
    pub async fn forget(&self, expiry: &Expiry) -> Result<Forgotten, StoreError> {
        let pool = &self.pool;
        let mut gone = Forgotten::default();
        if let Some(before) = expiry.turns {
            gone.turns = TURNS.forget(pool, before).await?;
        }
        if let Some(before) = expiry.sip {
            gone.sip = SIP.forget(pool, before).await?;
        }
        if let Some(before) = expiry.calls {
            gone.sip += SIP_OF_CALLS.forget(pool, before).await?;
            gone.turns += TURNS_OF_CALLS.forget(pool, before).await?;
            gone.calls = CALLS.forget(pool, before).await?;
        }
        if let Some(before) = expiry.refusals {
            gone.refusals = REFUSALS.forget(pool, before).await?;
        }
        if let Some(before) = expiry.events {
            gone.events = EVENTS.forget(pool, before).await?;
        }
        Ok(gone)
    }
}

/// Rows removed in one statement.
const BITE: u64 = 500;

#[cfg(test)]
mod tests {
    use trunkline_base::id::{CallId, RoomName, TurnId};

    use super::*;
    use crate::{Arrival, CallEnd, CallStart, Direction, Refusal, SipMessage, Turn, TurnLatency};

    const OLD: u64 = 1_000;
    const NEW: u64 = 9_000;
    const BETWEEN: UnixTime = UnixTime(5_000);

    async fn call(store: &Store, id: &str, at: u64, ended: Option<u64>) {
        let call_id = CallId::parse(id).unwrap();
        let start = CallStart {
            call_id: call_id.clone(),
            room: RoomName::parse("call-1").ok(),
            direction: Direction::Inbound,
            caller: "+15550100".into(),
            called: "+15550199".into(),
            trunk_id: "ST_a".into(),
            rule_id: "SDR_a".into(),
            at: UnixTime(at),
        };
        store.calls().start(&start).await.unwrap();
        if let Some(at) = ended {
            let end = CallEnd {
                at: UnixTime(at),
                reason: "caller_hung_up".into(),
                summary: serde_json::Value::Null,
                ..CallEnd::default()
            };
            store.calls().ended(&call_id, &end).await.unwrap();
        }
    }

    async fn turn(store: &Store, id: &str, call: &str, at: u64) {
        let turn = Turn {
            turn_id: TurnId::parse(id).unwrap(),
            room: RoomName::parse("call-1").unwrap(),
            call_id: Some(CallId::parse(call).unwrap()),
            at: UnixTime(at),
            heard: "the number of my card".into(),
            said: String::new().into(),
            interrupted: false,
            latency: TurnLatency::default(),
        };
        store.turns().put(&turn).await.unwrap();
    }

    /// One old and one new of everything, and an old call that is up.
    async fn filled(store: &Store) {
        call(store, "SCL_old", OLD, Some(OLD + 1)).await;
        call(store, "SCL_up", OLD, None).await;
        call(store, "SCL_new", NEW, Some(NEW + 1)).await;
        for (call, at) in [("SCL_old", OLD), ("SCL_up", OLD), ("SCL_new", NEW)] {
            let one = SipMessage {
                call_id: call.to_owned(),
                seq: 1,
                at_us: at * 1000,
                sent: true,
                transport: "udp".to_owned(),
                local: "192.0.2.1:5060".to_owned(),
                remote: "192.0.2.2:5060".to_owned(),
                bytes: b"BYE".to_vec().into(),
            };
            store.sip_messages().keep(&[one]).await.unwrap();
        }
        turn(store, "TN_old", "SCL_old", OLD).await;
        turn(store, "TN_long", "SCL_up", OLD).await;
        turn(store, "TN_new", "SCL_new", NEW).await;
        for (index, at) in [OLD, NEW].into_iter().enumerate() {
            let refusal = Refusal {
                at: UnixTime(at),
                source: "10.0.0.1".to_owned().into(),
                caller: "+15550100".to_owned().into(),
                called: "+15550199".to_owned().into(),
                sip_status: 403,
                reason: "no_trunk".into(),
                considered: serde_json::Value::Null,
                count: 1,
                last_at: UnixTime(at),
            };
            store.refusals().put(&refusal).await.unwrap();
            let id = format!("EV_{index}");
            let arrival = Arrival {
                event_id: &id,
                at: UnixTime(at),
                kind: "room_started",
                room: "call-1",
                body: "{}",
                received_at: UnixTime(at),
            };
            store.events().keep(&arrival).await.unwrap();
        }
    }

    const ALL: Expiry = Expiry {
        calls: Some(BETWEEN),
        turns: Some(BETWEEN),
        refusals: Some(BETWEEN),
        events: Some(BETWEEN),
        sip: Some(BETWEEN),
    };

    /// Personal data stayed for ever.
    #[tokio::test]
    async fn what_is_old_goes_and_what_is_up_or_waits_stays() {
        let store = Store::open(":memory:").await.unwrap();
        filled(&store).await;
        let expected = Forgotten {
            calls: 1,
            turns: 2,
            refusals: 1,
            events: 0,
            // That of the old call, and the old one of the call that is up.
            sip: 2,
        };
        assert_eq!(store.expired(&ALL).await.unwrap(), expected);
        assert_eq!(store.forget(&ALL).await.unwrap(), expected);
        assert!(store.forget(&ALL).await.unwrap().is_none());
        assert!(store.calls().get("SCL_old").await.unwrap().is_none());
        assert!(store.calls().get("SCL_up").await.unwrap().is_some());
        assert_eq!(store.turns().of_call("SCL_new").await.unwrap().len(), 1);
        assert_eq!(store.refusals().list(9).await.unwrap().len(), 1);
        // Once it is processed, the old event goes too.
        store.events().done(1).await.unwrap();
        assert_eq!(store.forget(&ALL).await.unwrap().events, 1);
    }

    #[tokio::test]
    async fn a_calls_words_go_with_it_and_what_has_no_time_stays() {
        let store = Store::open(":memory:").await.unwrap();
        filled(&store).await;
        let calls = Expiry {
            calls: Some(BETWEEN),
            ..Expiry::default()
        };
        assert!(store.forget(&Expiry::default()).await.unwrap().is_none());
        let gone = store.forget(&calls).await.unwrap();
        assert_eq!((gone.calls, gone.turns, gone.refusals), (1, 1, 0));
        assert_eq!(gone.sip, 1);
        assert_eq!(store.turns().of_call("SCL_up").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_forgotten_is_not_in_the_file_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let store = Store::open(&path.display().to_string()).await.unwrap();
        for number in 0..BITE + 7 {
            let call = format!("SCL_{number}");
            turn(&store, &format!("TN_{number}"), &call, OLD).await;
        }
        let gone = store.forget(&ALL).await.unwrap();
        assert_eq!(gone.turns, BITE + 7);
        store.close().await;
        let bytes = std::fs::read(&path).unwrap();
        let words = b"the number of my card";
        assert!(!bytes.windows(words.len()).any(|window| window == words));
    }
}
