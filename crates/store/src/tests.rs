use super::*;
use trunkline_base::id::{CallId, EgressId, RoomName, TurnId};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;

fn start(call: &str, at: u64) -> CallStart {
    CallStart {
        call_id: CallId::parse(call).unwrap(),
        room: RoomName::parse("call-1").unwrap(),
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
    };
    store.refusals().put(&refusal).await.unwrap();
    let listed = store.refusals().list(10).await.unwrap();
    assert_eq!(listed[0].reason, "no_trunk");
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
