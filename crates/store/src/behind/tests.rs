use sqlx::{Connection as _, SqliteConnection};
use trunkline_base::id::{RoomName, TurnId};

use super::*;
use crate::{Direction, Store, TurnLatency, open};

fn start(call: &str) -> CallStart {
    CallStart {
        call_id: CallId::parse(call).unwrap(),
        room: RoomName::parse("call-1").ok(),
        direction: Direction::Inbound,
        caller: "+15550100".into(),
        called: "+15550199".into(),
        trunk_id: "ST_a".into(),
        rule_id: "SDR_a".into(),
        at: UnixTime(1),
    }
}

fn end() -> CallEnd {
    CallEnd {
        at: UnixTime(30),
        reason: "caller_hung_up".into(),
        sip_status: Some(200),
        summary: serde_json::json!({}),
        ..CallEnd::default()
    }
}

fn turn(id: &str) -> Turn {
    Turn {
        turn_id: TurnId::parse(id).unwrap(),
        room: RoomName::parse("call-1").unwrap(),
        call_id: Some(CallId::parse("SCL_1").unwrap()),
        at: UnixTime(1),
        heard: "hello".into(),
        said: "Good day.".into(),
        interrupted: false,
        latency: TurnLatency::default(),
    }
}

/// Another process that holds the file, as a slow disk does.
async fn holder(path: &str) -> SqliteConnection {
    let mut holder = SqliteConnection::connect(&format!("sqlite://{path}"))
        .await
        .unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut holder)
        .await
        .unwrap();
    holder
}

fn file() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db").display().to_string();
    (dir, path)
}

/// 134 of 240 calls were refused while the store waited 7.7 seconds for its disk.
#[tokio::test]
async fn a_call_is_kept_without_waiting_while_the_file_is_held() {
    let (_dir, path) = file();
    let store = Store::open(&path).await.unwrap();
    let mut holder = holder(&path).await;
    let begun = Instant::now();
    store.later(Row::CallStarted(start("SCL_1")));
    store.later(Row::Turn(turn("TN_1")));
    store.later(Row::Turn(Turn {
        said: "Good day. How".into(),
        ..turn("TN_1")
    }));
    store.later(Row::CallEnded(CallId::parse("SCL_1").unwrap(), end()));
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "somebody waited for the disk"
    );
    assert!(!store.written(Duration::from_millis(50)).await);
    assert_eq!(store.backlog().borrow().waiting, 4);
    sqlx::query("COMMIT").execute(&mut holder).await.unwrap();
    assert!(store.written(Duration::from_secs(30)).await);
    let call = store.calls().get("SCL_1").await.unwrap().unwrap();
    assert!(call.ended_at.is_some());
    let turns = store.turns().of_call("SCL_1").await.unwrap();
    assert_eq!(turns[0].said.expose(), "Good day. How");
    assert_eq!(*store.backlog().borrow(), Backlog::default());
}

#[tokio::test]
async fn what_does_not_fit_or_takes_too_long_is_counted_by_what_it_was() {
    let (_dir, path) = file();
    let options = open::options(&path, None)
        .unwrap()
        .busy_timeout(Duration::ZERO);
    let pool = open::file(&path, options).await.unwrap();
    let mut holder = holder(&path).await;
    let behind = Behind::bounded(pool, 2, Duration::from_millis(10));
    for id in ["TN_1", "TN_2", "TN_3"] {
        behind.later(Row::Turn(turn(id)));
    }
    behind.later(Row::CallStarted(start("SCL_1")));
    assert!(behind.written(Duration::from_secs(30)).await);
    let backlog = behind.backlog().borrow().clone();
    assert_eq!(backlog.waiting, 0);
    assert_eq!(backlog.lost.values().sum::<u64>(), 4, "{backlog:?}");
    assert_eq!(backlog.lost["turn"], 3);
    sqlx::query("COMMIT").execute(&mut holder).await.unwrap();
}

/// A row that the store refuses for what it is must not hold up the others.
#[tokio::test]
async fn a_row_that_is_refused_is_lost_at_once_and_the_next_is_written() {
    let store = Store::open(":memory:").await.unwrap();
    let recording = RecordingStart {
        egress_id: EgressId::parse("EG_1").unwrap(),
        room: RoomName::parse("call-1").unwrap(),
        path: "a.ogg".to_owned(),
        channels: 2,
        at: UnixTime(1),
    };
    store.later(Row::RecordingStarted(recording.clone()));
    store.later(Row::RecordingStarted(recording));
    store.later(Row::Turn(turn("TN_1")));
    assert!(store.written(Duration::from_secs(10)).await);
    assert_eq!(store.backlog().borrow().lost["recording_start"], 1);
    assert_eq!(store.turns().of_call("SCL_1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_waits_is_in_the_file_when_the_store_closes() {
    let (_dir, path) = file();
    let store = Store::open(&path).await.unwrap();
    for number in 0..200 {
        store.later(Row::Turn(turn(&format!("TN_{number}"))));
    }
    assert_eq!(store.close().await, 0);
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.turns().of_call("SCL_1").await.unwrap().len(), 200);
}
