//! Bad input for every call of every service the node registers: one table, one answer each.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, SipGrant, VideoGrant, sign};

use crate::support::{Server, now, soon, token};

/// What a call's token must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Create,
    List,
    /// Administration of the room named in the request.
    Admin,
    /// That, and of the room somebody is sent to.
    Send,
    Record,
    Ingress,
    SipAdmin,
    SipCall,
    /// `SipCall` and `Admin`.
    Transfer,
}

struct Rpc {
    method: &'static str,
    right: Right,
    /// A request that is well formed, whatever the answer.
    body: &'static str,
}

const fn rpc(method: &'static str, right: Right, body: &'static str) -> Rpc {
    Rpc {
        method,
        right,
        body,
    }
}

const PERSON: &str = r#"{"room":"lobby","identity":"nobody"}"#;
const ELSEWHERE: &str = r#"{"room":"lobby","identity":"nobody","destination_room":"other"}"#;
const CALLEE: &str = r#"{"room":"lobby","destination_identity":"nobody","method":"m"}"#;
const TRANSFER: &str =
    r#"{"room_name":"lobby","participant_identity":"nobody","transfer_to":"tel:+1"}"#;

const TABLE: &[Rpc] = &[
    rpc("RoomService/CreateRoom", Right::Create, r#"{"name":"new"}"#),
    rpc("RoomService/ListRooms", Right::List, "{}"),
    rpc(
        "RoomService/DeleteRoom",
        Right::Create,
        r#"{"room":"none"}"#,
    ),
    rpc("RoomService/ListParticipants", Right::Admin, PERSON),
    rpc("RoomService/GetParticipant", Right::Admin, PERSON),
    rpc("RoomService/RemoveParticipant", Right::Admin, PERSON),
    rpc("RoomService/MutePublishedTrack", Right::Admin, PERSON),
    rpc("RoomService/UpdateParticipant", Right::Admin, PERSON),
    rpc("RoomService/UpdateSubscriptions", Right::Admin, PERSON),
    rpc("RoomService/SendData", Right::Admin, r#"{"room":"lobby"}"#),
    rpc(
        "RoomService/UpdateRoomMetadata",
        Right::Admin,
        r#"{"room":"lobby"}"#,
    ),
    rpc("RoomService/ForwardParticipant", Right::Send, ELSEWHERE),
    rpc("RoomService/MoveParticipant", Right::Send, ELSEWHERE),
    rpc("RoomService/PerformRpc", Right::Admin, CALLEE),
    rpc(
        "AgentDispatchService/CreateDispatch",
        Right::Admin,
        r#"{"room":"lobby"}"#,
    ),
    rpc(
        "AgentDispatchService/DeleteDispatch",
        Right::Admin,
        r#"{"room":"lobby"}"#,
    ),
    rpc(
        "AgentDispatchService/ListDispatch",
        Right::Admin,
        r#"{"room":"lobby"}"#,
    ),
    rpc("SIP/ListSIPTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/CreateSIPInboundTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/CreateSIPOutboundTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/UpdateSIPInboundTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/UpdateSIPOutboundTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/GetSIPInboundTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/GetSIPOutboundTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/ListSIPInboundTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/ListSIPOutboundTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/DeleteSIPTrunk", Right::SipAdmin, "{}"),
    rpc("SIP/CreateSIPDispatchRule", Right::SipAdmin, "{}"),
    rpc("SIP/UpdateSIPDispatchRule", Right::SipAdmin, "{}"),
    rpc("SIP/ListSIPDispatchRule", Right::SipAdmin, "{}"),
    rpc("SIP/DeleteSIPDispatchRule", Right::SipAdmin, "{}"),
    rpc("SIP/CreateSIPParticipant", Right::SipCall, "{}"),
    rpc("SIP/TransferSIPParticipant", Right::Transfer, TRANSFER),
    rpc("Egress/StartEgress", Right::Record, "{}"),
    rpc("Egress/StartRoomCompositeEgress", Right::Record, "{}"),
    rpc("Egress/StartWebEgress", Right::Record, "{}"),
    rpc("Egress/StartParticipantEgress", Right::Record, "{}"),
    rpc("Egress/StartTrackCompositeEgress", Right::Record, "{}"),
    rpc("Egress/StartTrackEgress", Right::Record, "{}"),
    rpc("Egress/UpdateLayout", Right::Record, "{}"),
    rpc("Egress/UpdateStream", Right::Record, "{}"),
    rpc("Egress/ListEgress", Right::Record, "{}"),
    rpc("Egress/StopEgress", Right::Record, "{}"),
    rpc("Ingress/CreateIngress", Right::Ingress, "{}"),
    rpc("Ingress/UpdateIngress", Right::Ingress, "{}"),
    rpc("Ingress/ListIngress", Right::Ingress, "{}"),
    rpc("Ingress/DeleteIngress", Right::Ingress, "{}"),
];

/// Claims with exactly one right, for one room.
fn claims(right: Right, room: &str) -> Claims {
    let video = VideoGrant {
        room_create: right == Right::Create,
        room_list: right == Right::List,
        room_admin: matches!(right, Right::Admin | Right::Send | Right::Transfer),
        room_record: right == Right::Record,
        ingress_admin: right == Right::Ingress,
        room: room.to_owned(),
        destination_room: if right == Right::Send { "other" } else { "" }.to_owned(),
        ..Default::default()
    };
    let sip = SipGrant {
        admin: right == Right::SipAdmin,
        call: matches!(right, Right::SipCall | Right::Transfer),
    };
    Claims::new("tester", now(), 600)
        .with_video(video)
        .with_sip(sip)
}

/// Claims with every right but the one.
fn all_but(right: Right) -> Claims {
    let admin = !matches!(right, Right::Admin | Right::Send | Right::Transfer);
    let video = VideoGrant {
        room_create: right != Right::Create,
        room_list: right != Right::List,
        room_admin: admin,
        room_record: right != Right::Record,
        ingress_admin: right != Right::Ingress,
        room_join: true,
        room: "lobby".to_owned(),
        destination_room: "other".to_owned(),
        ..Default::default()
    };
    let sip = SipGrant {
        admin: right != Right::SipAdmin,
        call: right != Right::SipCall,
    };
    Claims::new("tester", now(), 600)
        .with_video(video)
        .with_sip(sip)
}

struct Answer {
    status: u16,
    kind: String,
    text: String,
}

impl Answer {
    /// The code and text of a refusal, which is bare JSON whatever was asked in.
    fn refusal(&self) -> (u16, String, String) {
        assert_eq!(self.kind, "application/json", "{}", self.text);
        let body: serde_json::Value = serde_json::from_str(&self.text).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (self.status, text("code"), text("msg"))
    }

    fn code(&self) -> (u16, String) {
        let (status, code, _) = self.refusal();
        (status, code)
    }
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn post(server: &Server, rpc: &Rpc, token: &str, kind: &str, body: Vec<u8>) -> Answer {
    let url = server.url(&format!("/twirp/livekit.{}", rpc.method));
    let mut post = server.client.post(url).header("content-type", kind);
    if !token.is_empty() {
        post = post.bearer_auth(token);
    }
    let response = soon(post.body(body).send()).await.unwrap();
    let kind = response.headers().get("content-type");
    Answer {
        status: response.status().as_u16(),
        kind: kind.map_or("", |kind| kind.to_str().unwrap()).to_owned(),
        text: soon(response.text()).await.unwrap(),
    }
}

async fn ask(server: &Server, rpc: &Rpc, token: &str) -> Answer {
    post(server, rpc, token, JSON, rpc.body.into()).await
}

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/protobuf";

#[tokio::test]
async fn without_the_right_nothing_is_answered() {
    let server = Server::start().await;
    server.room("lobby").await;
    let denied = (
        401,
        "unauthenticated".to_owned(),
        "permissions denied".to_owned(),
    );
    for rpc in TABLE {
        let method = rpc.method;
        let none = ask(&server, rpc, "").await;
        assert_eq!(none.refusal(), denied, "{method} without a token");
        let wrong = ask(&server, rpc, &token(&all_but(rpc.right))).await;
        assert_eq!(wrong.refusal(), denied, "{method} with every other right");
        if matches!(rpc.right, Right::Admin | Right::Send | Right::Transfer) {
            let other = ask(&server, rpc, &token(&claims(rpc.right, "elsewhere"))).await;
            assert_eq!(other.refusal(), denied, "{method} for another room");
        }
        let right = ask(&server, rpc, &token(&claims(rpc.right, "lobby"))).await;
        assert_ne!(right.status, 401, "{method} with its right: {}", right.text);
    }
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_refused_before_the_call() {
    let server = Server::start().await;
    for rpc in TABLE {
        let method = rpc.method;
        let good = claims(rpc.right, "lobby");
        let past = UnixTime::from_secs(1_500_000_000);
        let expired = Claims {
            iat: None,
            nbf: None,
            exp: past.secs(),
            ..good.clone()
        };
        let expired = ask(&server, rpc, &token(&expired)).await;
        assert_eq!(expired.status, 401, "{method}");
        assert!(
            expired.text.starts_with("invalid authorization token: "),
            "{method}: {}",
            expired.text
        );
        let foreign = sign(&good, &ApiKey::new("other", "secret")).unwrap();
        let foreign = ask(&server, rpc, &foreign).await;
        let said = (foreign.status, foreign.text.as_str());
        assert_eq!(said, (401, "invalid API key"), "{method}");
        let forged = sign(&good, &ApiKey::new("devkey", "a guess")).unwrap();
        assert_eq!(ask(&server, rpc, &forged).await.status, 401, "{method}");
    }
}

/// Ten mebibytes of a stranger's were read before anybody asked for the token.
#[tokio::test]
async fn what_is_no_request_is_malformed_for_whoever_may_ask_and_unread_for_whoever_may_not() {
    let server = Server::start().await;
    for rpc in TABLE {
        let method = rpc.method;
        let no_right =
            token(&Claims::new("nobody", now(), 60).with_video(VideoGrant::join("lobby")));
        for broken in ["", "{", "[]", "null", "\"room\"", r#"{"room":{}"#] {
            let allowed = token(&claims(rpc.right, "lobby"));
            let answer = post(&server, rpc, &allowed, JSON, broken.into()).await;
            assert_eq!(answer.code(), code(400, "malformed"), "{method} {broken}");
            for refused in ["", &no_right] {
                let answer = post(&server, rpc, refused, JSON, broken.into()).await;
                assert_eq!(answer.status, 401, "{method} {broken}");
            }
        }
        let broken = vec![0xff, 0xff, 0xff];
        let allowed = token(&claims(rpc.right, "lobby"));
        let answer = post(&server, rpc, &allowed, PROTOBUF, broken.clone()).await;
        assert_eq!(answer.code(), code(400, "malformed"), "{method}");
        let answer = post(&server, rpc, "", PROTOBUF, broken).await;
        assert_eq!(answer.status, 401, "{method}");
        // No bytes are a whole message in protobuf: every field has its default.
        let token = token(&claims(rpc.right, ""));
        let empty = post(&server, rpc, &token, PROTOBUF, Vec::new()).await;
        if empty.status != 200 {
            assert_ne!(empty.code().1, "malformed", "{method}");
        }
    }
}

#[tokio::test]
async fn what_is_no_call_is_a_bad_route() {
    let server = Server::start().await;
    for rpc in TABLE {
        let method = rpc.method;
        let token = token(&claims(rpc.right, "lobby"));
        for kind in ["text/plain", "", "application/x-protobuf"] {
            let answer = post(&server, rpc, &token, kind, rpc.body.into()).await;
            assert_eq!(
                answer.code(),
                code(404, "bad_route"),
                "{method} as {kind:?}"
            );
        }
        let url = server.url(&format!("/twirp/livekit.{method}"));
        for verb in [http::Method::GET, http::Method::PUT, http::Method::DELETE] {
            let response = server.client.request(verb, &url).send().await.unwrap();
            assert_eq!(response.status(), 404, "{method}");
            let body: serde_json::Value = response.json().await.unwrap();
            assert_eq!(body["code"], "bad_route", "{method}");
        }
        let unknown = rpc::with_other_name(rpc);
        let answer = post(&server, &unknown, &token, "text/plain", Vec::new()).await;
        let (status, code, msg) = answer.refusal();
        assert_eq!((status, code.as_str()), (404, "bad_route"));
        assert!(msg.starts_with("no handler for path"), "{msg}");
    }
}

mod rpc {
    use super::Rpc;

    /// A method nobody has, of the same service.
    pub(super) fn with_other_name(rpc: &Rpc) -> Rpc {
        let (service, _) = rpc.method.split_once('/').unwrap();
        let method = format!("{service}/Nothing");
        Rpc {
            method: Box::leak(method.into_boxed_str()),
            ..*rpc
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_it_is_sent() {
    let server = Server::start().await;
    for rpc in TABLE {
        let mut socket = tokio::net::TcpStream::connect(server.node.http_addr())
            .await
            .unwrap();
        let head = format!(
            "POST /twirp/livekit.{} HTTP/1.1\r\nHost: node\r\nContent-Type: {JSON}\r\n\
             Content-Length: {}\r\n\r\n",
            rpc.method,
            (10 << 20) + 1
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(20), socket.read(&mut answer));
        let read = read.await.expect("an answer without the body").unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(
            answer.starts_with("HTTP/1.1 413 "),
            "{}: {answer}",
            rpc.method
        );
        assert!(answer.ends_with("request body too large"), "{answer}");
    }
}

#[tokio::test]
async fn who_sends_it_all_the_same_hears_the_refusal() {
    let server = Server::start().await;
    for _ in 0..20 {
        let large = vec![b' '; (10 << 20) + 1];
        let answer = post(&server, &TABLE[0], "", JSON, large).await;
        let said = (answer.status, answer.text.as_str());
        assert_eq!(said, (413, "request body too large"));
    }
}

#[tokio::test]
async fn services_of_the_cloud_are_not_there() {
    let server = Server::start().await;
    for path in [
        "livekit.Connector/DialWhatsAppCall",
        "livekit.Connector/ConnectTwilioCall",
        "livekit.PhoneNumberService/ListPhoneNumbers",
        "livekit.CloudAgent/ListAgents",
    ] {
        let url = server.url(&format!("/twirp/{path}"));
        let post = server.client.post(url).header("content-type", JSON);
        let response = post.body("{}").send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.text().await.unwrap(), "404 page not found\n");
    }
}
