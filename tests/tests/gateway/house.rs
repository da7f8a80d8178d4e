//! A node and a gateway on free ports, and a participant who waits in the room.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_base::class::Classified as _;
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_bridge::sip::{
    AnswerPolicy, Caller, CallerOptions, DialOrder, Gateway, GatewayConfig, GatewayHandle,
    OutgoingCall,
};
use trunkline_client::api::LiveKitApiClient;
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_client::room::{Room, RoomEvent, RoomEvents, RoomOptions};
use trunkline_node::{CallOrder, LineError, LineFuture, Lines, Node, NodeConfig, NodeHandle};
use trunkline_service::tasks::{Limits, Tasks};
use trunkline_sip::routing::mark;
use trunkline_store::Store;

/// Nothing in these tests takes this long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// After which nothing is taken to come: longer than the server is asked for news of a caller.
const MOMENT: Duration = Duration::from_millis(1500);

pub(crate) const ROOM: &str = "lobby";

/// What is looked for in the store, once it is there: one looks again whenever a row was written.
pub(crate) async fn found<T>(store: &Store, mut look: impl AsyncFnMut(&Store) -> Option<T>) -> T {
    let mut backlog = store.backlog();
    let looking = async {
        loop {
            backlog.borrow_and_update();
            if let Some(found) = look(store).await {
                return found;
            }
            backlog.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, looking).await.unwrap()
}

pub(crate) struct House {
    pub(crate) node: NodeHandle,
    pub(crate) gateway: GatewayHandle,
    pub(crate) api: LiveKitApiClient,
    pub(crate) store: Store,
    pub(crate) tasks: Tasks,
}

impl House {
    /// One trunk for this machine and number 100, one with a login for number 200, one rule.
    pub(crate) async fn open(answer: AnswerPolicy) -> Self {
        Self::with(answer, |_| {}).await
    }

    pub(crate) async fn with(answer: AnswerPolicy, tune: impl FnOnce(&mut GatewayConfig)) -> Self {
        let store = Store::open(":memory:").await.unwrap();
        Self::over(store, answer, tune).await
    }

    /// With a store of its own kind.
    pub(crate) async fn over(
        store: Store,
        answer: AnswerPolicy,
        tune: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        Box::pin(Self::around(NodeConfig::dev(), store, answer, tune)).await
    }

    /// Around a node of its own kind.
    pub(crate) async fn around(
        node: NodeConfig,
        store: Store,
        answer: AnswerPolicy,
        tune: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        let tasks = Tasks::new();
        let node = Node::start(node.with_free_ports(), store.clone(), tasks.clone())
            .await
            .unwrap();
        let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
        let api = LiveKitApiClient::new(&node.url(), keys.clone()).unwrap();
        furnish(&api).await;
        let mut config = GatewayConfig::new(node.url(), keys);
        config.udp = "127.0.0.1:0".parse().unwrap();
        config.tcp = Some("127.0.0.1:0".parse().unwrap());
        config.rtp_ports = 30_000..=39_999;
        config.answer = answer;
        // As the daemon makes it; who else is in a room comes over the network.
        config.wire = node.wire().clone();
        tune(&mut config);
        let gateway = Gateway::start(config, store.clone(), tasks.clone())
            .await
            .unwrap();
        assert!(timeout(PATIENCE, gateway.ready()).await.unwrap());
        node.connect_lines(Arc::new(HouseLines(gateway.clone())));
        Self {
            node,
            gateway,
            api,
            store,
            tasks,
        }
    }

    pub(crate) fn target(&self, number: &str) -> String {
        format!("sip:{number}@{}", self.gateway.addr())
    }

    pub(crate) async fn call(&self, number: &str) -> OutgoingCall {
        let options = CallerOptions::new(self.target(number), "4711");
        timeout(PATIENCE, Caller::call(options))
            .await
            .unwrap()
            .unwrap()
    }

    /// Somebody in the room, before any call.
    pub(crate) async fn participant(&self) -> (Room, RoomEvents) {
        let auth = LiveKitAuthManager::new(KeyRing::from(ApiKey::new("devkey", "secret")));
        let identity = ParticipantIdentity::parse("agent").unwrap();
        let room = RoomName::parse(ROOM).unwrap();
        let token = auth
            .mint(&TokenSpec::new(Role::Agent, identity).in_room(room))
            .unwrap();
        Room::connect(&self.node.url(), token, RoomOptions::default())
            .await
            .unwrap()
    }

    /// Sends one datagram and collects what comes back within a moment, up to a final answer.
    pub(crate) async fn exchange(&self, message: &str) -> Vec<String> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port().to_string();
        let message = message.replace("LOCALPORT", &port);
        socket
            .send_to(message.as_bytes(), self.gateway.addr())
            .await
            .unwrap();
        let mut answers = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(Ok(length)) = timeout(MOMENT, socket.recv(&mut buffer)).await {
            let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let last = !answer.starts_with("SIP/2.0 1");
            answers.push(answer);
            if last {
                break;
            }
        }
        answers
    }

    pub(crate) async fn no_calls_left(&self) {
        let mut calls = self.gateway.watch_calls();
        timeout(PATIENCE, calls.wait_for(|calls| *calls == 0))
            .await
            .unwrap()
            .unwrap();
    }

    pub(crate) async fn close(self) {
        let Self {
            node,
            gateway,
            api,
            tasks,
            ..
        } = self;
        node.drain().await;
        // Handles keep the node listening for what they might still say.
        drop((node, gateway, api));
        let limits = Limits {
            drain: Duration::from_millis(200),
            hurry: Duration::from_secs(3),
        };
        tasks.finish(limits).await;
    }
}

/// The gateway as the node's lines, as the daemon connects them.
struct HouseLines(GatewayHandle);

impl Lines for HouseLines {
    fn place(&self, order: CallOrder) -> LineFuture<proto::SipParticipantInfo> {
        let gateway = self.0.clone();
        let CallOrder { request, trunk } = order;
        Box::pin(async move {
            let dialled = gateway.dial(DialOrder { request, trunk }).await;
            let dialled = dialled.map_err(|error| LineError {
                class: error.class(),
                text: error.to_string(),
                sip: error.sip(),
            })?;
            Ok(proto::SipParticipantInfo {
                participant_id: dialled.participant.to_string(),
                participant_identity: dialled.identity.to_string(),
                room_name: dialled.room.to_string(),
                sip_call_id: dialled.call_id.to_string(),
            })
        })
    }

    fn transfer(
        &self,
        request: proto::TransferSipParticipantRequest,
    ) -> LineFuture<proto::TransferSipParticipantResponse> {
        let gateway = self.0.clone();
        Box::pin(async move {
            gateway.transfer(request).await.map_err(|error| LineError {
                class: error.class(),
                text: error.to_string(),
                sip: error.sip(),
            })?;
            Ok(proto::TransferSipParticipantResponse::default())
        })
    }
}

async fn furnish(api: &LiveKitApiClient) {
    let trunk = |name: &str, number: &str| proto::SipInboundTrunkInfo {
        name: name.to_owned(),
        numbers: vec![number.to_owned()],
        ..Default::default()
    };
    let mut open = trunk("local", "100");
    open.allowed_addresses = vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()];
    open.metadata = mark::mark("local", "");
    api.create_inbound_trunk(open).await.unwrap();
    let mut locked = trunk("locked", "200");
    locked.auth_username = "alice".to_owned();
    locked.auth_password = "wonderland".to_owned();
    api.create_inbound_trunk(locked).await.unwrap();
    let mut elsewhere = trunk("elsewhere", "300");
    elsewhere.allowed_addresses = vec!["203.0.113.0/24".to_owned()];
    api.create_inbound_trunk(elsewhere).await.unwrap();
    let direct = proto::SipDispatchRuleDirect {
        room_name: ROOM.to_owned(),
        pin: String::new(),
    };
    let rule = proto::sip_dispatch_rule::Rule::DispatchRuleDirect(direct);
    let rule = proto::SipDispatchRuleInfo {
        name: "lobby".to_owned(),
        rule: Some(proto::SipDispatchRule { rule: Some(rule) }),
        ..Default::default()
    };
    api.create_dispatch_rule(rule).await.unwrap();
}

/// Reads events until one fits.
pub(crate) async fn next<T>(
    events: &mut RoomEvents,
    what: &str,
    mut fits: impl FnMut(RoomEvent) -> Option<T>,
) -> T {
    let found = timeout(PATIENCE, async {
        loop {
            let event = events
                .next()
                .await
                .unwrap_or_else(|| panic!("room is over before {what}"));
            if let Some(found) = fits(event) {
                return found;
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("never came: {what}"))
}

/// An INVITE as text. `LOCALPORT` becomes the sender's port.
pub(crate) fn invite(to: SocketAddr, number: &str, branch: &str, extra: &str) -> String {
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 40000 RTP/AVP 0\r\n";
    format!(
        "INVITE sip:{number}@{to} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:LOCALPORT;branch=z9hG4bK{branch};rport\r\n\
         From: <sip:4711@127.0.0.1>;tag=t{branch}\r\nTo: <sip:{number}@{to}>\r\n\
         Call-ID: {branch}@test\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\
         Contact: <sip:4711@127.0.0.1:LOCALPORT>\r\n{extra}\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}
