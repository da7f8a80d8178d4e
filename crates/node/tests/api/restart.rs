//! What survives the process: rooms asked for by the API, their dispatches, trunks, recordings.

use livekit_protocol as proto;
use proto::server_message::Message as Said;
use proto::worker_message::Message as Ask;
use trunkline_base::token::{Claims, VideoGrant};
use trunkline_node::{IngressConfig, NodeConfig};
use trunkline_store::Store;
use trunkline_store::testing::{Filling, small_store};

use crate::support::{Server, admin, creator, joiner, now, soon, token, with_video};
use crate::workers::Worker;

struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn node(&self) -> Server {
        let ingress = IngressConfig {
            rtmp_base_url: "rtmp://host/x".to_owned(),
            ..Default::default()
        };
        let config = NodeConfig {
            ingress,
            ..NodeConfig::dev().with_free_ports()
        };
        let path = self.0.path().join("store.db");
        Server::start_in(config, path.to_str().unwrap()).await
    }

    /// Waits until a job has been written down, which happens behind everything else.
    async fn knows(&self, job: &str) {
        let path = self.0.path().join("store.db");
        let store = Store::open(path.to_str().unwrap()).await.unwrap();
        loop {
            let rooms = store.documents().list("room").await.unwrap();
            let named = |text: &[u8]| text.windows(job.len()).any(|part| part == job.as_bytes());
            if rooms.iter().any(|(_, room)| named(room)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn rooms(server: &Server) -> Vec<proto::Room> {
    let request = proto::ListRoomsRequest::default();
    let list: proto::ListRoomsResponse = server
        .call("RoomService/ListRooms", &creator(), &request)
        .await
        .unwrap();
    list.rooms
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
    let mut all = list.agent_dispatches;
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

async fn dispatch(server: &Server, room: &str, agent: &str) -> proto::AgentDispatch {
    let request = proto::CreateAgentDispatchRequest {
        room: room.to_owned(),
        agent_name: agent.to_owned(),
        metadata: "m".to_owned(),
        deployment: "blue".to_owned(),
        attributes: [("k".to_owned(), "v".to_owned())].into(),
        ..Default::default()
    };
    server
        .call(
            "AgentDispatchService/CreateDispatch",
            &admin(room),
            &request,
        )
        .await
        .unwrap()
}

#[tokio::test]
async fn rooms_and_dispatches_are_there_after_a_restart() {
    let disk = Disk::new();
    let before = disk.node().await;
    let request = proto::CreateRoomRequest {
        name: "kept".to_owned(),
        metadata: "one".to_owned(),
        empty_timeout: 600,
        departure_timeout: 7,
        max_participants: 3,
        ..Default::default()
    };
    before.create_room(request).await;
    let renamed = proto::UpdateRoomMetadataRequest {
        room: "kept".to_owned(),
        metadata: "two".to_owned(),
    };
    let kept: proto::Room = before
        .call("RoomService/UpdateRoomMetadata", &admin("kept"), &renamed)
        .await
        .unwrap();
    let wanted = dispatch(&before, "kept", "bot").await;
    let withdrawn = dispatch(&before, "kept", "other").await;
    let request = proto::DeleteAgentDispatchRequest {
        room: "kept".to_owned(),
        dispatch_id: withdrawn.id,
    };
    let gone: Result<proto::AgentDispatch, _> = before
        .call(
            "AgentDispatchService/DeleteDispatch",
            &admin("kept"),
            &request,
        )
        .await;
    gone.unwrap();
    let listed = dispatches(&before, "kept").await;
    assert!(listed.contains(&wanted));
    before.room("deleted").await;
    let request = proto::DeleteRoomRequest {
        room: "deleted".to_owned(),
    };
    let gone: Result<proto::DeleteRoomResponse, _> = before
        .call("RoomService/DeleteRoom", &creator(), &request)
        .await;
    gone.unwrap();
    assert!(soon(before.stop()).await);

    let after = disk.node().await;
    assert_eq!(rooms(&after).await, [kept]);
    assert_eq!(dispatches(&after, "kept").await, listed);
    let again = after.room("kept").await;
    assert_eq!(again.metadata, "two", "creating it again changes nothing");
}

/// With the disk full an agent was refused, and whoever it was for rang on.
#[tokio::test]
async fn a_dispatch_is_made_while_the_disk_is_full_and_written_down_once_it_is_not() {
    let disk = Disk::new();
    let store = small_store(disk.0.path()).await.unwrap();
    let before = Server::start_on(NodeConfig::dev().with_free_ports(), store.clone()).await;
    let filling = Filling::of(&store).await;
    let made = dispatch(&before, "kept", "bot").await;
    assert!(store.documents().list("room").await.unwrap().is_empty());
    filling.remove().await.unwrap();
    disk.knows(&made.id).await;
    let listed = dispatches(&before, "kept").await;
    assert!(listed.contains(&made));
    assert!(soon(before.stop()).await);
    let after = disk.node().await;
    assert_eq!(dispatches(&after, "kept").await, listed);
}

#[tokio::test]
async fn a_room_that_closed_is_not_opened_again() {
    let disk = Disk::new();
    let before = disk.node().await;
    let request = proto::CreateRoomRequest {
        name: "short".to_owned(),
        empty_timeout: 1,
        ..Default::default()
    };
    let mut events = before.node.subscribe_events();
    before.create_room(request).await;
    let finished = async { while events.recv().await.unwrap().event != "room_finished" {} };
    soon(finished).await;
    assert!(soon(before.stop()).await);
    let after = disk.node().await;
    assert!(rooms(&after).await.is_empty());
}

#[tokio::test]
async fn recordings_and_ingresses_are_remembered() {
    let disk = Disk::new();
    let recorder = with_video(VideoGrant {
        room_record: true,
        ..Default::default()
    });
    let importer = with_video(VideoGrant {
        ingress_admin: true,
        ..Default::default()
    });
    let before = disk.node().await;
    let info = proto::EgressInfo {
        egress_id: "EG_1".to_owned(),
        room_name: "call".to_owned(),
        status: proto::EgressStatus::EgressActive.into(),
        ..Default::default()
    };
    before.node.notify(proto::WebhookEvent {
        event: "egress_started".to_owned(),
        egress_info: Some(info.clone()),
        ..Default::default()
    });
    let request = proto::CreateIngressRequest {
        room_name: "call".to_owned(),
        participant_identity: "camera".to_owned(),
        ..Default::default()
    };
    let ingress: proto::IngressInfo = before
        .call("Ingress/CreateIngress", &importer, &request)
        .await
        .unwrap();
    assert_eq!(ingress.url, "rtmp://host/x");
    let list = proto::ListEgressRequest {
        room_name: "call".to_owned(),
        ..Default::default()
    };
    let listed = async {
        loop {
            let found: proto::ListEgressResponse = before
                .call("Egress/ListEgress", &recorder, &list)
                .await
                .unwrap();
            if !found.items.is_empty() {
                return found.items;
            }
        }
    };
    assert_eq!(soon(listed).await, std::slice::from_ref(&info));
    assert!(soon(before.stop()).await);

    let after = disk.node().await;
    let found: proto::ListEgressResponse = after
        .call("Egress/ListEgress", &recorder, &list)
        .await
        .unwrap();
    assert_eq!(found.items, [info]);
    let list = proto::ListIngressRequest::default();
    let found: proto::ListIngressResponse = after
        .call("Ingress/ListIngress", &importer, &list)
        .await
        .unwrap();
    assert_eq!(found.items, [ingress]);
}

/// A room that a join made forgot the agent its token named, and one whose agent was at work got a
/// second one.
#[tokio::test]
async fn a_room_that_a_join_made_remembers_its_agent() {
    let disk = Disk::new();
    let before = disk.node().await;
    let mut agents = Worker::register(&before, "bot").await;
    let config = serde_json::json!({"agents": [{"agentName": "bot", "metadata": "m"}]});
    let grant = VideoGrant::join("joined");
    let mut claims = Claims::new("alice", now(), 600).with_video(grant);
    claims.room_config = Some(config);
    let alice = before.socket("/rtc?protocol=16", &token(&claims)).await;
    let job = agents.accept().await.job.unwrap();
    soon(disk.knows(&job.id)).await;
    drop(alice);
    assert!(soon(before.stop()).await);

    let after = disk.node().await;
    let mut agents = Worker::register(&after, "bot").await;
    let listed = dispatches(&after, "joined").await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].agent_name.as_str(), listed[0].metadata.as_str()),
        ("bot", "m")
    );
    assert_eq!(listed[0].state.as_ref().unwrap().jobs[0].id, job.id);
    // Somebody is there to be served, and the agent is still expected.
    let _bob = after
        .socket("/rtc?protocol=16", &joiner("bob", "joined"))
        .await;
    let request = proto::WorkerPing { timestamp: 1 };
    agents.say(Ask::Ping(request)).await;
    assert!(
        matches!(agents.hear().await, Some(Said::Pong(_))),
        "no second offer"
    );
}
