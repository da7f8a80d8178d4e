use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::time::timeout;
use trunkline_base::token::{ApiKey, Claims, sign};
use trunkline_service::tasks::Limits;
use trunkline_store::testing::small_store;
use trunkline_store::{Arrival, EventFilter, EventState};

use super::*;
use crate::clock::now;
use crate::tests::{World, key};

const TYPE: &str = "application/webhook+json";

/// Waits are as short as they can be; the clock is the real one.
fn quick() -> EventsConfig {
    EventsConfig {
        patience: Patience {
            tries: 4,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(4),
            limit: Duration::from_millis(200),
        },
        ..EventsConfig::default()
    }
}

async fn world() -> World {
    World::new(Store::open(":memory:").await.unwrap(), quick()).await
}

fn event(id: &str, room: &str) -> String {
    event_at(now().secs(), id, room)
}

fn event_at(at: u64, id: &str, room: &str) -> String {
    format!(
        r#"{{"event":"room_started","id":"{id}","createdAt":"{at}","room":{{"name":"{room}"}}}}"#
    )
}

fn signed(body: &str, key: &ApiKey) -> String {
    let claims = Claims {
        sha256: STANDARD.encode(Sha256::digest(body)),
        ..Claims::new("", now(), 300)
    };
    sign(&claims, key).unwrap()
}

async fn send(world: &World, kind: &str, token: &str, body: String) -> (StatusCode, String) {
    let request = reqwest::Client::new()
        .post(format!("{}/webhooks/livekit", world.url))
        .header("content-type", kind)
        .header("authorization", token)
        .body(body);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn post(world: &World, body: &str) -> StatusCode {
    let token = signed(body, &key());
    send(world, TYPE, &token, body.to_owned()).await.0
}

async fn kept(world: &World) -> usize {
    let all = EventFilter::default();
    world.store.events().page(&all, 1000).await.unwrap().len()
}

/// A consumer that fails as scripted, and tells of every event that it took.
struct Script {
    failures: Mutex<BTreeMap<String, (u32, ConsumerError)>>,
    taken: mpsc::Sender<String>,
}

const PASSING: ConsumerError = ConsumerError {
    code: "test.away",
    passing: true,
};
const BROKEN: ConsumerError = ConsumerError {
    code: "test.broken",
    passing: false,
};

impl Script {
    fn new<const N: usize>(
        failures: [(&str, u32, ConsumerError); N],
    ) -> (Arc<Self>, mpsc::Receiver<String>) {
        let (taken, told) = mpsc::channel(1000);
        let failures = failures.map(|(id, times, error)| (id.to_owned(), (times, error)));
        let failures = Mutex::new(failures.into());
        (Arc::new(Self { failures, taken }), told)
    }
}

#[async_trait]
impl Consumer for Script {
    async fn apply(&self, received: &Received) -> Result<(), ConsumerError> {
        let id = received.event.id();
        if let Some((left, error)) = self.failures.lock().unwrap().get_mut(id)
            && *left > 0
        {
            *left -= 1;
            return Err(*error);
        }
        match id {
            "EV_panic" => panic!("as the test wants"),
            "EV_hang" => std::future::pending().await,
            _ => {}
        }
        self.taken.try_send(id.to_owned()).unwrap();
        Ok(())
    }
}

async fn next(told: &mut mpsc::Receiver<String>) -> String {
    let wait = timeout(Duration::from_secs(20), told.recv());
    wait.await.expect("nothing was processed").unwrap()
}

#[tokio::test]
async fn an_event_is_stored_and_processed_once_however_often_it_comes() {
    let world = world().await;
    let (script, mut told) = Script::new([]);
    world.handle.process(vec![script], &world.tasks);
    let body = event("EV_1", "call-1");
    let posts = (0..20).map(|_| post(&world, &body));
    assert!(
        join_all(posts)
            .await
            .iter()
            .all(|status| *status == StatusCode::OK)
    );
    assert_eq!(post(&world, &event("EV_2", "call-1")).await, StatusCode::OK);
    assert_eq!(
        (
            next(&mut told).await.as_str(),
            next(&mut told).await.as_str()
        ),
        ("EV_1", "EV_2")
    );
    assert!(told.try_recv().is_err());
    assert_eq!(kept(&world).await, 2);
}

#[tokio::test]
async fn what_is_not_livekits_is_refused_with_the_status_that_says_why() {
    let world = world().await;
    let body = event("EV_1", "call-1");
    let good = signed(&body, &key());
    let forged = signed(&body, &ApiKey::new("APItest", "a guess"));
    let foreign = signed(&body, &ApiKey::new("APIother", "a guess"));
    let old = event_at(now().secs() - 3600, "EV_1", "call-1");
    let large = format!(r#"{{"event":"x","pad":"{}"}}"#, "x".repeat(1024 * 1024));
    let cases = [
        (TYPE, forged, body.clone(), 401),
        (TYPE, foreign, body.clone(), 401),
        (TYPE, String::new(), body.clone(), 401),
        (TYPE, good.clone(), format!("{body} "), 401),
        (TYPE, signed(&old, &key()), old, 401),
        ("text/plain", good.clone(), body.clone(), 415),
        (TYPE, signed(&large, &key()), large, 413),
        (TYPE, signed("[]", &key()), "[]".to_owned(), 400),
    ];
    for (kind, token, body, status) in cases {
        let (got, text) = send(&world, kind, &token, body).await;
        assert_eq!(got.as_u16(), status, "{text}");
        assert!(text.starts_with("webhook ") && (token.is_empty() || !text.contains(&token)));
    }
    assert_eq!(kept(&world).await, 0);
    let (status, _) = send(&world, TYPE, &format!("Bearer {good}"), body).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_stored_before_the_process_ended_is_processed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.db").display().to_string();
    // This one stores and never processes, as if it were killed in between.
    let first = World::new(Store::open(&path).await.unwrap(), quick()).await;
    for n in 0..30 {
        let body = event(&format!("EV_{n:02}"), &format!("call-{}", n % 3));
        assert_eq!(post(&first, &body).await, StatusCode::OK);
    }
    std::mem::forget(first);

    let second = World::new(Store::open(&path).await.unwrap(), quick()).await;
    let (script, mut told) = Script::new([]);
    second.handle.process(vec![script], &second.tasks);
    let mut rooms: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for _ in 0..30 {
        let n = next(&mut told).await.get(3..).unwrap().parse().unwrap();
        rooms.entry(n % 3).or_default().push(n);
    }
    for (room, order) in rooms {
        let wanted: Vec<u32> = (0..10).map(|n| n * 3 + room).collect();
        assert_eq!(order, wanted, "room {room}");
    }
    // A repeat of the sender, which saw no answer of the first process, changes nothing.
    assert_eq!(
        post(&second, &event("EV_00", "call-0")).await,
        StatusCode::OK
    );
    assert_eq!(kept(&second).await, 30);
}

#[tokio::test]
async fn a_room_keeps_its_order_while_its_event_is_retried_and_others_go_on() {
    let world = world().await;
    let (script, mut told) = Script::new([("EV_a1", 3, PASSING)]);
    for (id, room) in [("EV_a1", "a"), ("EV_a2", "a"), ("EV_b1", "b")] {
        post(&world, &event(id, room)).await;
    }
    world.handle.process(vec![script], &world.tasks);
    let order = [
        next(&mut told).await,
        next(&mut told).await,
        next(&mut told).await,
    ];
    assert_eq!(order, ["EV_b1", "EV_a1", "EV_a2"]);
}

#[tokio::test]
async fn an_event_that_no_try_helps_is_parked_with_its_reason_and_can_be_released() {
    let world = world().await;
    let (script, mut told) = Script::new([("EV_1", 4, PASSING), ("EV_2", 1, BROKEN)]);
    for id in ["EV_1", "EV_2", "EV_panic", "EV_hang", "EV_5"] {
        post(&world, &event(id, "a")).await;
    }
    world.handle.process(vec![script], &world.tasks);
    assert_eq!(next(&mut told).await, "EV_5", "the room goes on");
    let get = async |path: &str| -> Value {
        let answer = reqwest::get(format!("{}{path}", world.url)).await.unwrap();
        answer.json().await.unwrap()
    };
    let page = get("/api/events?room=a&parked=true&limit=3").await;
    let rest = get(&format!("/api/events?parked=true&after={}", page["next"])).await;
    let of = |page: &Value| -> Vec<(String, u64)> {
        let events = page["events"].as_array().unwrap().iter();
        events
            .map(|event| {
                (
                    event["reason"].as_str().unwrap().to_owned(),
                    event["attempts"].as_u64().unwrap(),
                )
            })
            .collect()
    };
    let wanted = [
        ("test.away", 4),
        ("test.broken", 1),
        ("console.events.panicked", 4),
    ];
    assert_eq!(
        of(&page),
        wanted.map(|(code, tries)| (code.to_owned(), tries))
    );
    assert_eq!(of(&rest), [("console.events.too_slow".to_owned(), 4)]);
    assert!(rest["next"].is_null());

    let again = async |id: &str| {
        let url = format!("{}/api/events/{id}/retry", world.url);
        reqwest::Client::new()
            .post(url)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(again("EV_2").await, StatusCode::OK);
    assert_eq!(next(&mut told).await, "EV_2");
    assert_eq!(again("EV_none").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_row_that_is_no_event_is_parked() {
    let world = world().await;
    let arrival = Arrival {
        event_id: "EV_odd",
        at: now(),
        kind: "odd",
        room: "a",
        body: "{}",
        received_at: now(),
    };
    world.store.events().keep(&arrival).await.unwrap();
    post(&world, &event("EV_1", "a")).await;
    let (script, mut told) = Script::new([]);
    world.handle.process(vec![script], &world.tasks);
    assert_eq!(next(&mut told).await, "EV_1");
    let parked = world
        .store
        .events()
        .count(EventState::Parked)
        .await
        .unwrap();
    assert_eq!(parked, 1);
}

#[tokio::test]
async fn a_store_without_room_asks_the_sender_to_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = small_store(dir.path()).await.unwrap();
    let world = World::new(store, quick()).await;
    let large = |n: u32| {
        let pad = "x".repeat(256 * 1024);
        event(&format!("EV_{n}"), "a").replacen('{', &format!(r#"{{"pad":"{pad}","#), 1)
    };
    let mut statuses = Vec::new();
    for n in 0..6 {
        statuses.push(post(&world, &large(n)).await);
    }
    assert_eq!(statuses.first(), Some(&StatusCode::OK));
    assert_eq!(statuses.last(), Some(&StatusCode::SERVICE_UNAVAILABLE));
    let refused = statuses
        .iter()
        .filter(|status| !status.is_success())
        .count();
    assert_eq!(
        kept(&world).await,
        statuses.len() - refused,
        "200 means stored"
    );
}

#[tokio::test]
async fn a_backlog_at_its_limit_asks_the_sender_to_come_again() {
    let config = EventsConfig {
        most_waiting: 2,
        ..quick()
    };
    let world = World::new(Store::open(":memory:").await.unwrap(), config).await;
    for id in ["EV_1", "EV_2"] {
        assert_eq!(post(&world, &event(id, "a")).await, StatusCode::OK);
    }
    let third = event("EV_3", "a");
    assert_eq!(post(&world, &third).await, StatusCode::SERVICE_UNAVAILABLE);
    let (script, mut told) = Script::new([]);
    world.handle.process(vec![script], &world.tasks);
    for _ in 0..2 {
        next(&mut told).await;
    }
    // There is room as soon as the round that took them is over, which the drain waits for.
    while post(&world, &third).await != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    assert_eq!(next(&mut told).await, "EV_3");
}

#[tokio::test]
async fn what_comes_during_the_drain_is_still_processed() {
    let world = world().await;
    let (script, mut told) = Script::new([]);
    world.handle.process(vec![script], &world.tasks);
    world.tasks.begin_drain("test");
    post(&world, &event("EV_1", "a")).await;
    assert_eq!(next(&mut told).await, "EV_1");
    world.tasks.hurry();
    assert!(world.tasks.finish(Limits::default()).await.is_clean());
}
