use super::*;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use livekit_protocol as proto;
use std::sync::{Arc, Mutex};
use trunkline_service::tasks::Tasks;

/// A receiver on loopback: answers as scripted, then 200, and keeps what it accepted.
#[derive(Clone, Default)]
struct Inbox {
    script: Arc<Mutex<Vec<StatusCode>>>,
    accepted: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    attempts: Arc<Mutex<usize>>,
}

impl Inbox {
    async fn open(script: &[u16], tasks: &Tasks) -> (Self, String) {
        let inbox = Self::default();
        let codes = script
            .iter()
            .rev()
            .map(|code| StatusCode::from_u16(*code).unwrap());
        inbox.script.lock().unwrap().extend(codes);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = axum::Router::new()
            .route("/hook", post(take))
            .with_state(inbox.clone());
        tasks.session(
            "inbox",
            async move { axum::serve(listener, app).await.unwrap() },
        );
        (inbox, url)
    }

    fn names(&self) -> Vec<String> {
        let accepted = self.accepted.lock().unwrap();
        let events = accepted.iter().map(|(_, body)| {
            let event: proto::WebhookEvent = serde_json::from_slice(body).unwrap();
            format!("{} {}", event.room.unwrap().name, event.event)
        });
        events.collect()
    }
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    *inbox.attempts.lock().unwrap() += 1;
    let status = inbox.script.lock().unwrap().pop().unwrap_or(StatusCode::OK);
    if status.is_success() {
        inbox.accepted.lock().unwrap().push((headers, body));
    }
    status
}

fn keys() -> KeyRing {
    KeyRing::from(ApiKey::new("devkey", "secret"))
}

fn event(name: &str, room: &str) -> proto::WebhookEvent {
    let room = proto::Room {
        name: room.to_owned(),
        ..Default::default()
    };
    proto::WebhookEvent {
        event: name.to_owned(),
        room: Some(room),
        ..Default::default()
    }
}

fn config(url: &str) -> WebhookConfig {
    let patience = Patience {
        retries: 4,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(5),
    };
    WebhookConfig {
        receivers: vec![Receiver::all(url)],
        api_key: None,
        patience,
        tls: None,
    }
}

/// Notifies, lets the notifier finish what it has, and gives the store back.
async fn deliver(config: WebhookConfig, events: Vec<proto::WebhookEvent>) -> Store {
    let store = Store::open(":memory:").await.unwrap();
    deliver_from(&store, config, events).await;
    store
}

async fn deliver_from(store: &Store, config: WebhookConfig, events: Vec<proto::WebhookEvent>) {
    let (webhooks, notifier) = Notifier::new(config, &keys(), store.clone()).unwrap();
    for event in events {
        webhooks.notify(event);
    }
    drop(webhooks);
    let run = notifier.run(Tasks::new().stop());
    tokio::time::timeout(Duration::from_secs(20), run)
        .await
        .expect("deliveries end");
}

#[tokio::test]
async fn an_event_arrives_signed_and_nothing_is_owed_afterwards() {
    let tasks = Tasks::new();
    let (inbox, url) = Inbox::open(&[], &tasks).await;
    let store = deliver(config(&url), vec![event("room_started", "lobby")]).await;
    let accepted = inbox.accepted.lock().unwrap().clone();
    let (headers, body) = &accepted[0];
    assert_eq!(headers["content-type"], "application/webhook+json");
    assert_eq!(headers["user-agent"], "LiveKit");
    let token = headers["authorization"].to_str().unwrap();
    let claims = keys().verify(token, crate::clock::now()).unwrap();
    use base64::Engine;
    use sha2::Digest;
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(body));
    assert_eq!(claims.sha256, digest);
    let later = crate::clock::now().plus(Duration::from_secs(60));
    assert!(store.outbox().due(later, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_stumbling_receiver_still_gets_each_room_in_order() {
    let tasks = Tasks::new();
    let (inbox, url) = Inbox::open(&[503, 500, 200, 429], &tasks).await;
    let names = ["room_started", "participant_joined", "room_finished"];
    deliver(
        config(&url),
        names.map(|name| event(name, "lobby")).to_vec(),
    )
    .await;
    assert_eq!(inbox.names(), names.map(|name| format!("lobby {name}")));
    assert_eq!(*inbox.attempts.lock().unwrap(), 6);
}

#[tokio::test]
async fn a_receiver_that_refuses_is_not_asked_again() {
    let tasks = Tasks::new();
    let (inbox, url) = Inbox::open(&[400], &tasks).await;
    deliver(
        config(&url),
        vec![event("room_started", "a"), event("room_finished", "a")],
    )
    .await;
    assert_eq!(inbox.names(), ["a room_finished"]);
}

#[tokio::test]
async fn a_dead_receiver_does_not_hold_up_the_others() {
    let tasks = Tasks::new();
    let (inbox, url) = Inbox::open(&[], &tasks).await;
    let mut config = config(&url);
    config
        .receivers
        .insert(0, Receiver::all("http://127.0.0.1:1/"));
    deliver(config, vec![event("room_started", "lobby")]).await;
    assert_eq!(inbox.names(), ["lobby room_started"]);
}

#[tokio::test]
async fn what_an_earlier_process_owed_is_delivered_unless_it_is_old_news() {
    let tasks = Tasks::new();
    let (inbox, url) = Inbox::open(&[], &tasks).await;
    let store = Store::open(":memory:").await.unwrap();
    let now = crate::clock::now();
    let body = |name: &str| serde_json::to_vec(&event(name, "lobby")).unwrap();
    let old = trunkline_base::time::UnixTime(now.0 - 31_000);
    store
        .outbox()
        .push("webhook/lobby", &url, &body("room_started"), old)
        .await
        .unwrap();
    store
        .outbox()
        .push("webhook/lobby", &url, &body("room_finished"), now)
        .await
        .unwrap();
    store
        .outbox()
        .push("alerts/x", &url, b"another owner's", now)
        .await
        .unwrap();
    deliver_from(&store, config(&url), Vec::new()).await;
    assert_eq!(inbox.names(), ["lobby room_finished"]);
    let left = store.outbox().due(now, 10).await.unwrap();
    assert_eq!(left.len(), 1, "only what belongs to another owner stays");
}

#[tokio::test]
async fn listeners_in_the_process_see_every_event_with_id_and_time() {
    let store = Store::open(":memory:").await.unwrap();
    let config = WebhookConfig::default();
    let (webhooks, _notifier) = Notifier::new(config, &keys(), store).unwrap();
    let mut events = webhooks.subscribe();
    webhooks.notify(event("egress_started", "lobby"));
    webhooks.notify(event("egress_ended", "lobby"));
    let (first, second) = (events.recv().await.unwrap(), events.recv().await.unwrap());
    assert!(first.id.starts_with("EV_") && first.id != second.id && first.created_at > 0);
}

#[tokio::test]
async fn an_unknown_signing_key_is_named() {
    let store = Store::open(":memory:").await.unwrap();
    let config = WebhookConfig {
        api_key: Some("other".to_owned()),
        ..Default::default()
    };
    let error = Notifier::new(config, &keys(), store).unwrap_err();
    assert!(error.to_string().contains("other"));
}

#[tokio::test]
async fn calls_are_told_signed_and_in_the_order_of_their_room() {
    let tasks = Tasks::new();
    let (inbox, url) = Inbox::open(&[], &tasks).await;
    let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
    let config = WebhookConfig {
        receivers: vec![Receiver::all(url)],
        ..WebhookConfig::default()
    };
    let store = Store::open(":memory:").await.unwrap();
    let hooks = crate::CallHooks::start(config, &keys, store, &tasks).unwrap();
    for word in ["call_started", "call_answered", "call_ended"] {
        hooks.notify(word, "lobby", serde_json::json!({ "call_id": "SCL_1" }));
    }
    tokio::time::timeout(Duration::from_secs(5), async {
        while inbox.names().len() < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(
        inbox.names(),
        [
            "lobby call_started",
            "lobby call_answered",
            "lobby call_ended"
        ]
    );
    let (headers, body) = inbox.accepted.lock().unwrap()[0].clone();
    let token = headers["authorization"].to_str().unwrap();
    let claims = keys.verify(token, crate::clock::now()).unwrap();
    let digest = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        <sha2::Sha256 as sha2::Digest>::digest(&body),
    );
    assert_eq!(claims.sha256, digest);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["call"]["call_id"], "SCL_1");
    assert!(body["id"].as_str().unwrap().starts_with("EV_"));
}
