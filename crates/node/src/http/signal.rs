//! The signal socket: frames in one encoding on the wire, messages to and from a room's session.
//!
//! Reading and writing are two futures of one task, so that neither can hold up the other. When
//! the socket is lost, dropping the session's lane tells the room; when the session is over, the
//! socket is closed with 1000.
//!
//! A client that leaves says so, closes, and is gone before we have answered what it asked first.
//! So a failed write ends nothing: what the client sent before is read to its end.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, close_code};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
use tokio::sync::{mpsc, watch};

use crate::clock::instant;
use crate::encoding::Encoding;
use crate::room::{Envelope, Outbox, Session};
use crate::signal::pace::Pace;

/// Why the pump ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The session is over: we close.
    Session,
    /// The client closed, or the connection broke.
    Socket,
    /// The client takes nothing more; what it said before may still be unread.
    Unwritten,
    /// The client sent what is no signal message.
    Unreadable,
    /// The client sent a message that is too long.
    TooLong,
}

/// Pumps until either side ends. `first` is the message the client waits for.
pub(super) async fn pump(socket: WebSocket, session: Session, first: Envelope) {
    let Session {
        participant,
        outgoing,
        incoming,
    } = session;
    let (mut sink, stream) = socket.split();
    let (encoding, encoding_read) = watch::channel(Encoding::Protobuf);
    let end = {
        let reading = read(stream, incoming, &encoding);
        let writing = write(&mut sink, outgoing, first, &encoding_read);
        tokio::pin!(reading, writing);
        let first = tokio::select! {
            biased;
            end = &mut writing => end,
            end = &mut reading => end,
        };
        if first == End::Unwritten {
            let rest = tokio::time::timeout(LAST_WORDS, reading).await;
            rest.unwrap_or(End::Socket)
        } else {
            first
        }
    };
    tracing::debug!(%participant, ?end, "signal socket ended");
    let (code, reason) = match end {
        End::Socket | End::Unwritten => return,
        End::Session => (close_code::NORMAL, String::new()),
        End::Unreadable => (close_code::UNSUPPORTED, String::new()),
        End::TooLong => {
            let reason = format!("a signal message may have {MAX_MESSAGE} bytes");
            (close_code::SIZE, reason)
        }
    };
    let frame = Frame::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }));
    let _lost = tokio::time::timeout(WRITE_LIMIT, sink.send(frame)).await;
}

async fn read(
    mut stream: SplitStream<WebSocket>,
    incoming: mpsc::Sender<proto::SignalRequest>,
    encoding: &watch::Sender<Encoding>,
) -> End {
    let mut pace = Pace::default();
    while let Some(frame) = stream.next().await {
        if let Ok(frame) = &frame {
            let length = length(frame);
            if length > MAX_MESSAGE {
                return End::TooLong;
            }
            let wait = pace.heard(length, instant());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
        let request = match frame {
            Err(error) => {
                tracing::debug!(%error, "signal socket failed");
                return End::Socket;
            }
            Ok(Frame::Close(_)) => return End::Socket,
            Ok(Frame::Ping(_) | Frame::Pong(_)) => continue,
            Ok(Frame::Binary(bytes)) => {
                encoding.send_replace(Encoding::Protobuf);
                proto::SignalRequest::decode(bytes).ok()
            }
            Ok(Frame::Text(text)) => {
                encoding.send_replace(Encoding::Json);
                serde_json::from_str(&text).ok()
            }
        };
        let Some(request) = request else {
            return End::Unreadable;
        };
        if incoming.send(request).await.is_err() {
            // The session is over; the writer still has its last words to send.
            std::future::pending::<()>().await;
        }
    }
    End::Socket
}

fn length(frame: &Frame) -> usize {
    match frame {
        Frame::Binary(bytes) | Frame::Ping(bytes) | Frame::Pong(bytes) => bytes.len(),
        Frame::Text(text) => text.len(),
        Frame::Close(_) => 0,
    }
}

async fn write(
    sink: &mut SplitSink<WebSocket, Frame>,
    mut outgoing: Outbox,
    first: Envelope,
    encoding: &watch::Receiver<Encoding>,
) -> End {
    let mut ping = tokio::time::interval(PING_EVERY);
    ping.tick().await;
    let mut next = Some(first);
    loop {
        if let Some(message) = next.take() {
            let encoding = *encoding.borrow();
            if send(sink, frame(&message, encoding)).await.is_err() {
                return End::Unwritten;
            }
        }
        tokio::select! {
            biased;
            message = outgoing.recv() => match message {
                Some(message) => next = Some(message),
                None => return End::Session,
            },
            _ = ping.tick() => {
                if send(sink, Frame::Ping(Default::default())).await.is_err() {
                    return End::Unwritten;
                }
            }
        }
    }
}

fn frame(message: &Envelope, encoding: Encoding) -> Frame {
    let json = match encoding {
        Encoding::Json => serde_json::to_string(message.message()).ok(),
        Encoding::Protobuf => None,
    };
    match json {
        Some(json) => Frame::Text(json.into()),
        None => Frame::Binary(message.protobuf()),
    }
}

async fn send(sink: &mut SplitSink<WebSocket, Frame>, frame: Frame) -> Result<(), ()> {
    match tokio::time::timeout(WRITE_LIMIT, sink.send(frame)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

/// LiveKit's limit for a signal message.
const MAX_MESSAGE: usize = 2 << 20;
/// What is not even read. A message that is a little too long is refused in words.
pub(super) const MAX_FRAME: usize = 2 * MAX_MESSAGE;
/// Keeps proxies from closing an idle socket, and finds dead ones.
const PING_EVERY: Duration = Duration::from_secs(10);
/// What a client said before it went is in our buffers: reading it takes no longer than this,
/// unless its connection hangs.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A client that takes longer to accept a frame is gone.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
