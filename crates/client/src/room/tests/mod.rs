//! The shell against a wire-true signal server on loopback whose far end each test plays. Media is
//! not needed for these: the machine's own tests and the real peers cover it.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as FromClient;
use proto::signal_response::Message as ToClient;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use trunkline_base::class::{Class, Classified as _};
use trunkline_base::secret::Secret;

use super::*;

mod token;

/// Every wait of these tests ends by then.
const LIMIT: Duration = Duration::from_secs(10);

struct Server {
    listener: TcpListener,
}

struct Session {
    socket: WebSocketStream<TcpStream>,
    query: String,
    /// The token it was opened with.
    token: String,
}

impl Server {
    async fn bind() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    fn connecting(
        &self,
        options: RoomOptions,
    ) -> JoinHandle<Result<(Room, RoomEvents), ConnectError>> {
        self.connecting_with(Secret::from("token").into(), options)
    }

    fn connecting_with(
        &self,
        token: RoomToken,
        options: RoomOptions,
    ) -> JoinHandle<Result<(Room, RoomEvents), ConnectError>> {
        let url = format!("ws://{}", self.listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "each test awaits it")]
        tokio::spawn(async move { Room::connect(&url, token, options).await })
    }

    async fn accept(&self) -> Session {
        let accepting = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            let (mut query, mut token) = (String::new(), String::new());
            #[expect(
                clippy::result_large_err,
                reason = "the signature tungstenite asks for"
            )]
            let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
                assert_eq!(request.uri().path(), "/rtc");
                let bearer = request.headers()["authorization"].to_str().unwrap();
                token = bearer.strip_prefix("Bearer ").unwrap().to_owned();
                query = request.uri().query().unwrap().to_owned();
                Ok(response)
            };
            let socket = tokio_tungstenite::accept_hdr_async(stream, look)
                .await
                .unwrap();
            Session {
                socket,
                query,
                token,
            }
        };
        timeout(LIMIT, accepting).await.unwrap()
    }

    /// Refuses the next socket, by a clock of the server's own.
    async fn refuse(&self, clock: Option<std::time::SystemTime>) {
        let (stream, _) = timeout(LIMIT, self.listener.accept())
            .await
            .unwrap()
            .unwrap();
        #[expect(
            clippy::result_large_err,
            reason = "the signature tungstenite asks for"
        )]
        let refuse = |_: &Request, _: Response| -> Result<Response, ErrorResponse> {
            let mut refusal = ErrorResponse::new(Some("invalid API key".to_owned()));
            *refusal.status_mut() = StatusCode::UNAUTHORIZED;
            if let Some(clock) = clock {
                let date = httpdate::fmt_http_date(clock).parse().unwrap();
                refusal.headers_mut().insert("date", date);
            }
            Err(refusal)
        };
        let opened = tokio_tungstenite::accept_hdr_async(stream, refuse).await;
        assert!(opened.is_err());
    }

    async fn joined(&self, options: RoomOptions) -> (Room, RoomEvents, Session) {
        let connecting = self.connecting(options);
        let mut session = self.accept().await;
        session.send(ToClient::Join(join())).await;
        let (room, events) = connecting.await.unwrap().unwrap();
        (room, events, session)
    }
}

impl Session {
    async fn send(&mut self, message: ToClient) {
        let message = proto::SignalResponse {
            message: Some(message),
        };
        self.socket
            .send(Message::Binary(message.encode_to_vec().into()))
            .await
            .unwrap();
    }

    /// The next request of a kind; others are passed over.
    async fn recv<T>(&mut self, pick: impl Fn(FromClient) -> Option<T>) -> T {
        loop {
            let next = timeout(LIMIT, self.socket.next()).await.unwrap();
            if let Message::Binary(bytes) = next.unwrap().unwrap() {
                let request = proto::SignalRequest::decode(bytes)
                    .unwrap()
                    .message
                    .unwrap();
                if let Some(found) = pick(request) {
                    return found;
                }
            }
        }
    }
}

fn person(identity: &str, sid: &str) -> proto::ParticipantInfo {
    proto::ParticipantInfo {
        sid: sid.into(),
        identity: identity.into(),
        state: proto::participant_info::State::Active.into(),
        ..Default::default()
    }
}

fn join() -> proto::JoinResponse {
    proto::JoinResponse {
        room: Some(proto::Room {
            sid: "RM_1".into(),
            name: "lobby".into(),
            ..Default::default()
        }),
        participant: Some(person("me", "PA_me")),
        other_participants: vec![person("alice", "PA_alice")],
        server_info: Some(proto::ServerInfo {
            version: "1.13.0".into(),
            ..Default::default()
        }),
        subscriber_primary: true,
        ping_interval: 5,
        ping_timeout: 15,
        ..Default::default()
    }
}

async fn next(events: &mut RoomEvents) -> RoomEvent {
    timeout(LIMIT, events.next()).await.unwrap().unwrap()
}

async fn wait_for<T>(events: &mut RoomEvents, pick: impl Fn(RoomEvent) -> Option<T>) -> T {
    loop {
        if let Some(found) = pick(next(events).await) {
            return found;
        }
    }
}

#[tokio::test]
async fn joining_gives_the_room_as_it_is() {
    let server = Server::bind().await;
    let options = RoomOptions {
        attributes: [("sip.callID".to_owned(), "SCL_1".to_owned())].into(),
        ..RoomOptions::default()
    };
    let (room, mut events, session) = server.joined(options).await;
    assert!(
        session.query.contains("auto_subscribe=1"),
        "{}",
        session.query
    );
    assert!(session.query.contains("sdk=rust"), "{}", session.query);
    assert!(
        session
            .query
            .contains("&attributes=eyJzaXAuY2FsbElEIjoiU0NMXzEifQ")
    );
    assert_eq!(session.token, "token");
    assert_eq!(room.name().as_str(), "lobby");
    assert_eq!(room.sid().unwrap().as_str(), "RM_1");
    assert_eq!(room.local_identity().as_str(), "me");
    assert!(room.snapshot().participants.contains_key("alice"));
    let first = next(&mut events).await;
    assert!(
        matches!(first, RoomEvent::ParticipantJoined(info) if info.identity.as_str() == "alice")
    );
}

#[tokio::test]
async fn a_refused_join_says_status_and_text() {
    let server = Server::bind().await;
    let connecting = server.connecting(RoomOptions::default());
    server.refuse(None).await;
    let error = connecting.await.unwrap().unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    let ConnectError::Refused {
        status: 401,
        message,
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(message, "invalid API key");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::bind().await;
    let options = RoomOptions {
        connect_timeout: Duration::from_millis(200),
        ..RoomOptions::default()
    };
    let connecting = server.connecting(options);
    let _silent = server.accept().await;
    assert!(matches!(
        connecting.await.unwrap(),
        Err(ConnectError::Timeout)
    ));
}

#[tokio::test]
async fn who_comes_changes_and_goes_is_told_in_order() {
    let server = Server::bind().await;
    let (room, mut events, mut session) = server.joined(RoomOptions::default()).await;
    let mut bob = proto::ParticipantInfo {
        version: 1,
        ..person("bob", "PA_bob")
    };
    session
        .send(ToClient::Update(proto::ParticipantUpdate {
            participants: vec![bob.clone()],
        }))
        .await;
    bob.version = 2;
    bob.attributes.insert("mood".into(), "good".into());
    session
        .send(ToClient::Update(proto::ParticipantUpdate {
            participants: vec![bob.clone()],
        }))
        .await;
    bob.version = 3;
    bob.state = proto::participant_info::State::Disconnected.into();
    bob.disconnect_reason = proto::DisconnectReason::ClientInitiated.into();
    session
        .send(ToClient::Update(proto::ParticipantUpdate {
            participants: vec![bob],
        }))
        .await;

    let is_bob = |info: &ParticipantInfo| info.identity.as_str() == "bob";
    wait_for(&mut events, |event| match event {
        RoomEvent::ParticipantJoined(info) if is_bob(&info) => Some(()),
        _ => None,
    })
    .await;
    let changed = wait_for(&mut events, |event| match event {
        RoomEvent::ParticipantChanged(info) if is_bob(&info) => Some(info),
        _ => None,
    })
    .await;
    assert_eq!(changed.attribute("mood"), Some("good"));
    let reason = wait_for(&mut events, |event| match event {
        RoomEvent::ParticipantLeft { info, reason } if is_bob(&info) => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, DisconnectReason::ClientInitiated);
    let mut state = room.watch();
    let gone = state.wait_for(|room| !room.participants.contains_key("bob"));
    timeout(LIMIT, gone).await.unwrap().unwrap();
}

#[tokio::test]
async fn attributes_wait_for_the_servers_word() {
    let server = Server::bind().await;
    let (room, _events, mut session) = server.joined(RoomOptions::default()).await;
    for (answer, wanted) in [
        (proto::request_response::Reason::Ok, Ok(())),
        (
            proto::request_response::Reason::NotAllowed,
            Err(RequestError::Refused {
                reason: "not_allowed: no".into(),
            }),
        ),
    ] {
        let attributes = BTreeMap::from([("lk.agent.state".to_owned(), "listening".to_owned())]);
        let (result, ()) = tokio::join!(room.set_attributes(attributes), async {
            let update = session
                .recv(|request| match request {
                    FromClient::UpdateMetadata(update) => Some(update),
                    _ => None,
                })
                .await;
            assert_eq!(update.attributes["lk.agent.state"], "listening");
            session
                .send(ToClient::RequestResponse(proto::RequestResponse {
                    request_id: update.request_id,
                    reason: answer.into(),
                    message: "no".into(),
                    ..Default::default()
                }))
                .await;
        });
        assert_eq!(result, wanted);
    }
}

#[tokio::test]
async fn leaving_tells_the_server_and_ends_the_events() {
    let server = Server::bind().await;
    let (room, mut events, mut session) = server.joined(RoomOptions::default()).await;
    let ((), leave) = tokio::join!(
        room.leave_because(DisconnectReason::UserRejected),
        session.recv(|request| match request {
            FromClient::Leave(leave) => Some(leave),
            _ => None,
        })
    );
    assert_eq!(leave.reason(), proto::DisconnectReason::UserRejected);
    let reason = wait_for(&mut events, |event| match event {
        RoomEvent::Disconnected { reason } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, DisconnectReason::UserRejected);
    assert!(timeout(LIMIT, events.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_last_handle_dropped_leaves_too() {
    let server = Server::bind().await;
    let (room, _events, mut session) = server.joined(RoomOptions::default()).await;
    drop(room);
    session
        .recv(|request| matches!(request, FromClient::Leave(_)).then_some(()))
        .await;
}

#[tokio::test]
async fn a_room_that_is_deleted_says_so() {
    let server = Server::bind().await;
    let (room, mut events, mut session) = server.joined(RoomOptions::default()).await;
    session
        .send(ToClient::Leave(proto::LeaveRequest {
            reason: proto::DisconnectReason::RoomDeleted.into(),
            action: proto::leave_request::Action::Disconnect.into(),
            ..Default::default()
        }))
        .await;
    let reason = wait_for(&mut events, |event| match event {
        RoomEvent::Disconnected { reason } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, DisconnectReason::RoomDeleted);
    assert_eq!(
        room.send_data(DataMessage::default()).await,
        Err(RequestError::Closed)
    );
    assert_eq!(
        room.snapshot().connection,
        ConnectionState::Disconnected(DisconnectReason::RoomDeleted)
    );
}

#[tokio::test]
async fn a_lost_socket_is_resumed_with_the_session_id() {
    let server = Server::bind().await;
    let (room, mut events, session) = server.joined(RoomOptions::default()).await;
    drop(session);
    let mut session = server.accept().await;
    assert!(session.query.contains("reconnect=1"), "{}", session.query);
    assert!(session.query.contains("sid=PA_me"), "{}", session.query);
    wait_for(&mut events, |event| {
        matches!(event, RoomEvent::Reconnecting).then_some(())
    })
    .await;
    assert_eq!(room.snapshot().connection, ConnectionState::Reconnecting);
    session
        .send(ToClient::Reconnect(proto::ReconnectResponse::default()))
        .await;
    session
        .recv(|request| matches!(request, FromClient::SyncState(_)).then_some(()))
        .await;
}
