//! WebSockets to providers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};
use trunkline_base::secret::Secret;

use crate::provider::{Failure, ProviderError};

/// Largest message read: a second of sound with its words is a tenth of it.
const MESSAGE_LIMIT: usize = 4 * 1024 * 1024;

/// Read at once; it stays as long as the socket does.
const READ_BUFFER: usize = 8 * 1024;

/// Longest wait for the provider to take a message. One that reads nothing for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// An open socket. Dropping it closes the connection.
#[derive(Debug)]
pub struct Socket {
    provider: &'static str,
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Words, mostly JSON.
    Text(String),
    /// Bytes, mostly sound.
    Bytes(Bytes),
}

/// Opens a socket, with these headers besides its own. Values may be keys: they are never shown.
///
/// # Errors
/// [`Failure::TimedOut`], [`Failure::Unreachable`], what a status of refusal means, or
/// [`Failure::Broken`] where an address or a header is none.
pub async fn connect(
    provider: &'static str,
    url: &str,
    headers: &[(&'static str, Secret<String>)],
    tls: Option<Arc<ClientConfig>>,
    limit: Duration,
) -> Result<Socket, ProviderError> {
    let unfit = |what: &str| {
        let reason = format!("{what} is of no use");
        Failure::Broken { reason }.of(provider)
    };
    let mut request = url
        .into_client_request()
        .map_err(|_| unfit("its address"))?;
    for (name, value) in headers {
        let mut shown = HeaderValue::try_from(value.expose()).map_err(|_| unfit("its key"))?;
        shown.set_sensitive(true);
        request
            .headers_mut()
            .insert(HeaderName::from_static(name), shown);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT));
    let opened =
        connect_async_tls_with_config(request, Some(config), true, tls.map(Connector::Rustls));
    match timeout(limit, opened).await {
        Err(_) => Err(Failure::TimedOut.of(provider)),
        Ok(Ok((stream, _))) => Ok(Socket { provider, stream }),
        Ok(Err(Error::Http(response))) => {
            let wait = response.headers().get("retry-after");
            let wait = wait.and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
            let status = response.status().as_u16();
            Err(Failure::of_status(status, wait.map(Duration::from_secs)).of(provider))
        }
        Ok(Err(_)) => Err(Failure::Unreachable.of(provider)),
    }
}

impl Socket {
    /// The next message; nothing when the provider closed the connection in good order.
    ///
    /// # Errors
    /// [`Failure::Cut`] when the connection broke, [`Failure::Refused`] with the code when it was
    /// closed for a reason, [`Failure::Garbage`] when what comes is no message.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn next(&mut self) -> Result<Option<Received>, ProviderError> {
        loop {
            let failure = match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(Received::Text(text.to_string()))),
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(Received::Bytes(bytes))),
                Some(Ok(Message::Close(frame))) => {
                    match frame.map_or(1000, |frame| u16::from(frame.code)) {
                        1000 | 1001 | 1005 => return Ok(None),
                        // Closed over what was sent, or over who we are.
                        code @ (1002 | 1003 | 1007 | 1008 | 1009 | 4000..) => {
                            Failure::Refused(code)
                        }
                        code => Failure::Failed(code),
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(Error::Utf8(_) | Error::Capacity(_))) => Failure::Garbage,
                Some(Err(_)) | None => Failure::Cut,
            };
            return Err(failure.of(self.provider));
        }
    }

    /// Sends words.
    ///
    /// # Errors
    /// [`Failure::Cut`] when the connection is broken, [`Failure::Stalled`] when nobody reads.
    pub async fn send_text(&mut self, text: impl Into<String>) -> Result<(), ProviderError> {
        self.send(Message::text(text.into())).await
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// As [`send_text`](Socket::send_text).
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) -> Result<(), ProviderError> {
        self.send(Message::Binary(bytes.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), ProviderError> {
        match timeout(SEND_LIMIT, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Failure::Cut.of(self.provider)),
            Err(_) => Err(Failure::Stalled.of(self.provider)),
        }
    }
}
