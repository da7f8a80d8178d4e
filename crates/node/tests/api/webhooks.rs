//! Webhooks of a running node: what a receiver gets, and what a listener in the process sees.

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use http::HeaderMap;
use livekit_protocol as proto;
use sha2::Digest;
use tokio::sync::mpsc;
use trunkline_base::token::KeyRing;
use trunkline_node::{NodeConfig, Receiver};

use crate::support::{Server, creator, joiner, key, now, soon};

type Delivery = (HeaderMap, Bytes);

/// A receiver on loopback that passes on what it gets.
async fn receiver() -> (String, mpsc::Receiver<Delivery>, tokio::task::JoinSet<()>) {
    let (sender, deliveries) = mpsc::channel(64);
    let take = async |State(sender): State<mpsc::Sender<Delivery>>, h: HeaderMap, b: Bytes| {
        sender.send((h, b)).await.unwrap();
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = axum::Router::new()
        .route("/", post(take))
        .with_state(sender);
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, deliveries, serving)
}

/// The next event, after checking its signature over the raw body.
async fn next(deliveries: &mut mpsc::Receiver<Delivery>) -> proto::WebhookEvent {
    let (headers, body) = soon(deliveries.recv()).await.unwrap();
    let token = headers["authorization"].to_str().unwrap();
    let claims = KeyRing::from(key()).verify(token, now()).unwrap();
    let digest = sha2::Sha256::digest(&body);
    assert_eq!(
        claims.sha256,
        base64::engine::general_purpose::STANDARD.encode(digest)
    );
    serde_json::from_slice(&body).unwrap()
}

async fn delete(server: &Server, room: &str) {
    let request = proto::DeleteRoomRequest {
        room: room.to_owned(),
    };
    let deleted: Result<proto::DeleteRoomResponse, _> = server
        .call("RoomService/DeleteRoom", &creator(), &request)
        .await;
    deleted.unwrap();
}

#[tokio::test]
async fn a_rooms_life_is_told_in_order_and_signed() {
    let (url, mut deliveries, _serving) = receiver().await;
    let mut config = NodeConfig::dev().with_free_ports();
    config.webhooks.receivers = vec![Receiver::all(url)];
    let server = Server::start_with(config).await;
    let room = server.room("lobby").await;
    delete(&server, "lobby").await;
    let (started, finished) = (next(&mut deliveries).await, next(&mut deliveries).await);
    assert_eq!(
        (started.event.as_str(), finished.event.as_str()),
        ("room_started", "room_finished")
    );
    assert_eq!(started.room.unwrap().sid, room.sid);
    assert!(started.id.starts_with("EV_") && started.created_at > 0 && started.id != finished.id);
    assert_eq!(
        finished.room_end_reason(),
        proto::RoomEndReason::RoomEndApiDelete
    );
}

#[tokio::test]
async fn a_participant_that_never_connects_media_is_told_as_aborted() {
    let server = Server::start().await;
    let mut events = server.node.subscribe_events();
    let alice = server
        .socket("/rtc?protocol=16", &joiner("alice", "lobby"))
        .await
        .unwrap();
    drop(alice);
    let aborted = soon(async {
        loop {
            let event = events.recv().await.unwrap();
            if event.event == "participant_connection_aborted" {
                return event;
            }
            assert_eq!(event.event, "room_started");
        }
    });
    assert_eq!(aborted.await.participant.unwrap().identity, "alice");
}

#[tokio::test]
async fn an_event_from_outside_the_rooms_takes_the_same_way() {
    let (url, mut deliveries, _serving) = receiver().await;
    let mut config = NodeConfig::dev().with_free_ports();
    config.webhooks.receivers = vec![Receiver::all(url)];
    let server = Server::start_with(config).await;
    let egress = proto::EgressInfo {
        egress_id: "EG_1".to_owned(),
        ..Default::default()
    };
    server.node.notify(proto::WebhookEvent {
        event: "egress_started".to_owned(),
        egress_info: Some(egress),
        ..Default::default()
    });
    let event = next(&mut deliveries).await;
    assert_eq!(event.egress_info.unwrap().egress_id, "EG_1");
}

#[tokio::test]
async fn what_is_excluded_is_not_sent() {
    let (url, mut deliveries, _serving) = receiver().await;
    let mut config = NodeConfig::dev().with_free_ports();
    let exclude = vec!["room_started".to_owned()];
    config.webhooks.receivers = vec![Receiver {
        url,
        exclude,
        ..Default::default()
    }];
    let server = Server::start_with(config).await;
    server.room("lobby").await;
    delete(&server, "lobby").await;
    assert_eq!(next(&mut deliveries).await.event, "room_finished");
}
