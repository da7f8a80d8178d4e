//! WebSockets to a LiveKit server, for room signalling and for agent workers alike.

use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, DATE, USER_AGENT};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;

use crate::url::ServerUrl;

/// Largest message read. The server bounds what it reads at 2 MiB; a join answer of a full room
/// may be larger.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// Read at once. All of it is blanked for each read, and stays as long as the socket does; a larger
/// message gets more.
const READ_BUFFER: usize = 4 * 1024;

/// Longest wait for the peer to take a message. A peer that reads nothing for this long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// Longest wait for the closing handshake.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// How much of a refusal's text is kept.
const REFUSAL_TEXT: usize = 300;

/// An open socket.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// Why a socket did not open.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The server answered with another status, at this time of its own.
    Refused {
        status: u16,
        message: String,
        server: Option<UnixTime>,
    },
    /// The request cannot be built.
    Request,
    /// Nobody there, or the connection broke.
    Unreachable(Box<dyn std::error::Error + Send + Sync>),
}

impl Socket {
    /// Opens a socket with a bearer token. The caller bounds the time.
    pub(crate) async fn open(
        server: &ServerUrl,
        path: &str,
        token: &Secret<String>,
    ) -> Result<Self, OpenError> {
        choose_crypto();
        let mut request = server
            .ws(path)
            .into_client_request()
            .map_err(|_| OpenError::Request)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| OpenError::Request)?;
        bearer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer);
        let agent = concat!("trunkline/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT));
        let trust = if server.is_secure() {
            Some(
                server
                    .trust()
                    .map_err(|error| OpenError::Unreachable(error.into()))?,
            )
        } else {
            None
        };
        let tls = trust
            .as_ref()
            .map(|trust| Connector::Rustls(trust.for_websocket()));
        let opened = connect_async_tls_with_config(request, Some(config), true, tls);
        match opened.await {
            Ok((stream, _response)) => Ok(Self { stream }),
            Err(Error::Http(response)) => Err(OpenError::Refused {
                status: response.status().as_u16(),
                message: refusal_text(response.body().as_deref().unwrap_or_default()),
                server: server_time(response.headers()),
            }),
            Err(error) => {
                let tls = trust.and_then(|trust| trust.explain(&error));
                Err(OpenError::Unreachable(match tls {
                    Some(trouble) => Box::new(trouble),
                    None => Box::new(error),
                }))
            }
        }
    }

    /// The next binary message; nothing once the socket is closed or broken.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn recv(&mut self) -> Option<Bytes> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Binary(bytes)) => return Some(bytes),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            }
        }
    }

    /// Sends a binary message; false when the socket is closed, broken or stuck.
    pub(crate) async fn send(&mut self, message: Vec<u8>) -> bool {
        let sent = self.stream.send(Message::Binary(message.into()));
        matches!(tokio::time::timeout(SEND_LIMIT, sent).await, Ok(Ok(())))
    }

    /// Closes politely.
    pub(crate) async fn close(mut self) {
        drop(tokio::time::timeout(CLOSE_LIMIT, self.stream.close(None)).await);
    }
}

fn server_time(headers: &HeaderMap) -> Option<UnixTime> {
    let date = headers.get(DATE)?.to_str().ok()?;
    httpdate::parse_http_date(date)
        .ok()
        .map(UnixTime::from_system)
}

fn refusal_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    text.get(..text.floor_char_boundary(REFUSAL_TEXT))
        .unwrap_or_default()
        .to_owned()
}

/// rustls wants one crypto provider per process; ours, unless the program chose another.
fn choose_crypto() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    });
}
