//! The worker's socket: opening it, registering, one message in, one message out.

use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use proto::server_message::Message as FromServer;
use proto::worker_message::Message as ToServer;
use tokio::time::timeout;
use trunkline_base::id::{ParticipantIdentity, WorkerId};

use super::{WorkerOptions, wire};
use crate::auth::{LiveKitAuthManager, Role, TokenSpec};
use crate::url::ServerUrl;
use crate::ws::{OpenError, Socket};

/// For opening the socket and registering together; the server waits ten seconds for the latter.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Where and as whom to register.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) url: ServerUrl,
    pub(super) auth: LiveKitAuthManager,
    pub(super) options: WorkerOptions,
}

/// Why a worker is not registered.
#[derive(Debug)]
pub(super) struct LinkError {
    /// The server will not have us, now or later.
    pub(super) denied: bool,
    pub(super) what: String,
}

impl Link {
    /// Opens the socket and registers.
    pub(super) async fn open(&self) -> Result<(LinkUp, WorkerId), LinkError> {
        match timeout(OPEN_LIMIT, self.register()).await {
            Ok(result) => result,
            Err(_elapsed) => Err(failed("no answer in time")),
        }
    }

    async fn register(&self) -> Result<(LinkUp, WorkerId), LinkError> {
        let bearer = ParticipantIdentity::parse("worker").map_err(|_| failed("no identity"))?;
        let token = self
            .auth
            .mint(&TokenSpec::new(Role::Agent, bearer))
            .map_err(|error| failed(&error.to_string()))?;
        let socket = Socket::open(&self.url, "/agent", &token)
            .await
            .map_err(LinkError::from)?;
        let mut link = LinkUp { socket };
        if !link.send(wire::register(&self.options)).await {
            return Err(failed("connection lost while registering"));
        }
        match link.recv().await {
            Some(FromServer::Register(answer)) => {
                let id = WorkerId::parse(answer.worker_id)
                    .map_err(|_| failed("server gave no worker id"))?;
                Ok((link, id))
            }
            Some(_) => Err(failed("first message was not the registration's answer")),
            None => Err(failed("connection lost while registering")),
        }
    }
}

impl From<OpenError> for LinkError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Refused { status, message } => Self {
                denied: matches!(status, 401 | 403),
                what: format!("server refused with status {status}: {message}"),
            },
            OpenError::Request => failed("request cannot be built"),
            OpenError::Unreachable(error) => failed(&format!("server cannot be reached: {error}")),
        }
    }
}

fn failed(what: &str) -> LinkError {
    LinkError {
        denied: false,
        what: what.to_owned(),
    }
}

/// A registered socket.
#[derive(Debug)]
pub(super) struct LinkUp {
    socket: Socket,
}

impl LinkUp {
    /// The next message that says something; nothing once the socket is gone.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn recv(&mut self) -> Option<FromServer> {
        loop {
            let bytes = self.socket.recv().await?;
            match proto::ServerMessage::decode(bytes) {
                Ok(proto::ServerMessage {
                    message: Some(message),
                }) => return Some(message),
                // A kind newer than this library.
                Ok(proto::ServerMessage { message: None }) => {}
                Err(_) => tracing::warn!("worker message does not parse"),
            }
        }
    }

    pub(super) async fn send(&mut self, message: ToServer) -> bool {
        let message = proto::WorkerMessage {
            message: Some(message),
        };
        self.socket.send(message.encode_to_vec()).await
    }

    pub(super) async fn close(self) {
        self.socket.close().await;
    }
}
