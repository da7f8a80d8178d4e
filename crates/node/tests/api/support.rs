//! A node on loopback and the little that is needed to talk to it.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use livekit_protocol as proto;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, SipGrant, VideoGrant, sign};
use trunkline_node::{Node, NodeConfig, NodeHandle};
use trunkline_service::tasks::{Limits, Tasks};
use trunkline_store::Store;

/// A running node with the development keys.
pub(crate) struct Server {
    pub(crate) node: NodeHandle,
    pub(crate) client: reqwest::Client,
    tasks: Tasks,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Protobuf,
}

/// A refused call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) msg: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(NodeConfig::dev().with_free_ports()).await
    }

    pub(crate) async fn start_with(config: NodeConfig) -> Self {
        Self::start_in(config, ":memory:").await
    }

    /// With a store of its own, which a later node may open again.
    pub(crate) async fn start_in(config: NodeConfig, store: &str) -> Self {
        Self::start_on(config, Store::open(store).await.unwrap()).await
    }

    pub(crate) async fn start_on(config: NodeConfig, store: Store) -> Self {
        let tasks = Tasks::new();
        let node = Node::start(config, store, tasks.clone()).await.unwrap();
        Self {
            node,
            client: reqwest::Client::new(),
            tasks,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.node.http_addr())
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (StatusCode, String) {
        let response = self
            .client
            .get(self.url(path))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// One API call, in the encoding given.
    pub(crate) async fn call_in<Request, Reply>(
        &self,
        encoding: Encoding,
        method: &str,
        token: &str,
        request: &Request,
    ) -> Result<Reply, Refusal>
    where
        Request: Message + Serialize,
        Reply: Message + Default + DeserializeOwned,
    {
        let (kind, body) = match encoding {
            Encoding::Json => (
                "application/json;charset=UTF-8",
                serde_json::to_vec(request).unwrap(),
            ),
            Encoding::Protobuf => ("application/protobuf", request.encode_to_vec()),
        };
        let post = self
            .client
            .post(self.url(&format!("/twirp/livekit.{method}")));
        let post = post
            .bearer_auth(token)
            .header("content-type", kind)
            .body(body);
        let response = post.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        if !status.is_success() {
            assert_eq!(
                headers["content-type"], "application/json",
                "exactly, without a charset"
            );
            let error: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            return Err(Refusal {
                status: status.as_u16(),
                code: text("code"),
                msg: text("msg"),
            });
        }
        Ok(match encoding {
            Encoding::Json => serde_json::from_slice(&body).unwrap(),
            Encoding::Protobuf => {
                assert_eq!(headers["content-type"], "application/protobuf");
                Reply::decode(body).unwrap()
            }
        })
    }

    pub(crate) async fn call<Request, Reply>(
        &self,
        method: &str,
        token: &str,
        request: &Request,
    ) -> Result<Reply, Refusal>
    where
        Request: Message + Serialize,
        Reply: Message + Default + DeserializeOwned,
    {
        self.call_in(Encoding::Protobuf, method, token, request)
            .await
    }

    pub(crate) async fn create_room(&self, request: proto::CreateRoomRequest) -> proto::Room {
        self.call("RoomService/CreateRoom", &creator(), &request)
            .await
            .unwrap()
    }

    pub(crate) async fn room(&self, name: &str) -> proto::Room {
        let request = proto::CreateRoomRequest {
            name: name.to_owned(),
            ..Default::default()
        };
        self.create_room(request).await
    }

    /// Ends the node and says whether every task ended by itself.
    pub(crate) async fn stop(self) -> bool {
        self.node.drain().await;
        let limits = Limits {
            drain: Duration::from_millis(50),
            hurry: Duration::from_secs(6),
        };
        self.tasks.finish(limits).await.is_clean()
    }
}

pub(crate) fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

pub(crate) fn key() -> ApiKey {
    ApiKey::new("devkey", "secret")
}

pub(crate) fn token(claims: &Claims) -> String {
    sign(claims, &key()).unwrap()
}

pub(crate) fn with_video(grant: VideoGrant) -> String {
    token(&Claims::new("tester", now(), 600).with_video(grant))
}

pub(crate) fn creator() -> String {
    with_video(VideoGrant {
        room_create: true,
        room_list: true,
        ..Default::default()
    })
}

pub(crate) fn admin(room: &str) -> String {
    with_video(VideoGrant::admin(room))
}

pub(crate) fn joiner(identity: &str, room: &str) -> String {
    token(&Claims::new(identity, now(), 600).with_video(VideoGrant::join(room)))
}

pub(crate) fn worker() -> String {
    with_video(VideoGrant {
        agent: true,
        ..Default::default()
    })
}

pub(crate) fn sip(admin: bool, call: bool) -> String {
    token(&Claims::new("tester", now(), 600).with_sip(SipGrant { admin, call }))
}

/// Waits for something with a deadline far beyond what it takes.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it happens soon")
}

/// A client WebSocket.
pub(crate) type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

impl Server {
    /// Opens a WebSocket; a refused upgrade gives its status and text.
    pub(crate) async fn socket(&self, path: &str, token: &str) -> Result<Socket, (u16, String)> {
        use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest};
        let url = format!("ws://{}{path}", self.node.http_addr());
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => {
                let text = response.body().as_deref().map(String::from_utf8_lossy);
                Err((
                    response.status().as_u16(),
                    text.unwrap_or_default().into_owned(),
                ))
            }
            Err(error) => panic!("{error}"),
        }
    }
}
