//! Turns over a WebSocket: one connection for a conversation, made when it is needed and made anew
//! when it broke.

use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use super::config::ExternalConfig;
use super::wire::{LONGEST_LINE, Line};
use crate::brain::ExternalError;

/// Orders on their way: turns, and notes of what was heard. Full means that the program does not
/// read; notes are dropped then.
const ORDERS: usize = 16;

/// Lines on their way. When it is full the program waits for the speaking.
const LINES: usize = 32;

/// Longest wait for the program to take a message.
const SEND_LIMIT: Duration = Duration::from_secs(5);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Answer = mpsc::Sender<Result<Line, ExternalError>>;

enum Order {
    Turn {
        number: u64,
        turn: Json,
        lines: Answer,
    },
    Note(Json),
}

/// A conversation's connection. Dropping it closes it.
pub(super) struct Socket {
    orders: mpsc::Sender<Order>,
    _work: JoinSet<()>,
}

/// A handle that sends turns.
#[derive(Clone)]
pub(super) struct Asker(mpsc::Sender<Order>);

impl Socket {
    pub(super) fn new(config: Arc<ExternalConfig>, tls: Arc<rustls::ClientConfig>) -> Self {
        let (orders, received) = mpsc::channel(ORDERS);
        let mut work = JoinSet::new();
        let keeper = Keeper {
            config,
            tls,
            stream: None,
            turn: None,
        };
        work.spawn(keeper.run(received));
        Self {
            orders,
            _work: work,
        }
    }

    pub(super) fn asker(&self) -> Asker {
        Asker(self.orders.clone())
    }

    /// Tells the program something; not worth waiting for.
    pub(super) fn note(&self, note: Json) {
        drop(self.orders.try_send(Order::Note(note)));
    }
}

impl Asker {
    /// Sends a turn; its lines come as they come.
    pub(super) async fn ask(
        &self,
        number: u64,
        turn: Json,
    ) -> mpsc::Receiver<Result<Line, ExternalError>> {
        let (lines, received) = mpsc::channel(LINES);
        let order = Order::Turn {
            number,
            turn,
            lines,
        };
        drop(self.0.send(order).await);
        received
    }
}

/// The connection, and the turn that is being answered over it.
struct Keeper {
    config: Arc<ExternalConfig>,
    tls: Arc<rustls::ClientConfig>,
    stream: Option<Stream>,
    turn: Option<(u64, Answer)>,
}

impl Keeper {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                biased;
                () = unwanted(self.turn.as_ref()) => self.cancel().await,
                order = orders.recv() => match order {
                    Some(Order::Turn { number, turn, lines }) => self.ask(number, turn, lines).await,
                    Some(Order::Note(note)) => drop(self.send(&note).await),
                    None => return,
                },
                message = next(self.stream.as_mut()) => self.on_message(message).await,
            }
        }
    }

    async fn ask(&mut self, number: u64, turn: Json, lines: Answer) {
        let mut sent = self.stream.is_some() && self.send(&turn).await;
        if !sent {
            // A connection that stood idle may be gone without anybody having noticed.
            match timeout(self.config.first_byte, open(&self.config, &self.tls)).await {
                Ok(Ok(stream)) => {
                    self.stream = Some(stream);
                    sent = self.send(&turn).await;
                }
                Ok(Err(error)) => return drop(lines.send(Err(error)).await),
                Err(_) => return drop(lines.send(Err(ExternalError::Unreachable)).await),
            }
        }
        match sent {
            true => self.turn = Some((number, lines)),
            false => drop(lines.send(Err(ExternalError::Cut)).await),
        }
    }

    /// The caller spoke, or it was not the whole turn.
    async fn cancel(&mut self) {
        if let Some((number, _)) = self.turn.take() {
            self.send(&json!({"type": "cancel", "turn": number})).await;
        }
    }

    async fn send(&mut self, message: &Json) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let sent = stream.send(Message::text(message.to_string()));
        let sent = matches!(timeout(SEND_LIMIT, sent).await, Ok(Ok(())));
        if !sent {
            self.stream = None;
        }
        sent
    }

    async fn on_message(&mut self, message: Option<Result<Message, Error>>) {
        let line = match message {
            Some(Ok(Message::Text(text))) => Line::parse(&text),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return,
            Some(Ok(Message::Binary(_))) => Err(ExternalError::Garbled),
            Some(Err(Error::Capacity(_) | Error::Utf8(_))) => {
                self.stream = None;
                Err(ExternalError::Garbled)
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                self.stream = None;
                Err(ExternalError::Cut)
            }
        };
        let Some((number, lines)) = &self.turn else {
            return;
        };
        // The rest of an answer that nobody waits for any more.
        if matches!(&line, Ok(line) if line.turn.is_some_and(|turn| turn != *number)) {
            return;
        }
        let over = line.as_ref().map_or(true, |line| line.done);
        let gone = lines.send(line).await.is_err();
        if gone {
            self.cancel().await;
        } else if over {
            self.turn = None;
        }
    }
}

async fn unwanted(turn: Option<&(u64, Answer)>) {
    match turn {
        Some((_, lines)) => lines.closed().await,
        None => std::future::pending().await,
    }
}

async fn next(stream: Option<&mut Stream>) -> Option<Result<Message, Error>> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

async fn open(
    config: &ExternalConfig,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Stream, ExternalError> {
    let mut request = config
        .url
        .as_str()
        .into_client_request()
        .map_err(|_| ExternalError::Unreachable)?;
    for (name, value) in &config.headers {
        let name = HeaderName::try_from(name);
        let value = HeaderValue::try_from(value.expose());
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
    }
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_LINE))
        .max_frame_size(Some(LONGEST_LINE));
    let tls = config
        .url
        .starts_with("wss:")
        .then(|| Connector::Rustls(Arc::clone(tls)));
    match connect_async_tls_with_config(request, Some(limits), true, tls).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(response)) => Err(ExternalError::Refused(response.status().as_u16())),
        Err(_) => Err(ExternalError::Unreachable),
    }
}
