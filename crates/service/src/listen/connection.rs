//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::{Service, ServiceExt as _};

use super::body::{Answering, Fate, Given, Slow, Timed, swallow};
use super::caps::Ticket;
use super::door::Door;
use super::pulse::Pulse;
use super::socket::Watched;
use super::tls::Cipher;
use crate::metrics::{Counter, count};
use crate::tasks::{Stop, Tasks};

/// What answers requests. Each carries its [`Connection`] among its extensions.
pub trait Answers:
    Service<Request, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The connection a request came over; among the extensions of each.
#[derive(Clone, Debug)]
pub struct Connection {
    peer: SocketAddr,
    local: SocketAddr,
    encrypted: bool,
    door: Arc<Door>,
    place: Arc<Ticket>,
}

impl Connection {
    /// The other end of the socket.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// This end of it.
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether it came over TLS.
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whose request it is, as a proxy of the operator's tells it, else the other end.
    pub fn client(&self, headers: &HeaderMap) -> IpAddr {
        self.door.proxies.client(self.peer.ip(), headers)
    }

    /// A good token came over it: it counts no longer among the strangers.
    pub fn known(&self) {
        self.place.known();
    }
}

/// A connection that was let in.
pub(super) struct Visit {
    stream: TcpStream,
    peer: SocketAddr,
    place: Ticket,
    door: Arc<Door>,
    tasks: Tasks,
}

impl Visit {
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        place: Ticket,
        door: &Arc<Door>,
        tasks: &Tasks,
    ) -> Self {
        Self {
            stream,
            peer,
            place,
            door: Arc::clone(door),
            tasks: tasks.clone(),
        }
    }

    pub(super) async fn serve<S: Answers>(self, service: S) {
        if let Err(error) = self.stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let Ok(local) = self.stream.local_addr() else {
            return;
        };
        let encrypted = match self.greeted(local).await {
            Ok(encrypted) => encrypted,
            Err(reason) => return cut(reason),
        };
        let connection = Connection {
            peer: self.peer,
            local,
            encrypted,
            door: Arc::clone(&self.door),
            place: Arc::new(self.place),
        };
        let desk = Desk {
            pulse: Arc::new(Pulse::new(self.door.clocks)),
            connection,
            tasks: self.tasks,
            service,
        };
        let Some(tls) = self.door.tls.as_ref().filter(|_| encrypted) else {
            return Box::pin(desk.serve(self.stream)).await;
        };
        let handshake = tls.acceptor(Cipher::Http).accept(self.stream);
        match timeout(self.door.clocks.head, handshake).await {
            Ok(Ok(stream)) => Box::pin(desk.serve(stream)).await,
            Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            Err(_) => cut("handshake"),
        }
    }

    /// Whether TLS begins, and otherwise whether plain text is taken from there.
    async fn greeted(&self, local: SocketAddr) -> Result<bool, &'static str> {
        let takes_plain = self.door.takes_plain(self.peer, local);
        if self.door.tls.is_some() {
            let mut first = [0];
            let peeked = timeout(self.door.clocks.head, self.stream.peek(&mut first)).await;
            match peeked {
                Ok(Ok(1..)) if first == [HANDSHAKE] => return Ok(true),
                Ok(Ok(1..)) => {}
                Ok(_) => return Err("closed"),
                Err(_) => return Err("head"),
            }
        }
        if takes_plain {
            return Ok(false);
        }
        self.refuse().await;
        Err("plain")
    }

    /// Whoever speaks HTTP here learns what to do about it.
    async fn refuse(&self) {
        let answer = if self.door.tls.is_some() {
            SPEAK_TLS
        } else {
            NOT_FROM_THERE
        };
        let write = async {
            self.stream.writable().await?;
            self.stream.try_write(answer.as_bytes())
        };
        let _best_effort = timeout(LAST, write).await;
    }
}

/// Where the requests of one connection are answered.
struct Desk<S> {
    pulse: Arc<Pulse>,
    connection: Connection,
    tasks: Tasks,
    service: S,
}

impl<S: Answers> Desk<S> {
    async fn serve<T>(self, stream: T)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Arc::clone(&self.pulse);
        let clocks = self.connection.door.clocks;
        let place = Arc::clone(&self.connection.place);
        let io = TokioIo::new(Watched::new(stream, Arc::clone(&pulse), clocks, place));
        let stop = self.tasks.stop();
        let desk = Arc::new(self);
        let service = tower::service_fn(move |request: axum::http::Request<Incoming>| {
            let desk = Arc::clone(&desk);
            async move { Ok::<_, Infallible>(desk.answer(request).await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .enable_connect_protocol();
        let serving = builder.serve_connection_with_upgrades(io, TowerToHyperService::new(service));
        let mut serving = pin!(serving);
        tokio::select! {
            ended = serving.as_mut() => return ended_with(ended),
            which = pulse.overdue() => cut(which),
            () = hurry(&stop) => {}
        }
        // What is being answered is answered to the end; nothing else is begun.
        serving.as_mut().graceful_shutdown();
        loop {
            let ended = timeout(LAST, serving.as_mut()).await;
            if ended.is_ok() || !pulse.is_busy() {
                return;
            }
        }
    }

    async fn answer(&self, request: axum::http::Request<Incoming>) -> Response {
        let is_multiplexed = request.version() == Version::HTTP_2;
        let answering = Answering::begin(&self.pulse, is_multiplexed);
        let (mut head, body) = request.into_parts();
        let may_open = head.method == Method::CONNECT;
        // Whoever waits for a word before it sends its body has nothing on its way.
        let lingers = !is_multiplexed && !head.headers.contains_key(EXPECT);
        head.extensions.insert(self.connection.clone());
        let (body, fate) = Timed::new(body, self.connection.door.clocks.body);
        let request = Request::from_parts(head, Body::new(body));
        let Ok(answer) = self.service.clone().oneshot(request).await;
        let answer = self.after(answer, &fate, lingers);
        let status = answer.status();
        if status == StatusCode::SWITCHING_PROTOCOLS || (may_open && status.is_success()) {
            answering.opened();
        }
        answer.map(|body| Body::new(Given::new(body, answering)))
    }

    /// The answer, once what is left of the request is known.
    fn after(&self, answer: Response, fate: &Fate, lingers: bool) -> Response {
        if fate.was_slow() {
            cut("body");
            let close = [(CONNECTION, HeaderValue::from_static("close"))];
            return (StatusCode::REQUEST_TIMEOUT, close, Slow.to_string()).into_response();
        }
        if let Some(left) = fate.take_left().filter(|_| lingers) {
            drop(self.tasks.session("rest of a body", swallow(left)));
        }
        answer
    }
}

async fn hurry(stop: &Stop) {
    stop.hurry().await;
}

fn ended_with<E: std::fmt::Debug>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::trace!(?error, "a connection broke off");
    }
}

fn cut(reason: &'static str) {
    tracing::debug!(reason, "a connection was cut");
    count(Counter::ConnectionsCut, 1, &[("reason", reason)]);
}

/// The first byte of every TLS connection.
const HANDSHAKE: u8 = 0x16;
/// Asks whether the other end of a multiplexed connection is still there.
const PING: Duration = Duration::from_secs(20);
/// For what is already under way.
const LAST: Duration = Duration::from_secs(1);

pub(super) const SPEAK_TLS: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\
     Content-Type: text/plain\r\nContent-Length: 58\r\n\r\n\
     This port speaks TLS: write https:// or wss:// in the URL\n";
pub(super) const NOT_FROM_THERE: &str = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\
     Content-Type: text/plain\r\nContent-Length: 53\r\n\r\n\
     Plain text is not taken from this address: use TLS.\r\n";
