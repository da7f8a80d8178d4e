//! Agent workers on their socket, with the rooms and the dispatch API around them.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
use proto::server_message::Message as Said;
use proto::worker_message::Message as Ask;
use tokio_tungstenite::tungstenite::Message as Frame;
use trunkline_base::token::{KeyRing, ParticipantKind};

use crate::support::{Server, Socket, admin, joiner, key, now, soon, worker};

/// A worker as the SDKs are one.
pub(crate) struct Worker(Socket);

impl Worker {
    pub(crate) async fn register(server: &Server, name: &str) -> Self {
        let mut worker = Self(server.socket("/agent", &worker()).await.unwrap());
        let request = proto::RegisterWorkerRequest {
            agent_name: name.to_owned(),
            version: "1.0".to_owned(),
            ..Default::default()
        };
        worker.say(Ask::Register(request)).await;
        let Some(Said::Register(reply)) = worker.hear().await else {
            panic!("register first")
        };
        assert!(reply.worker_id.starts_with("AW_"));
        assert_eq!(reply.server_info.unwrap().agent_protocol, 1);
        worker
    }

    pub(crate) async fn say(&mut self, message: Ask) {
        let bytes = proto::WorkerMessage {
            message: Some(message),
        }
        .encode_to_vec();
        self.0.send(Frame::Binary(bytes.into())).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Option<Said> {
        loop {
            match soon(self.0.next()).await?.ok()? {
                Frame::Binary(bytes) => {
                    return proto::ServerMessage::decode(bytes).unwrap().message;
                }
                Frame::Text(text) => {
                    let message: proto::ServerMessage = serde_json::from_str(&text).unwrap();
                    return message.message;
                }
                Frame::Close(_) => return None,
                _ => {}
            }
        }
    }

    async fn offer(&mut self) -> proto::Job {
        match self.hear().await {
            Some(Said::Availability(request)) => request.job.unwrap(),
            other => panic!("no offer: {other:?}"),
        }
    }

    pub(crate) async fn accept(&mut self) -> proto::JobAssignment {
        let job = self.offer().await;
        let answer = proto::AvailabilityResponse {
            job_id: job.id.clone(),
            available: true,
            participant_identity: format!("agent-{}", job.id),
            ..Default::default()
        };
        self.say(Ask::Availability(answer)).await;
        match self.hear().await {
            Some(Said::Assignment(assignment)) => assignment,
            other => panic!("no assignment: {other:?}"),
        }
    }
}

fn room(name: &str, agents: &[&str]) -> proto::CreateRoomRequest {
    let agents = agents.iter().map(|name| proto::RoomAgentDispatch {
        agent_name: (*name).to_owned(),
        metadata: "for you".to_owned(),
        ..Default::default()
    });
    proto::CreateRoomRequest {
        name: name.to_owned(),
        agents: agents.collect(),
        ..Default::default()
    }
}

async fn dispatches(server: &Server, room: &str) -> Vec<proto::AgentDispatch> {
    let request = proto::ListAgentDispatchRequest {
        room: room.to_owned(),
        ..Default::default()
    };
    let list: proto::ListAgentDispatchResponse = server
        .call("AgentDispatchService/ListDispatch", &admin(room), &request)
        .await
        .unwrap();
    list.agent_dispatches
}

#[tokio::test]
async fn only_a_worker_may_connect() {
    let server = Server::start().await;
    let refused = server
        .socket("/agent", &joiner("alice", "lobby"))
        .await
        .unwrap_err();
    let text = "no permissions to access the room".to_owned();
    assert_eq!(refused, (401, text));
}

#[tokio::test]
async fn a_room_brings_its_agent_a_token_to_join_with() {
    let server = Server::start().await;
    let mut bot = Worker::register(&server, "bot").await;
    server.create_room(room("lobby", &["bot"])).await;
    let assignment = bot.accept().await;
    let job = assignment.job.unwrap();
    assert_eq!(
        (job.agent_name.as_str(), job.metadata.as_str()),
        ("bot", "for you")
    );
    assert!(assignment.url.is_none(), "the worker keeps its own URL");
    let claims = KeyRing::from(key())
        .verify(&assignment.token, now())
        .unwrap();
    assert_eq!(claims.kind, ParticipantKind::Agent);
    assert_eq!(claims.video.unwrap().room, "lobby");
    let _agent = server
        .socket("/rtc?protocol=16", &assignment.token)
        .await
        .unwrap();
    let listed = dispatches(&server, "lobby").await;
    assert_eq!(listed[0].state.as_ref().unwrap().jobs[0].id, job.id);
}

#[tokio::test]
async fn a_room_without_agents_asks_the_unnamed_worker_and_no_other() {
    let server = Server::start().await;
    let mut unnamed = Worker::register(&server, "").await;
    let mut named = Worker::register(&server, "bot").await;
    server.room("lobby").await;
    assert_eq!(unnamed.offer().await.room.unwrap().name, "lobby");
    named
        .say(Ask::Ping(proto::WorkerPing { timestamp: 5 }))
        .await;
    let Some(Said::Pong(pong)) = named.hear().await else {
        panic!("a pong and nothing before")
    };
    assert_eq!(pong.last_timestamp, 5);
}

#[tokio::test]
async fn a_join_that_creates_the_room_brings_the_agents_of_its_token() {
    use trunkline_base::token::{Claims, VideoGrant};
    let server = Server::start().await;
    let mut bot = Worker::register(&server, "bot").await;
    let config = serde_json::json!({ "agents": [{ "agentName": "bot", "metadata": "vip" }] });
    let claims = Claims::new("alice", now(), 600)
        .with_video(VideoGrant::join("lobby"))
        .with_room_config(config);
    let _alice = server
        .socket("/rtc?protocol=16", &crate::support::token(&claims))
        .await
        .unwrap();
    assert_eq!(bot.offer().await.metadata, "vip");
}

#[tokio::test]
async fn dispatches_are_created_listed_and_deleted() {
    let server = Server::start().await;
    let mut bot = Worker::register(&server, "bot").await;
    let request = proto::CreateAgentDispatchRequest {
        agent_name: "bot".to_owned(),
        room: "lobby".to_owned(),
        metadata: "m".to_owned(),
        ..Default::default()
    };
    let made: proto::AgentDispatch = server
        .call(
            "AgentDispatchService/CreateDispatch",
            &admin("lobby"),
            &request,
        )
        .await
        .unwrap();
    assert!(made.id.starts_with("AD_"));
    let job = bot.accept().await.job.unwrap();
    assert_eq!(
        (job.dispatch_id.as_str(), job.metadata.as_str()),
        (made.id.as_str(), "m")
    );
    let listed = dispatches(&server, "lobby").await;
    assert!(listed.iter().any(|dispatch| dispatch.id == made.id));
    let request = proto::DeleteAgentDispatchRequest {
        dispatch_id: made.id.clone(),
        room: "lobby".to_owned(),
    };
    let method = "AgentDispatchService/DeleteDispatch";
    let gone: proto::AgentDispatch = server
        .call(method, &admin("lobby"), &request)
        .await
        .unwrap();
    assert!(gone.state.unwrap().deleted_at > 0);
    let Some(Said::Termination(end)) = bot.hear().await else {
        panic!("told to end")
    };
    assert_eq!(end.job_id, job.id);
    let again: Result<proto::AgentDispatch, _> =
        server.call(method, &admin("lobby"), &request).await;
    assert_eq!(again.unwrap_err().code, "not_found");
}

#[tokio::test]
async fn dispatches_of_a_room_that_is_not_there_are_not_found() {
    let server = Server::start().await;
    let request = proto::ListAgentDispatchRequest {
        room: "no".to_owned(),
        ..Default::default()
    };
    let answer: Result<proto::ListAgentDispatchResponse, _> = server
        .call("AgentDispatchService/ListDispatch", &admin("no"), &request)
        .await;
    assert_eq!(answer.unwrap_err().code, "not_found");
}

#[tokio::test]
async fn a_worker_that_comes_late_gets_the_job_that_waits() {
    let server = Server::start().await;
    server.create_room(room("lobby", &["bot"])).await;
    let mut bot = Worker::register(&server, "bot").await;
    assert_eq!(bot.offer().await.room.unwrap().name, "lobby");
}

#[tokio::test]
async fn a_worker_that_declines_passes_the_job_on() {
    let server = Server::start().await;
    let mut first = Worker::register(&server, "bot").await;
    server.create_room(room("lobby", &["bot"])).await;
    let job = first.offer().await;
    let mut second = Worker::register(&server, "bot").await;
    let no = proto::AvailabilityResponse {
        job_id: job.id.clone(),
        ..Default::default()
    };
    first.say(Ask::Availability(no)).await;
    assert_eq!(second.offer().await.id, job.id);
}

#[tokio::test]
async fn a_lost_worker_is_forgotten_and_its_offer_passed_on() {
    let server = Server::start().await;
    let mut first = Worker::register(&server, "bot").await;
    server.create_room(room("lobby", &["bot"])).await;
    let job = first.offer().await;
    let mut second = Worker::register(&server, "bot").await;
    drop(first);
    assert_eq!(second.offer().await.id, job.id);
    assert_eq!(server.node.workers().await, 1);
}

#[tokio::test]
async fn anything_but_a_ping_before_register_closes_the_socket() {
    let server = Server::start().await;
    let mut worker = Worker(server.socket("/agent", &worker()).await.unwrap());
    worker
        .say(Ask::UpdateWorker(proto::UpdateWorkerStatus::default()))
        .await;
    assert!(worker.hear().await.is_none());
}

#[tokio::test]
async fn a_second_register_closes_the_socket() {
    let server = Server::start().await;
    let mut bot = Worker::register(&server, "bot").await;
    bot.say(Ask::Register(proto::RegisterWorkerRequest::default()))
        .await;
    assert!(bot.hear().await.is_none());
}

#[tokio::test]
async fn a_ping_is_answered_before_anybody_has_registered() {
    let server = Server::start().await;
    let mut bot = Worker(server.socket("/agent", &worker()).await.unwrap());
    bot.say(Ask::Ping(proto::WorkerPing { timestamp: 7 })).await;
    match bot.hear().await {
        Some(Said::Pong(pong)) => assert_eq!(pong.last_timestamp, 7),
        other => panic!("no pong: {other:?}"),
    }
    bot.say(Ask::Register(proto::RegisterWorkerRequest::default()))
        .await;
    assert!(matches!(bot.hear().await, Some(Said::Register(_))));
}

#[tokio::test]
async fn a_worker_may_speak_json() {
    let server = Server::start().await;
    let mut socket = server.socket("/agent", &worker()).await.unwrap();
    let text = r#"{"register":{"type":"JT_ROOM","agentName":"bot","version":"1"}}"#;
    socket.send(Frame::Text(text.into())).await.unwrap();
    let Frame::Text(reply) = soon(socket.next()).await.unwrap().unwrap() else {
        panic!("JSON")
    };
    assert!(reply.contains("workerId"), "{reply}");
}

#[tokio::test]
async fn the_node_ends_with_workers_connected() {
    let server = Server::start().await;
    let mut bot = Worker::register(&server, "bot").await;
    let ended = tokio::time::timeout(Duration::from_secs(15), server.stop())
        .await
        .unwrap();
    assert!(ended, "every task ends by itself");
    assert!(bot.hear().await.is_none());
}
