//! The client against a wire-true Twirp server on loopback.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use trunkline_base::class::{Class, Classified as _};
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::retry::RetryPolicy;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims};

use super::retry::Rules;
use super::*;

type Answers = Vec<(u16, Vec<u8>)>;

/// What the server saw: method, claims, body.
type Seen = Vec<(String, Claims, Bytes)>;

#[derive(Default)]
struct Script {
    answers: Mutex<Answers>,
    seen: Mutex<Seen>,
}

struct Server {
    client: LiveKitApiClient,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// A server that gives these answers in order.
    async fn answering(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/prefix/", listener.local_addr().unwrap());
        let script = Arc::new(Script {
            answers: Mutex::new(answers),
            ..Script::default()
        });
        let app = Router::new()
            .route("/prefix/twirp/{service}/{method}", post(answer))
            .with_state(Arc::clone(&script));
        #[expect(
            clippy::disallowed_methods,
            reason = "owned by the server and aborted with it"
        )]
        let task = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
        let options = ApiOptions {
            rules: quick(),
            ..ApiOptions::default()
        };
        let client =
            LiveKitApiClient::with(&url, LiveKitAuthManager::new(keys()), options).unwrap();
        Self {
            client,
            script,
            task,
        }
    }

    fn seen(&self) -> Seen {
        self.script.seen.lock().unwrap().clone()
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    Path((service, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["content-type"], "application/protobuf");
    let bearer = headers["authorization"].to_str().unwrap();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    let now = UnixTime::from_system(std::time::SystemTime::now());
    let claims = keys().verify(token, now).unwrap();
    script
        .seen
        .lock()
        .unwrap()
        .push((format!("{service}/{method}"), claims, body));
    let (status, body) = script.answers.lock().unwrap().remove(0);
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

fn quick() -> Rules {
    Rules {
        policy: RetryPolicy {
            base: Duration::from_millis(1),
            cap: Duration::from_millis(2),
            ..RetryPolicy::API
        },
        ..Rules::default()
    }
}

fn keys() -> KeyRing {
    KeyRing::from(ApiKey::new("devkey", "secret"))
}

fn lobby() -> RoomName {
    RoomName::parse("lobby").unwrap()
}

fn ok(message: &impl Message) -> (u16, Vec<u8>) {
    (200, message.encode_to_vec())
}

fn refusal(status: u16, code: &str) -> (u16, Vec<u8>) {
    (
        status,
        format!(r#"{{"code":"{code}","msg":"says the server"}}"#).into_bytes(),
    )
}

#[tokio::test]
async fn a_call_carries_protobuf_and_the_least_grant() {
    let room = proto::Room {
        name: "lobby".into(),
        sid: "RM_1".into(),
        ..Default::default()
    };
    let listed = proto::ListParticipantsResponse {
        participants: vec![proto::ParticipantInfo {
            identity: "alice".into(),
            ..Default::default()
        }],
    };
    let trunks = proto::ListSipInboundTrunkResponse::default();
    let server = Server::answering(vec![ok(&room), ok(&listed), ok(&trunks)]).await;
    let request = proto::CreateRoomRequest {
        name: "lobby".into(),
        ..Default::default()
    };
    assert_eq!(
        server.client.create_room(request).await.unwrap().sid,
        "RM_1"
    );
    let people = server.client.list_participants(&lobby()).await.unwrap();
    assert_eq!(people[0].identity, "alice");
    server.client.list_inbound_trunks().await.unwrap();

    let seen = server.seen();
    assert_eq!(seen[0].0, "livekit.RoomService/CreateRoom");
    let sent = proto::CreateRoomRequest::decode(seen[0].2.clone()).unwrap();
    assert_eq!(sent.name, "lobby");
    let grant = seen[0].1.video.clone().unwrap();
    assert!(grant.room_create && !grant.room_admin && !grant.room_join);
    let grant = seen[1].1.video.clone().unwrap();
    assert!(grant.room_admin && grant.room == "lobby" && !grant.room_create);
    assert_eq!(seen[2].0, "livekit.SIP/ListSIPInboundTrunk");
    let sip = seen[2].1.sip.unwrap();
    assert!(sip.admin && !sip.call);
}

#[tokio::test]
async fn reads_are_repeated_and_a_removal_done_twice_is_done() {
    let server = Server::answering(vec![
        refusal(503, "unavailable"),
        (502, b"<html>bad gateway</html>".to_vec()),
        ok(&proto::ListRoomsResponse::default()),
        refusal(503, "unavailable"),
        refusal(404, "not_found"),
    ])
    .await;
    assert!(server.client.list_rooms(&[]).await.unwrap().is_empty());
    assert_eq!(server.seen().len(), 3);
    server.client.delete_room(&lobby()).await.unwrap();
    assert_eq!(server.seen().len(), 5);
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_not() {
    let server = Server::answering(vec![refusal(503, "unavailable")]).await;
    let request = proto::CreateSipParticipantRequest::default();
    let error = server
        .client
        .create_sip_participant(request)
        .await
        .unwrap_err();
    assert_eq!((error.class(), error.attempts), (Class::Unavailable, 1));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn refusals_are_typed_and_not_repeated() {
    let busy = br#"{"code":"resource_exhausted","msg":"busy","meta":{"sip_status_code":"486"}}"#;
    let server = Server::answering(vec![
        refusal(401, "unauthenticated"),
        refusal(404, "not_found"),
        (429, busy.to_vec()),
        (404, b"404 page not found".to_vec()),
    ])
    .await;
    let client = &server.client;
    let error = client.list_rooms(&[]).await.unwrap_err();
    assert_eq!(
        (error.class(), error.twirp_code()),
        (Class::Denied, Some("unauthenticated"))
    );
    assert_eq!(
        error.to_string(),
        "RoomService/ListRooms failed: unauthenticated (401): says the server"
    );
    let nobody = ParticipantIdentity::parse("nobody").unwrap();
    let error = client.get_participant(&lobby(), &nobody).await.unwrap_err();
    assert_eq!(error.class(), Class::Missing);
    let error = client
        .create_sip_participant(proto::CreateSipParticipantRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.class(), error.sip_status()),
        (Class::Conflict, Some(486))
    );
    let error = client.list_rooms(&[]).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Foreign { status: 404 }));
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn repeated_data_carries_one_nonce() {
    let done = proto::SendDataResponse::default();
    let server = Server::answering(vec![refusal(503, "unavailable"), ok(&done)]).await;
    let request = proto::SendDataRequest {
        room: "lobby".into(),
        ..Default::default()
    };
    server.client.send_data(request).await.unwrap();
    let nonces: Vec<Vec<u8>> = server
        .seen()
        .into_iter()
        .map(|(_, _, body)| proto::SendDataRequest::decode(body).unwrap().nonce)
        .collect();
    assert_eq!(nonces[0], nonces[1]);
    assert_eq!(nonces[0].len(), 16);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let options = ApiOptions {
        rules: Rules {
            policy: RetryPolicy::NONE,
            ..Rules::default()
        },
        ..ApiOptions::default()
    };
    let client = LiveKitApiClient::with(&url, LiveKitAuthManager::new(keys()), options).unwrap();
    let error = client.list_rooms(&[]).await.unwrap_err();
    assert_eq!(
        (error.class(), error.code()),
        (Class::Unavailable, "client.api.transport")
    );
}

#[tokio::test]
async fn a_call_is_described_as_it_would_be_sent() {
    let client = LiveKitApiClient::new("wss://h.example", keys()).unwrap();
    let request = proto::MoveParticipantRequest {
        room: "lobby".into(),
        identity: "alice".into(),
        destination_room: "office".into(),
    };
    let described = client.describe(&table::MOVE_PARTICIPANT, request).unwrap();
    assert_eq!(
        (described.url.as_str(), described.rpc.grant),
        (
            "https://h.example/twirp/livekit.RoomService/MoveParticipant",
            ApiGrant::RoomAdminTo
        )
    );
    let body: serde_json::Value = serde_json::from_str(&described.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"room": "lobby", "identity": "alice", "destinationRoom": "office"})
    );
    let now = UnixTime::from_system(std::time::SystemTime::now());
    let claims = keys().verify(described.token.expose(), now).unwrap();
    let grant = claims.video.unwrap();
    assert_eq!(
        (grant.room.as_str(), grant.destination_room.as_str()),
        ("lobby", "office")
    );
    assert!(!format!("{described:?}").contains(described.token.expose().as_str()));
}

#[tokio::test]
async fn pages_are_followed_to_the_end_and_no_further() {
    let page = |id: &str, token: &str| proto::ListEgressResponse {
        items: vec![proto::EgressInfo {
            egress_id: id.into(),
            ..Default::default()
        }],
        next_page_token: Some(proto::TokenPagination {
            token: token.into(),
        }),
    };
    let answers = [page("EG_1", "a"), page("EG_2", "b"), page("EG_3", "b")];
    let server = Server::answering(answers.iter().map(ok).collect()).await;
    let all = server.client.list_all_egress(Default::default()).await;
    let ids: Vec<String> = all.unwrap().into_iter().map(|one| one.egress_id).collect();
    assert_eq!(ids, ["EG_1", "EG_2", "EG_3"]);
    let asked: Vec<String> = server
        .seen()
        .into_iter()
        .map(|(_, _, body)| proto::ListEgressRequest::decode(body).unwrap())
        .map(|request| request.page_token.unwrap_or_default().token)
        .collect();
    assert_eq!(asked, ["", "a", "b"]);
}

#[tokio::test]
async fn an_egress_that_had_stopped_before_the_repeat_is_stopped() {
    let server = Server::answering(vec![
        refusal(503, "unavailable"),
        refusal(412, "failed_precondition"),
        refusal(412, "failed_precondition"),
    ])
    .await;
    let stop = proto::StopEgressRequest {
        egress_id: "EG_1".into(),
    };
    server.client.stop_egress(stop.clone()).await.unwrap();
    // A first answer of that kind is news.
    let error = server.client.stop_egress(stop).await.unwrap_err();
    assert_eq!((error.class(), error.attempts), (Class::Conflict, 1));
}
