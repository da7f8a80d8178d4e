//! The worker's socket: opening it, registering, one message in, one message out.

use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use proto::server_message::Message as FromServer;
use proto::worker_message::Message as ToServer;
use tokio::time::timeout;
use trunkline_base::id::WorkerId;
use trunkline_base::secret::Secret;

use super::{WorkerOptions, wire};
use crate::auth::FreshToken;
use crate::url::ServerUrl;
use crate::ws::{OpenError, Socket};

/// For opening the socket and registering together; the server waits ten seconds for the latter.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Where and as whom to register.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) url: ServerUrl,
    pub(super) token: FreshToken,
    pub(super) options: WorkerOptions,
}

/// Why a worker is not registered.
#[derive(Debug)]
pub(super) struct Unregistered {
    /// The server will not have us, now or later.
    pub(super) denied: bool,
    pub(super) what: String,
}

impl Registration {
    /// Opens the socket and registers.
    pub(super) async fn open(&self) -> Result<(Registered, WorkerId), Unregistered> {
        match timeout(OPEN_LIMIT, self.register()).await {
            Ok(result) => result,
            Err(_elapsed) => Err(failed("no answer in time")),
        }
    }

    async fn register(&self) -> Result<(Registered, WorkerId), Unregistered> {
        let token = self.token.current();
        let opened = Socket::open(&self.url, "/agent", &token).await;
        let socket = opened.map_err(|error| self.blame(error, &token))?;
        let mut registered = Registered { socket };
        if !registered.send(wire::register(&self.options)).await {
            return Err(failed("connection lost while registering"));
        }
        match registered.recv().await {
            Some(FromServer::Register(answer)) => {
                let id = WorkerId::parse(answer.worker_id)
                    .map_err(|_| failed("server gave no worker id"))?;
                Ok((registered, id))
            }
            Some(_) => Err(failed("first message was not the registration's answer")),
            None => Err(failed("connection lost while registering")),
        }
    }

    fn blame(&self, error: OpenError, used: &Secret<String>) -> Unregistered {
        match error {
            OpenError::Refused {
                status,
                message,
                server,
            } => Unregistered {
                // Another key, or the server's own time, is worth another try.
                denied: matches!(status, 401 | 403) && !self.token.is_cured(used, server),
                what: format!("server refused with status {status}: {message}"),
            },
            OpenError::Request => failed("request cannot be built"),
            OpenError::Unreachable(error) => failed(&format!("server cannot be reached: {error}")),
        }
    }
}

fn failed(what: &str) -> Unregistered {
    Unregistered {
        denied: false,
        what: what.to_owned(),
    }
}

/// A registered socket.
#[derive(Debug)]
pub(super) struct Registered {
    socket: Socket,
}

impl Registered {
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
