//! A worker's socket: register first, then messages both ways.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, close_code};
use livekit_protocol as proto;
use prost::Message as _;
use proto::server_message::Message as ToWorker;
use proto::worker_message::Message as FromWorker;
use tokio::sync::mpsc;
use trunkline_base::id::WorkerId;
use trunkline_service::tasks::Stop;

use super::{Dispatcher, Registration};
use crate::encoding::Encoding;

/// Why a worker's socket was closed by us.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no register message in time")]
    NotRegistered,
    #[error("message before register, or a second register")]
    OutOfOrder,
    #[error("unreadable message")]
    Unreadable,
    #[error("registration refused: {0}")]
    Refused(#[from] super::RegistrationError),
    #[error("the server is ending")]
    Ending,
    #[error("socket lost")]
    Lost,
}

/// Serves one worker until its socket ends.
pub(crate) async fn serve(
    mut socket: WebSocket,
    dispatcher: Dispatcher,
    api_key: String,
    server: proto::ServerInfo,
    stop: Stop,
) {
    let first = tokio::time::timeout(REGISTER_LIMIT, introduction(&mut socket)).await;
    let outcome = match first.unwrap_or(Err(Fault::NotRegistered)) {
        Ok(Some((FromWorker::Register(request), encoding))) => {
            let worker = Worker {
                socket: &mut socket,
                dispatcher,
                encoding,
                stop,
            };
            worker.run(request, &api_key, server).await
        }
        Ok(Some(_)) => Err(Fault::OutOfOrder),
        Ok(None) => Ok(()),
        Err(fault) => Err(fault),
    };
    let code = match outcome {
        Ok(()) => close_code::NORMAL,
        Err(Fault::Ending) => close_code::AWAY,
        Err(fault) => {
            tracing::warn!(reason = %fault, "agent worker socket closed");
            close_code::POLICY
        }
    };
    let frame = CloseFrame {
        code,
        reason: "".into(),
    };
    let _lost = tokio::time::timeout(WRITE_LIMIT, socket.send(Frame::Close(Some(frame)))).await;
}

/// The first message that is no ping: a ping is answered before anybody has said who it is.
async fn introduction(socket: &mut WebSocket) -> Result<Option<(FromWorker, Encoding)>, Fault> {
    loop {
        match receive(socket).await? {
            Some((FromWorker::Ping(ping), encoding)) => {
                let pong = written(ToWorker::Pong(pong(&ping)), encoding)?;
                send(socket, pong).await?;
            }
            other => return Ok(other),
        }
    }
}

struct Worker<'a> {
    socket: &'a mut WebSocket,
    dispatcher: Dispatcher,
    encoding: Encoding,
    stop: Stop,
}

impl Worker<'_> {
    async fn run(
        mut self,
        request: proto::RegisterWorkerRequest,
        api_key: &str,
        server: proto::ServerInfo,
    ) -> Result<(), Fault> {
        let registration = Registration::read(request, api_key)?;
        let (lane, outgoing) = mpsc::channel(OUTGOING);
        let registered = self.dispatcher.register(registration, lane).await;
        let worker = registered.map_err(|_| Fault::Ending)??;
        let reply = proto::RegisterWorkerResponse {
            worker_id: worker.to_string(),
            server_info: Some(server),
            ..Default::default()
        };
        let outcome = match self.write(ToWorker::Register(reply)).await {
            Ok(()) => self.pump(&worker, outgoing).await,
            Err(fault) => Err(fault),
        };
        self.dispatcher.gone(worker).await;
        outcome
    }

    async fn pump(
        &mut self,
        worker: &WorkerId,
        mut outgoing: mpsc::Receiver<ToWorker>,
    ) -> Result<(), Fault> {
        let stop = self.stop.clone();
        let hurry = stop.hurry();
        tokio::pin!(hurry);
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.tick().await;
        loop {
            tokio::select! {
                biased;
                () = &mut hurry => return Err(Fault::Ending),
                message = outgoing.recv() => match message {
                    Some(message) => self.write(message).await?,
                    None => return Err(Fault::Lost),
                },
                received = receive(self.socket) => match received? {
                    Some((message, encoding)) => {
                        self.encoding = encoding;
                        self.on_message(worker, message).await?;
                    }
                    None => return Ok(()),
                },
                _ = ping.tick() => self.frame(Frame::Ping(Default::default())).await?,
            }
        }
    }

    async fn on_message(&mut self, worker: &WorkerId, message: FromWorker) -> Result<(), Fault> {
        match message {
            FromWorker::Register(_) => Err(Fault::OutOfOrder),
            FromWorker::Ping(ping) => self.write(ToWorker::Pong(pong(&ping))).await,
            other => {
                self.dispatcher.heard(worker, other).await;
                Ok(())
            }
        }
    }

    async fn write(&mut self, message: ToWorker) -> Result<(), Fault> {
        self.frame(written(message, self.encoding)?).await
    }

    async fn frame(&mut self, frame: Frame) -> Result<(), Fault> {
        send(self.socket, frame).await
    }
}

fn pong(ping: &proto::WorkerPing) -> proto::WorkerPong {
    proto::WorkerPong {
        last_timestamp: ping.timestamp,
        timestamp: crate::clock::now().millis_i64(),
    }
}

fn written(message: ToWorker, encoding: Encoding) -> Result<Frame, Fault> {
    let message = proto::ServerMessage {
        message: Some(message),
    };
    Ok(match encoding {
        Encoding::Protobuf => Frame::Binary(message.encode_to_vec().into()),
        Encoding::Json => {
            let text = serde_json::to_string(&message).map_err(|_| Fault::Unreadable)?;
            Frame::Text(text.into())
        }
    })
}

async fn send(socket: &mut WebSocket, frame: Frame) -> Result<(), Fault> {
    let sent = tokio::time::timeout(WRITE_LIMIT, socket.send(frame)).await;
    sent.map_err(|_| Fault::Lost)?.map_err(|_| Fault::Lost)
}

/// The next message, `None` at the end of the socket. Cancel safe: it only waits for one frame.
async fn receive(socket: &mut WebSocket) -> Result<Option<(FromWorker, Encoding)>, Fault> {
    loop {
        let (message, encoding) = match socket.recv().await {
            None | Some(Ok(Frame::Close(_))) => return Ok(None),
            Some(Err(error)) => {
                tracing::debug!(%error, "agent worker socket failed");
                return Err(Fault::Lost);
            }
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => continue,
            Some(Ok(Frame::Binary(bytes))) => {
                let message = proto::WorkerMessage::decode(bytes).map_err(|_| Fault::Unreadable)?;
                (message, Encoding::Protobuf)
            }
            Some(Ok(Frame::Text(text))) => {
                let message: proto::WorkerMessage =
                    serde_json::from_str(&text).map_err(|_| Fault::Unreadable)?;
                (message, Encoding::Json)
            }
        };
        // A message of a newer protocol has no variant here: skip it.
        if let Some(message) = message.message {
            return Ok(Some((message, encoding)));
        }
    }
}

/// A worker that connects registers at once.
const REGISTER_LIMIT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(10);
/// A worker that takes longer to accept a frame is gone.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// Offers in flight to one worker; a full lane means it does not read.
const OUTGOING: usize = 256;
