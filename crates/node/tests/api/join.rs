//! Joining over the signal socket, in both encodings.

use futures::{SinkExt, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Ask;
use proto::signal_response::Message as Said;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::support::{Server, Socket, admin, joiner, soon};

async fn hear(socket: &mut Socket) -> Option<Said> {
    loop {
        let message = match soon(socket.next()).await?.ok()? {
            Frame::Binary(bytes) => proto::SignalResponse::decode(bytes).unwrap(),
            Frame::Text(text) => serde_json::from_str(&text).unwrap(),
            Frame::Close(_) => return None,
            _ => continue,
        };
        return message.message;
    }
}

/// Reads on until the wanted message.
async fn until<T>(socket: &mut Socket, wanted: impl Fn(Said) -> Option<T>) -> T {
    loop {
        let said = hear(socket).await.expect("the socket is open");
        if let Some(found) = wanted(said) {
            return found;
        }
    }
}

async fn ask(socket: &mut Socket, ask: Ask) {
    let bytes = proto::SignalRequest { message: Some(ask) }.encode_to_vec();
    socket.send(Frame::Binary(bytes.into())).await.unwrap();
}

#[tokio::test]
async fn the_first_message_is_the_join_and_a_second_participant_sees_the_first() {
    let server = Server::start().await;
    let mut alice = server
        .socket("/rtc?protocol=16", &joiner("alice", "lobby"))
        .await
        .unwrap();
    let Some(Said::Join(join)) = hear(&mut alice).await else {
        panic!("join first")
    };
    assert_eq!(join.participant.unwrap().identity, "alice");
    assert!(join.server_info.unwrap().version.starts_with("1.13."));
    let mut bob = server
        .socket("/rtc?protocol=16", &joiner("bob", "lobby"))
        .await
        .unwrap();
    let Some(Said::Join(join)) = hear(&mut bob).await else {
        panic!("join first")
    };
    assert_eq!(join.other_participants.len(), 1);
    let request = proto::ListParticipantsRequest {
        room: "lobby".to_owned(),
    };
    let list: proto::ListParticipantsResponse = server
        .call("RoomService/ListParticipants", &admin("lobby"), &request)
        .await
        .unwrap();
    assert_eq!(list.participants.len(), 2);
}

#[tokio::test]
async fn pings_are_answered_in_the_encoding_last_used() {
    let server = Server::start().await;
    let mut alice = server
        .socket("/rtc?protocol=16", &joiner("alice", "lobby"))
        .await
        .unwrap();
    let ping = proto::Ping {
        timestamp: 7,
        rtt: 0,
    };
    ask(&mut alice, Ask::PingReq(ping)).await;
    let pong = until(&mut alice, |said| match said {
        Said::PongResp(pong) => Some(pong),
        _ => None,
    });
    assert_eq!(pong.await.last_ping_timestamp, 7);
    alice
        .send(Frame::Text(r#"{"pingReq":{"timestamp":"8"}}"#.into()))
        .await
        .unwrap();
    loop {
        if let Frame::Text(text) = soon(alice.next()).await.unwrap().unwrap()
            && text.contains("pongResp")
        {
            assert!(text.contains(r#""lastPingTimestamp":"8""#), "{text}");
            break;
        }
    }
}

#[tokio::test]
async fn leaving_ends_the_session_and_the_socket_with_1000() {
    let server = Server::start().await;
    let mut alice = server
        .socket("/rtc?protocol=16", &joiner("alice", "lobby"))
        .await
        .unwrap();
    hear(&mut alice).await;
    ask(&mut alice, Ask::Leave(proto::LeaveRequest::default())).await;
    let close = soon(async {
        while let Some(Ok(frame)) = alice.next().await {
            if let Frame::Close(frame) = frame {
                return frame;
            }
        }
        None
    });
    let code = close.await.map(|frame| u16::from(frame.code));
    assert_eq!(code, Some(1000));
}

#[tokio::test]
async fn an_administrator_removes_a_participant() {
    let server = Server::start().await;
    let mut alice = server
        .socket("/rtc?protocol=16", &joiner("alice", "lobby"))
        .await
        .unwrap();
    hear(&mut alice).await;
    let request = proto::RoomParticipantIdentity {
        room: "lobby".to_owned(),
        identity: "alice".to_owned(),
        ..Default::default()
    };
    let removed: Result<proto::RemoveParticipantResponse, _> = server
        .call("RoomService/RemoveParticipant", &admin("lobby"), &request)
        .await;
    removed.unwrap();
    let leave = until(&mut alice, |said| match said {
        Said::Leave(leave) => Some(leave),
        _ => None,
    });
    assert_eq!(
        leave.await.reason(),
        proto::DisconnectReason::ParticipantRemoved
    );
}

#[tokio::test]
async fn a_refused_join_is_an_http_status_before_any_upgrade() {
    let mut config = trunkline_node::NodeConfig::dev().with_free_ports();
    config.rooms.auto_create = false;
    let server = Server::start_with(config).await;
    let refused = server
        .socket("/rtc", &joiner("alice", "lobby"))
        .await
        .unwrap_err();
    assert_eq!(refused, (404, "requested room does not exist".to_owned()));
    let request = proto::CreateRoomRequest {
        name: "lobby".to_owned(),
        max_participants: 1,
        ..Default::default()
    };
    server.create_room(request).await;
    let _alice = server
        .socket("/rtc", &joiner("alice", "lobby"))
        .await
        .unwrap();
    let (status, text) = server
        .socket("/rtc", &joiner("bob", "lobby"))
        .await
        .unwrap_err();
    assert!(
        status >= 400 && text.contains("max participants"),
        "{status} {text}"
    );
    let (status, text) = server.socket("/rtc", &admin("lobby")).await.unwrap_err();
    assert_eq!((status, text.as_str()), (401, "permissions denied"));
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_the_socket() {
    let server = Server::start().await;
    let mut alice = server
        .socket("/rtc?protocol=16", &joiner("alice", "lobby"))
        .await
        .unwrap();
    hear(&mut alice).await;
    let metadata = "x".repeat(3 << 20);
    let update = proto::UpdateParticipantMetadata {
        metadata,
        ..Default::default()
    };
    let bytes = proto::SignalRequest {
        message: Some(Ask::UpdateMetadata(update)),
    };
    // The server may close before all of it is written.
    let _sent = alice
        .send(Frame::Binary(bytes.encode_to_vec().into()))
        .await;
    while hear(&mut alice).await.is_some() {}
}

#[tokio::test]
async fn nonsense_ends_the_socket_and_not_the_server() {
    let server = Server::start().await;
    let mut alice = server
        .socket("/rtc?protocol=16", &joiner("alice", "lobby"))
        .await
        .unwrap();
    alice
        .send(Frame::Binary(vec![0xff; 100].into()))
        .await
        .unwrap();
    while hear(&mut alice).await.is_some() {}
    let mut bob = server
        .socket("/rtc?protocol=16", &joiner("bob", "lobby"))
        .await
        .unwrap();
    assert!(matches!(hear(&mut bob).await, Some(Said::Join(_))));
}

/// The gateway set its call's last attribute, left, closed its socket and was gone, all at once. The
/// node's answer to the first found nobody, and with that it stopped reading: the leave was lost, and
/// the caller stayed in the room until its media had timed out.
#[tokio::test]
async fn a_leave_is_heard_though_the_client_is_gone_before_it_is_answered() {
    let server = Server::start().await;
    let mut events = server.node.subscribe_events();
    for n in 0..20 {
        let room = format!("lobby-{n}");
        let mut alice = server
            .socket("/rtc?protocol=16", &joiner("alice", &room))
            .await
            .unwrap();
        let ping = Ask::PingReq(proto::Ping::default());
        let leave = Ask::Leave(proto::LeaveRequest::default());
        for last_word in [ping.clone(), ping, leave] {
            ask(&mut alice, last_word).await;
        }
        // With what was said to it unread, its end resets the connection.
        drop(alice);
        let reason = loop {
            let event = soon(events.recv()).await.unwrap();
            if event.event.starts_with("participant_") && event.room.unwrap().name == room {
                break event.participant.unwrap().disconnect_reason();
            }
        };
        assert_eq!(reason, proto::DisconnectReason::ClientInitiated, "{n}");
    }
}
