//! The signal socket: a child task that opens it and carries messages both ways, so that a slow
//! socket never holds up media.

use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
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

/// For what a server said last, when it takes nothing more.
const LAST_WORDS: Duration = Duration::from_secs(1);

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

    /// Sends a request; false when the socket does not keep up. One that is gone says so in its
    /// last news, before which there may be what the server said last, such as `leave`.
    pub(super) fn send(&self, request: proto::SignalRequest) -> bool {
        !matches!(self.out.try_send(request), Err(TrySendError::Full(_)))
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
                        hear_out(&mut socket, &report).await;
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

/// Nothing can be sent any more; what the server said before it went is still in our buffers.
async fn hear_out(socket: &mut Socket, report: &mpsc::Sender<SignalNews>) {
    let hearing = async {
        while let Some(bytes) = socket.recv().await {
            if let Ok(message) = proto::SignalResponse::decode(bytes) {
                let message = SignalNews::Message(Box::new(message));
                if report.send(message).await.is_err() {
                    return;
                }
            }
        }
    };
    drop(tokio::time::timeout(LAST_WORDS, hearing).await);
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

#[cfg(test)]
mod tests {
    use super::*;

    type Ends = (
        mpsc::Receiver<proto::SignalRequest>,
        mpsc::Sender<SignalNews>,
    );

    fn opened() -> (Signal, Ends) {
        let (out, requests) = mpsc::channel(1);
        let (report, news) = mpsc::channel(1);
        #[expect(clippy::disallowed_methods, reason = "a handle for the test")]
        let task = tokio::spawn(async {});
        (Signal { out, news, task }, (requests, report))
    }

    /// A leave was not read when something was asked just then: the client came back into a room that
    /// had been deleted.
    #[tokio::test]
    async fn what_was_said_last_is_read_though_nothing_can_be_asked_any_more() {
        let (mut signal, (requests, report)) = opened();
        let last = SignalNews::Message(Box::default());
        report.send(last).await.unwrap();
        drop((requests, report));
        assert!(signal.send(proto::SignalRequest::default()));
        assert!(matches!(signal.recv().await, Some(SignalNews::Message(_))));
        assert!(signal.recv().await.is_none());
    }

    #[tokio::test]
    async fn a_socket_that_does_not_keep_up_is_given_up() {
        let (signal, _ends) = opened();
        assert!(signal.send(proto::SignalRequest::default()));
        assert!(!signal.send(proto::SignalRequest::default()));
    }
}
