use super::*;
use crate::testing::Filling;
use trunkline_base::class::{Class, Classified as _};
use trunkline_base::id::{CallId, EgressId, RoomName, TurnId};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;

fn start(call: &str, at: u64) -> CallStart {
    CallStart {
        call_id: CallId::parse(call).unwrap(),
        room: RoomName::parse("call-1").ok(),
        direction: Direction::Inbound,
        caller: "+15550100".into(),
        called: "+15550199".into(),
        trunk_id: "ST_a".into(),
        rule_id: "SDR_a".into(),
        at: UnixTime(at),
    }
}

fn turn(id: &str, at: u64, said: &str) -> Turn {
    Turn {
        turn_id: TurnId::parse(id).unwrap(),
        room: RoomName::parse("call-1").unwrap(),
        call_id: Some(CallId::parse("SCL_a").unwrap()),
        at: UnixTime(at),
        heard: "where is my parcel".into(),
        said: said.into(),
        interrupted: false,
        latency: TurnLatency {
            stt_ms: Some(120.5),
            ..TurnLatency::default()
        },
    }
}

#[tokio::test]
async fn a_call_is_told_from_ring_to_end() {
    let store = Store::open(":memory:").await.unwrap();
    let begun = start("SCL_a", 10);
    store.calls().start(&begun).await.unwrap();
    store
        .calls()
        .answered(&begun.call_id, UnixTime(20))
        .await
        .unwrap();
    let end = CallEnd {
        at: UnixTime(30),
        reason: "caller_hung_up".into(),
        sip_status: Some(200),
        summary: serde_json::json!({ "lost": 0 }),
        ..CallEnd::default()
    };
    store.calls().ended(&begun.call_id, &end).await.unwrap();
    let late = CallEnd {
        reason: "too late".into(),
        ..end
    };
    store.calls().ended(&begun.call_id, &late).await.unwrap();

    let call = store.calls().get("SCL_a").await.unwrap().unwrap();
    assert_eq!(call.answered_at, Some(UnixTime(20)));
    assert_eq!(call.end_reason.as_deref(), Some("caller_hung_up"));
    assert_eq!(call.sip_status, Some(200));
}

#[tokio::test]
async fn a_call_that_asks_for_a_pin_has_a_room_once_it_is_known_and_keeps_it() {
    let store = Store::open(":memory:").await.unwrap();
    let begun = CallStart {
        room: None,
        rule_id: String::new(),
        ..start("SCL_a", 10)
    };
    let (calls, id) = (store.calls(), &begun.call_id);
    calls.start(&begun).await.unwrap();
    let asked = calls.get("SCL_a").await.unwrap().unwrap();
    assert_eq!((asked.room.as_str(), asked.rule_id.as_str()), ("", ""));
    let room = |name: &str| RoomName::parse(name).unwrap();
    calls.placed(id, &room("vault"), "SDR_v").await.unwrap();
    calls.ended(id, &CallEnd::default()).await.unwrap();
    calls.placed(id, &room("late"), "SDR_l").await.unwrap();
    let over = calls.get("SCL_a").await.unwrap().unwrap();
    assert_eq!(
        (over.room.as_str(), over.rule_id.as_str()),
        ("vault", "SDR_v")
    );
}

#[tokio::test]
async fn turns_come_back_in_order_and_the_last_word_counts() {
    let store = Store::open(":memory:").await.unwrap();
    store
        .turns()
        .put(&turn("TN_2", 2, "one moment"))
        .await
        .unwrap();
    store.turns().put(&turn("TN_1", 1, "hello")).await.unwrap();
    store.turns().put(&turn("TN_2", 2, "one mo")).await.unwrap();
    let turns = store.turns().of_call("SCL_a").await.unwrap();
    let said: Vec<&str> = turns.iter().map(|t| t.said.expose().as_str()).collect();
    assert_eq!(said, ["hello", "one mo"]);
    assert_eq!(turns[0].latency.stt_ms, Some(120.5));
}

#[tokio::test]
async fn an_event_is_kept_once() {
    let store = Store::open(":memory:").await.unwrap();
    let event = Event {
        event_id: "EV_a".into(),
        at: UnixTime(1),
        kind: "room_started".into(),
        room: "call-1".into(),
        body: serde_json::json!({ "event": "room_started" }),
    };
    assert!(store.events().put(&event).await.unwrap());
    assert!(!store.events().put(&event).await.unwrap());
    assert_eq!(store.events().of_room("call-1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn refusals_say_why() {
    let store = Store::open(":memory:").await.unwrap();
    let refusal = Refusal {
        at: UnixTime(1),
        source: Personal::new("127.0.0.1:5099".into()),
        caller: "+1".into(),
        called: "+2".into(),
        sip_status: 404,
        reason: "no_trunk".into(),
        considered: serde_json::json!([{ "trunk": "ST_a", "failed": "number" }]),
        count: 1,
        last_at: UnixTime(1),
    };
    store.refusals().put(&refusal).await.unwrap();
    let folded = Refusal {
        count: 840,
        last_at: UnixTime(9),
        ..refusal.clone()
    };
    store.refusals().again(&folded).await.unwrap();
    let listed = store.refusals().list(10).await.unwrap();
    assert_eq!(listed[0].reason, "no_trunk");
    assert_eq!(
        (listed.len(), listed[0].count, listed[0].last_at.0),
        (1, 840, 9)
    );
    assert!(!format!("{listed:?}").contains("5099"));
}

#[tokio::test]
async fn recordings_left_open_are_found_again() {
    let store = Store::open(":memory:").await.unwrap();
    let begun = RecordingStart {
        egress_id: EgressId::parse("EG_a").unwrap(),
        room: RoomName::parse("call-1").unwrap(),
        path: "call-1.ogg".into(),
        channels: 2,
        at: UnixTime(1),
    };
    store.recordings().start(&begun).await.unwrap();
    assert_eq!(store.recordings().open().await.unwrap().len(), 1);
    let end = RecordingEnd {
        at: UnixTime(9),
        duration_ms: 8,
        bytes: 100,
        outcome: "recovered".into(),
    };
    store.recordings().end("EG_a", &end).await.unwrap();
    assert!(store.recordings().open().await.unwrap().is_empty());
    assert_eq!(
        store.recordings().of_room("call-1").await.unwrap()[0].duration_ms,
        Some(8)
    );
}

#[tokio::test]
async fn an_unpaid_delivery_stays_owed() {
    let store = Store::open(":memory:").await.unwrap();
    let outbox = store.outbox();
    let first = outbox
        .push("room", "http://a", b"1", UnixTime(1))
        .await
        .unwrap();
    outbox
        .push("room", "http://a", b"2", UnixTime(2))
        .await
        .unwrap();
    outbox.retry(first, UnixTime(50)).await.unwrap();
    assert_eq!(outbox.due(UnixTime(10), 10).await.unwrap().len(), 1);
    let due = outbox.due(UnixTime(60), 10).await.unwrap();
    assert_eq!((due.len(), due[0].attempts), (2, 1));
    outbox.done(first).await.unwrap();
    assert_eq!(outbox.due(UnixTime(60), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_written_is_there_after_a_reopen_without_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    store.calls().start(&start("SCL_a", 1)).await.unwrap();
    std::mem::forget(store);
    let again = Store::open(&path).await.unwrap();
    assert_eq!(again.calls().close_orphans(UnixTime(5)).await.unwrap(), 1);
    let call = again.calls().get("SCL_a").await.unwrap().unwrap();
    assert_eq!(call.end_reason.as_deref(), Some("process_ended"));
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let error = Store::open("/nonexistent/dir/t.db").await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/dir/t.db"));
    assert_eq!(error.class(), Class::Invalid);
}

/// A daemon that starts and a look at its calls may open a new file together. This once failed with
/// "database is locked".
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_opened_by_many_at_once_is_opened_by_all() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trunkline.db").display().to_string();
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let path = path.clone();
            opening.spawn(async move { Store::open(&path).await.map(|_| ()) });
        }
        for opened in opening.join_all().await {
            opened.unwrap();
        }
    }
}

fn arrival<'a>(id: &'a str, room: &'a str, at: u64) -> Arrival<'a> {
    Arrival {
        event_id: id,
        at: UnixTime(at),
        kind: "participant_joined",
        room,
        body: "{ \"later\": 12345678901234567890123 }",
        received_at: UnixTime(at),
    }
}

async fn waiting(store: &Store, now: u64) -> Vec<i64> {
    let waiting = store.events().waiting(UnixTime(now), 10).await.unwrap();
    waiting.iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn a_room_waits_for_its_first_event_and_others_do_not() {
    let store = Store::open(":memory:").await.unwrap();
    let events = store.events();
    for (id, room) in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")] {
        assert!(events.keep(&arrival(id, room, 5)).await.unwrap());
    }
    assert!(!events.keep(&arrival("a1", "a", 9)).await.unwrap());
    assert_eq!(waiting(&store, 10).await, [1, 2, 3, 4]);
    events.retry(1, UnixTime(50)).await.unwrap();
    assert_eq!(waiting(&store, 10).await, [2, 4]);
    assert_eq!(events.next_due().await.unwrap(), Some(UnixTime(50)));
    assert_eq!(waiting(&store, 50).await, [1, 2, 3, 4]);
    events.park(1, "broken").await.unwrap();
    events.done(2).await.unwrap();
    assert_eq!(waiting(&store, 50).await, [3, 4]);
    assert_eq!(events.count(EventState::Waiting).await.unwrap(), 2);
    assert!(
        events
            .came_after(1, "a", "participant_joined")
            .await
            .unwrap()
    );
    assert!(
        !events
            .came_after(3, "a", "participant_joined")
            .await
            .unwrap()
    );

    let parked = EventFilter {
        parked: true,
        ..EventFilter::default()
    };
    let page = events.page(&parked, 10).await.unwrap();
    assert_eq!(page[0].reason.as_deref(), Some("broken"));
    assert_eq!((page.len(), page[0].attempts), (1, 2));
    assert!(events.release("a1").await.unwrap());
    assert!(!events.release("a1").await.unwrap());
    assert_eq!(waiting(&store, 50).await, [1, 3, 4]);
}

#[tokio::test]
async fn a_page_is_of_one_room_and_goes_on_after_a_place() {
    let store = Store::open(":memory:").await.unwrap();
    for id in ["a", "b", "c"] {
        store.events().keep(&arrival(id, "r", 1)).await.unwrap();
    }
    store
        .events()
        .keep(&arrival("d", "other", 1))
        .await
        .unwrap();
    let filter = EventFilter {
        room: Some("r".into()),
        after: 1,
        ..EventFilter::default()
    };
    let page = store.events().page(&filter, 1).await.unwrap();
    assert_eq!((page.len(), page[0].seq), (1, 2));
    let all = store.events().page(&filter, 10).await.unwrap();
    assert_eq!(all.len(), 2);
}

fn sighting(end: Option<&str>) -> Sighting {
    Sighting {
        start: start("SCL_far", 100),
        answered_at: None,
        end: end.map(|reason| CallEnd {
            at: UnixTime(200),
            reason: reason.into(),
            sip_status: None,
            summary: serde_json::Value::Null,
            ..CallEnd::default()
        }),
    }
}

#[tokio::test]
async fn a_call_of_another_gateway_is_told_by_events_in_any_order() {
    let store = Store::open(":memory:").await.unwrap();
    let calls = store.calls();
    calls.sighted(&sighting(Some("hung_up"))).await.unwrap();
    let late = Sighting {
        answered_at: Some(UnixTime(120)),
        ..sighting(None)
    };
    calls.sighted(&late).await.unwrap();
    calls.sighted(&sighting(Some("twice"))).await.unwrap();
    let call = calls.get("SCL_far").await.unwrap().unwrap();
    assert_eq!(call.source, CallSource::Webhooks);
    assert_eq!(call.end_reason.as_deref(), Some("hung_up"));
    assert_eq!(call.answered_at, Some(UnixTime(120)));
    assert_eq!(calls.list(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn our_gateways_word_beats_the_events() {
    let store = Store::open(":memory:").await.unwrap();
    let calls = store.calls();
    // The events were faster than the gateway's own row.
    calls.sighted(&sighting(Some("hung_up"))).await.unwrap();
    calls.start(&start("SCL_far", 99)).await.unwrap();
    let call = calls.get("SCL_far").await.unwrap().unwrap();
    assert_eq!((call.source, call.ended_at), (CallSource::Gateway, None));
    calls.sighted(&sighting(Some("hung_up"))).await.unwrap();
    let room = RoomName::parse("call-1").unwrap();
    assert_eq!(calls.room_over(&room, UnixTime(300)).await.unwrap(), 0);
    let call = calls.get("SCL_far").await.unwrap().unwrap();
    assert_eq!((call.started_at, call.ended_at), (UnixTime(99), None));
}

#[tokio::test]
async fn a_room_that_is_over_ends_its_calls_but_not_those_of_its_next_life() {
    let store = Store::open(":memory:").await.unwrap();
    let calls = store.calls();
    calls.sighted(&sighting(None)).await.unwrap();
    let next = Sighting {
        start: start("SCL_next", 500),
        ..sighting(None)
    };
    calls.sighted(&next).await.unwrap();
    let room = RoomName::parse("call-1").unwrap();
    assert_eq!(calls.room_over(&room, UnixTime(300)).await.unwrap(), 1);
    let next = calls.get("SCL_next").await.unwrap().unwrap();
    assert_eq!(next.ended_at, None);
    // A restart of ours ends no call of another gateway.
    assert_eq!(calls.close_orphans(UnixTime(600)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_store_at_its_limit_says_that_it_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db").display().to_string();
    let store = Store::open_within(&path, Some(512 * 1024)).await.unwrap();
    let body = format!("\"{}\"", "x".repeat(64 * 1024));
    let mut last = Ok(true);
    for n in 0..16 {
        let id = format!("EV_{n}");
        let event = Arrival {
            body: &body,
            ..arrival(&id, "r", 1)
        };
        last = store.events().keep(&event).await;
    }
    let error = last.unwrap_err();
    assert_eq!(
        (error.code(), error.class()),
        ("store.disk_full", Class::Unavailable)
    );
    let _full = Filling::of(&store).await;
    // What is full can still be read, and did look well.
    assert_eq!(store.probe().await.unwrap_err().code(), "store.disk_full");
    assert!(store.events().count(EventState::Waiting).await.unwrap() > 0);
}

#[tokio::test]
async fn a_store_that_may_not_be_written_says_so_and_a_try_leaves_nothing() {
    let store = Store::open(":memory:").await.unwrap();
    store.probe().await.unwrap();
    assert!(store.documents().list("probe").await.unwrap().is_empty());
    sqlx::query("PRAGMA query_only = ON")
        .execute(&store.pool)
        .await
        .unwrap();
    assert!(store.probe().await.unwrap_err().is_passing());
}

#[tokio::test]
async fn why_an_agent_ended_a_call_outlives_the_end_of_the_room() {
    let store = Store::open(":memory:").await.unwrap();
    let calls = store.calls();
    let end = |reason: &str| CallEnd {
        at: UnixTime(200),
        reason: reason.to_owned(),
        sip_status: None,
        summary: serde_json::json!({}),
        ..CallEnd::default()
    };
    for (id, seen, late, expected) in [
        ("SCL_1", "room_ended", false, "no_progress"),
        ("SCL_2", "room_ended", true, "no_progress"),
        ("SCL_3", "caller_hung_up", false, "caller_hung_up"),
        ("SCL_4", "caller_hung_up", true, "caller_hung_up"),
    ] {
        let call_id = start(id, 100).call_id;
        calls.start(&start(id, 100)).await.unwrap();
        if late {
            calls.ended(&call_id, &end(seen)).await.unwrap();
        }
        calls.ending(&call_id, "no_progress").await.unwrap();
        calls.ended(&call_id, &end(seen)).await.unwrap();
        let call = calls.get(id).await.unwrap().unwrap();
        assert_eq!(call.end_reason.as_deref(), Some(expected), "{id}");
        let by = (expected == "no_progress").then_some(EndedBy::Agent);
        assert_eq!(call.ended_by, by, "{id}");
        assert!(call.ended_at.is_some(), "{id}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_and_what_stands_beside_it_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    store.calls().start(&start("SCL_a", 10)).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert!(files.len() > 1, "{files:?}");
    for file in files {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    store.close().await;
}
