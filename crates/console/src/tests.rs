use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use livekit_protocol as proto;
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use trunkline_base::id::{CallId, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, sign};
use trunkline_store::{CallStart, Direction};

use super::*;

struct World {
    url: String,
    store: Store,
    tasks: Tasks,
    parts: watch::Sender<Vec<Part>>,
}

fn key() -> ApiKey {
    ApiKey::new("APItest", "a secret that is long enough for a test")
}

async fn world() -> World {
    let store = Store::open(":memory:").await.unwrap();
    let tasks = Tasks::new();
    let (parts, readiness) = watch::channel(vec![Part {
        name: "node",
        ready: true,
        detail: "listens".into(),
    }]);
    let config = ConsoleConfig {
        bind: "127.0.0.1:0".parse().unwrap(),
        keys: KeyRing::from(key()),
    };
    let handle = start(config, store.clone(), readiness, &tasks)
        .await
        .unwrap();
    World {
        url: format!("http://{}", handle.addr()),
        store,
        tasks,
        parts,
    }
}

fn webhook(event: &str, key: &ApiKey) -> (Vec<u8>, String) {
    let body = serde_json::to_vec(&proto::WebhookEvent {
        id: "EV_1".into(),
        event: event.into(),
        created_at: 1_800_000_000,
        room: Some(proto::Room {
            name: "call-1".into(),
            ..Default::default()
        }),
        ..Default::default()
    })
    .unwrap();
    let now = UnixTime::from_system(SystemTime::now());
    let sha256 = STANDARD.encode(Sha256::digest(&body));
    let token = sign(
        &Claims {
            sha256,
            ..Claims::new("", now, 300)
        },
        key,
    )
    .unwrap();
    (body, token)
}

async fn post(world: &World, body: Vec<u8>, token: &str) -> StatusCode {
    let request = reqwest::Client::new()
        .post(format!("{}/webhooks/livekit", world.url))
        .header("authorization", token)
        .body(body);
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn a_signed_event_is_stored_once_and_a_repeat_is_welcome() {
    let world = world().await;
    let (body, token) = webhook("room_started", &key());
    assert_eq!(post(&world, body.clone(), &token).await, StatusCode::OK);
    assert_eq!(post(&world, body, &token).await, StatusCode::OK);
    let events = world.store.events().of_room("call-1").await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, "room_started");
}

#[tokio::test]
async fn a_forged_or_altered_event_is_refused_and_not_kept() {
    let world = world().await;
    let (body, token) = webhook("room_started", &ApiKey::new("APItest", "wrong"));
    assert_eq!(post(&world, body, &token).await, StatusCode::UNAUTHORIZED);
    let (mut body, token) = webhook("room_started", &key());
    body.push(b' ');
    assert_eq!(post(&world, body, &token).await, StatusCode::UNAUTHORIZED);
    assert!(
        world
            .store
            .events()
            .of_room("call-1")
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn readiness_follows_the_parts_and_the_drain() {
    let world = world().await;
    let ready = || async {
        reqwest::get(format!("{}/readyz", world.url))
            .await
            .unwrap()
            .status()
    };
    assert_eq!(ready().await, StatusCode::OK);
    world.parts.send_modify(|parts| parts[0].ready = false);
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    world.parts.send_modify(|parts| parts[0].ready = true);
    world.tasks.begin_drain("test");
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn calls_are_listed_and_shown() {
    let world = world().await;
    let start = CallStart {
        call_id: CallId::parse("SCL_a").unwrap(),
        room: RoomName::parse("call-1").unwrap(),
        direction: Direction::Inbound,
        caller: "+15550100".into(),
        called: "+15550199".into(),
        trunk_id: "ST_a".into(),
        rule_id: "SDR_a".into(),
        at: UnixTime(1),
    };
    world.store.calls().start(&start).await.unwrap();
    let read = |path: &str| {
        let url = format!("{}{path}", world.url);
        async move { reqwest::get(url).await.unwrap() }
    };
    let list: serde_json::Value = read("/api/calls").await.json().await.unwrap();
    assert_eq!(list["calls"][0]["call_id"], "SCL_a");
    let one: serde_json::Value = read("/api/calls/SCL_a").await.json().await.unwrap();
    assert_eq!(one["call"]["caller"], "+15550100");
    assert_eq!(
        read("/api/calls/SCL_b").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let world = world().await;
    let bind = world.url.trim_start_matches("http://").parse().unwrap();
    let (_, readiness) = watch::channel(Vec::new());
    let config = ConsoleConfig {
        bind,
        keys: KeyRing::from(key()),
    };
    let error = start(config, world.store.clone(), readiness, &world.tasks)
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&bind.to_string()));
}
