//! One exchange over HTTP: a pooled client that is made anew from time to time, so that changes of
//! DNS and of load balancers reach it; a request; a bounded answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER,
};
use reqwest::{Method, Request, Response, Url};

use super::Failure;
use super::retry::retry_after;
use crate::clock::now;
use crate::tls::Trust;
use crate::url::ServerUrl;

/// Largest answer read: LiveKit bounds requests at 10 MiB, and a list of rooms with full metadata
/// may be a few times that.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

const TIMEOUT: HeaderName = HeaderName::from_static("x-twirp-timeout-ms");

/// How connections are kept. The defaults suit load balancers as they usually are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Idle ones are dropped after this, below the usual limit of load balancers.
    pub idle: Duration,
    /// None is used for longer, so that changes of DNS take effect.
    pub life: Duration,
    /// Kept idle for each host, where the peer has no HTTP/2.
    pub idle_per_host: usize,
    /// A ping on HTTP/2 connections that carry calls, to notice a peer that is gone.
    pub ping: Duration,
    /// HTTP/2 from the first byte to servers without TLS, which cannot be asked.
    pub plain: Plain,
}

/// What is spoken without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plain {
    /// HTTP/1.1, which everyone knows.
    #[default]
    Http1,
    /// HTTP/2, for servers known to take it.
    Http2,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            life: Duration::from_secs(600),
            idle_per_host: 64,
            ping: Duration::from_secs(20),
            plain: Plain::Http1,
        }
    }
}

/// The pooled client.
#[derive(Debug)]
pub(super) struct Wire {
    connections: Connections,
    /// Whom to believe; nothing for servers without TLS.
    trust: Option<Trust>,
    /// Held to look at or to replace, never across an await.
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    client: Result<reqwest::Client, Arc<reqwest::Error>>,
    made: Instant,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Wire {
    pub(super) fn new(connections: Connections, url: &ServerUrl) -> Self {
        let trust = url.is_secure().then(|| url.trust().ok()).flatten();
        let current = Current {
            client: make(&connections, trust.as_ref()).map_err(Arc::new),
            made: now(),
        };
        Self {
            connections,
            trust,
            current: Mutex::new(current),
        }
    }

    /// Posts a call.
    pub(super) async fn post(
        &self,
        to: Url,
        bearer: HeaderValue,
        body: Bytes,
        limit: Duration,
    ) -> Result<Answered, Failure> {
        let mut request = Request::new(Method::POST, to);
        let headers = request.headers_mut();
        headers.reserve(4);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/protobuf"),
        );
        headers.insert(TIMEOUT, HeaderValue::from(server_limit(limit)));
        *request.body_mut() = Some(body.into());
        self.exchange(request).await
    }

    /// Gets something small.
    pub(super) async fn get(&self, from: Url, bearer: HeaderValue) -> Result<Answered, Failure> {
        let mut request = Request::new(Method::GET, from);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        self.exchange(request).await
    }

    async fn exchange(&self, request: Request) -> Result<Answered, Failure> {
        let client = self.client()?;
        let response = client.execute(request).await;
        let mut response = response.map_err(|error| self.failure(error))?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let body = self.read(response).await?;
        Ok(Answered {
            status,
            headers,
            body,
        })
    }

    /// Most answers come in one piece, which is then not copied.
    async fn read(&self, mut response: Response) -> Result<Bytes, Failure> {
        let mut chunk = async || response.chunk().await.map_err(|error| self.failure(error));
        let Some(first) = chunk().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = chunk().await? else {
            return Ok(first);
        };
        let mut body = [first, second].concat();
        while let Some(more) = chunk().await? {
            if body.len() + more.len() > ANSWER_LIMIT {
                return Err(Failure::Answer);
            }
            body.extend_from_slice(&more);
        }
        Ok(body.into())
    }

    fn client(&self) -> Result<reqwest::Client, Failure> {
        let now = now();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let old = now.saturating_duration_since(current.made) >= self.connections.life;
        if old {
            // Calls under way keep the old one until they end.
            if let Ok(client) = make(&self.connections, self.trust.as_ref()) {
                current.client = Ok(client);
            }
            current.made = now;
        }
        match &current.client {
            Ok(client) => Ok(client.clone()),
            Err(error) => Err(Failure::Unreachable(Box::new(Arc::clone(error)))),
        }
    }

    fn failure(&self, error: reqwest::Error) -> Failure {
        let trouble = self.trust.as_ref().and_then(|trust| trust.explain(&error));
        match trouble {
            Some(trouble) => Failure::Tls(trouble),
            // The address in the error is the operator's own; a token is never part of it.
            None if error.is_connect() => Failure::Unreachable(Box::new(error)),
            None => Failure::Transport(Box::new(error)),
        }
    }
}

fn make(
    connections: &Connections,
    trust: Option<&Trust>,
) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(connections.connect)
        .pool_idle_timeout(connections.idle)
        .pool_max_idle_per_host(connections.idle_per_host)
        .http2_keep_alive_interval(connections.ping)
        .http2_keep_alive_timeout(connections.connect)
        .http2_adaptive_window(true)
        .user_agent(concat!("trunkline/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none());
    builder = match (trust, connections.plain) {
        (Some(trust), _) => builder.tls_backend_preconfigured(trust.for_http()),
        // The machine's CAs are not read for a server that shows no certificate.
        (None, Plain::Http1) => builder.tls_certs_only([]),
        (None, Plain::Http2) => builder.tls_certs_only([]).http2_prior_knowledge(),
    };
    builder.build()
}

/// What the server is told: a little less than our own limit, so that it is the server who gives
/// up, and says so.
fn server_limit(limit: Duration) -> u64 {
    let margin = (limit / 10).min(Duration::from_secs(1));
    u64::try_from((limit - margin).as_millis()).unwrap_or(u64::MAX)
}

impl Answered {
    /// The wait the server asks for.
    pub(super) fn asked(&self, now: SystemTime) -> Option<Duration> {
        retry_after(self.text(RETRY_AFTER)?, now)
    }

    /// The server's clock.
    pub(super) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.text(DATE)?).ok()
    }

    pub(super) fn cache_control(&self) -> &str {
        self.text(CACHE_CONTROL).unwrap_or_default()
    }

    /// Scheme and host of a redirect, without the path, which could hold anything.
    pub(super) fn leads_to(&self) -> Option<String> {
        let url = Url::parse(self.text(LOCATION)?).ok()?;
        let host = url.host_str()?;
        Some(match url.port() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        })
    }

    /// A page for people, whatever its status says.
    pub(super) fn is_html(&self) -> bool {
        self.text(CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with("text/html"))
    }

    fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
