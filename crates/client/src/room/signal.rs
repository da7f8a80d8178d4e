//! The signal socket: a child task that opens it and carries messages both ways, so that a slow
//! socket never holds up media.

use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;

use super::error::ConnectError;
use crate::url::ServerUrl;
use crate::ws::{OpenError, Socket};

/// Requests waiting for the socket. Filling it means the server does not read: the connection is
/// as good as lost.
const OUT_DEPTH: usize = 256;

/// Messages waiting for the room task. Filling it only holds up the socket.
const IN_DEPTH: usize = 256;

/// For the socket to open, from name lookup to upgrade.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// What the child reports.
#[derive(Debug)]
pub(super) enum SignalNews {
    Opened,
    /// It did not open; a server that refused told its time.
    Failed {
        error: ConnectError,
        server: Option<UnixTime>,
    },
    Message(Box<proto::SignalResponse>),
    Lost,
}

/// One signal connection, open or opening. Dropping it closes the socket: the child sees its lanes
/// closed, sends what is left, says goodbye and ends by its own deadlines.
#[derive(Debug)]
pub(super) struct Signal {
    out: mpsc::Sender<proto::SignalRequest>,
    news: mpsc::Receiver<SignalNews>,
    task: JoinHandle<()>,
}

impl Signal {
    /// Begins to open a socket.
    pub(super) fn open(server: ServerUrl, path: String, token: Secret<String>) -> Self {
        let (out, requests) = mpsc::channel(OUT_DEPTH);
        let (report, news) = mpsc::channel(IN_DEPTH);
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with its lanes, which Signal owns"
        )]
        let task = tokio::spawn(carry((server, path), token, requests, report));
        Self { out, news, task }
    }

    /// The next report; nothing after the last.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn recv(&mut self) -> Option<SignalNews> {
        self.news.recv().await
    }

    /// Lets the socket go; the handle ends once what was sent is out and the socket is closed.
    pub(super) fn retire(self) -> JoinHandle<()> {
        self.task
    }

    /// Sends a request; false when the socket does not keep up or is gone.
    pub(super) fn send(&self, request: proto::SignalRequest) -> bool {
        self.out.try_send(request).is_ok()
    }
}

async fn carry(
    (server, path): (ServerUrl, String),
    token: Secret<String>,
    mut requests: mpsc::Receiver<proto::SignalRequest>,
    report: mpsc::Sender<SignalNews>,
) {
    let opening = Socket::open(&server, &path, &token);
    let opened = tokio::time::timeout(OPEN_LIMIT, opening).await;
    let mut socket = match opened {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return drop(report.send(error.into()).await),
        Err(_elapsed) => {
            let failed = SignalNews::Failed {
                error: ConnectError::Timeout,
                server: None,
            };
            return drop(report.send(failed).await);
        }
    };
    if report.send(SignalNews::Opened).await.is_err() {
        return socket.close().await;
    }
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => {
                    if !socket.send(request.encode_to_vec()).await {
                        break;
                    }
                }
                None => return socket.close().await,
            },
            bytes = socket.recv() => {
                let Some(bytes) = bytes else { break };
                match proto::SignalResponse::decode(bytes) {
                    Ok(message) => {
                        let message = SignalNews::Message(Box::new(message));
                        if report.send(message).await.is_err() {
                            return flush(socket, requests).await;
                        }
                    }
                    Err(_) => tracing::warn!("signal message does not parse"),
                }
            }
        }
    }
    drop(report.send(SignalNews::Lost).await);
}

/// Nobody listens any more; what was asked before that, such as `leave`, still goes out.
async fn flush(mut socket: Socket, mut requests: mpsc::Receiver<proto::SignalRequest>) {
    while let Some(request) = requests.recv().await {
        if !socket.send(request.encode_to_vec()).await {
            return;
        }
    }
    socket.close().await;
}

impl From<OpenError> for SignalNews {
    fn from(error: OpenError) -> Self {
        let (error, server) = match error {
            OpenError::Refused {
                status,
                message,
                server,
            } => (ConnectError::Refused { status, message }, server),
            OpenError::Request => (ConnectError::Request, None),
            OpenError::Unreachable(error) => (ConnectError::Unreachable(error), None),
        };
        Self::Failed { error, server }
    }
}
