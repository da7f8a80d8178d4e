//! HTTP of the daemon.
//!
//! | Path | Says |
//! |---|---|
//! | `/healthz` | the process lives |
//! | `/readyz` | it takes work: every part is ready and no drain has begun |
//! | `/metrics` | Prometheus text |
//! | `/webhooks/livekit` | takes LiveKit's events: verified, stored, then answered |
//! | `/api/calls`, `/api/calls/{id}` | calls with turns, recordings and events |
//!
//! Calls are personal. On loopback the API is open to whoever is on the machine; on any other
//! address it asks for a LiveKit token with `roomList`.

mod calls;
mod health;
pub mod webhooks;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tracing::info;
use trunkline_base::class::{Class, Classified};
use trunkline_base::token::KeyRing;
use trunkline_client::webhook::{Receiver, WebhookEvent};
use trunkline_service::tasks::{Stop, Tasks};
use trunkline_store::Store;

pub use health::{Part, Readiness};

/// Largest body taken. LiveKit's events are a few KiB; metadata may reach 512 KiB.
const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Events a slow listener may lag behind; one that lags further misses the oldest, which are in
/// the store.
const LISTENERS: usize = 256;

/// Where the console listens and whom it trusts.
#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    /// Address and port; port 0 takes any.
    pub bind: SocketAddr,
    /// Keys that webhooks and API tokens may be signed with.
    pub keys: KeyRing,
}

/// Why the console did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {bind} for the console; stop what uses it or choose another port")]
pub struct StartError {
    /// The address.
    pub bind: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl Classified for StartError {
    fn class(&self) -> Class {
        Class::Conflict
    }

    fn code(&self) -> &'static str {
        "console.bind"
    }
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    pub(crate) webhooks: Receiver,
    pub(crate) readiness: Readiness,
    pub(crate) stop: Stop,
    pub(crate) open_api: bool,
    pub(crate) events: broadcast::Sender<WebhookEvent>,
}

/// A running console.
#[derive(Clone, Debug)]
pub struct ConsoleHandle {
    addr: SocketAddr,
    events: broadcast::Sender<WebhookEvent>,
}

impl ConsoleHandle {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every webhook from now on, once each, after it is stored.
    pub fn events(&self) -> broadcast::Receiver<WebhookEvent> {
        self.events.subscribe()
    }
}

/// Binds and serves.
///
/// # Errors
/// [`StartError`] when the address is taken.
pub async fn start(
    config: ConsoleConfig,
    store: Store,
    readiness: Readiness,
    tasks: &Tasks,
) -> Result<ConsoleHandle, StartError> {
    let bind = config.bind;
    let failed = |source| StartError { bind, source };
    let listener = TcpListener::bind(bind).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let (events, _) = broadcast::channel(LISTENERS);
    let shared = Arc::new(Shared {
        events: events.clone(),
        store,
        webhooks: Receiver::new(config.keys.clone()),
        keys: config.keys,
        readiness,
        stop: tasks.stop(),
        open_api: addr.ip().is_loopback(),
    });
    let stop = tasks.stop();
    let serve = axum::serve(listener, router(shared))
        .with_graceful_shutdown(async move { stop.hurry().await });
    tasks.vital("console", async move {
        if let Err(error) = serve.await {
            tracing::warn!(%error, "the console stopped serving");
        }
    });
    info!(%addr, "console listens");
    Ok(ConsoleHandle { addr, events })
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/webhooks/livekit", post(webhooks::receive))
        .route("/api/calls", get(calls::list))
        .route("/api/calls/{id}", get(calls::show))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(CatchPanicLayer::new())
        .with_state(shared)
}

#[cfg(test)]
mod tests;
