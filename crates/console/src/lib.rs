//! HTTP of the daemon.
//!
//! | Path | Says |
//! |---|---|
//! | `/healthz` | the process lives |
//! | `/readyz` | it takes work: every part is ready and no drain has begun |
//! | `/metrics` | Prometheus text |
//! | `/webhooks/livekit` | takes LiveKit's events: verified, stored, answered, then processed |
//! | `/api/calls`, `/api/calls/{id}` | calls with turns, recordings and events |
//! | `/api/events?room=&parked=&after=&limit=` | events as they came, a page at a time |
//! | `/api/events/{id}/retry` (POST) | another try for an event that was parked |
//!
//! Calls and events are personal. On loopback the API is open to whoever is on the machine; on any other
//! address it asks for a LiveKit token with `roomList`.

mod calls;
mod events;
mod health;
pub mod webhooks;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::info;
use trunkline_base::class::{Class, Classified};
use trunkline_base::token::KeyRing;
use trunkline_client::webhook::Receiver;
use trunkline_service::tasks::{Stop, Tasks};
use trunkline_store::{EventState, Store, StoreError};

use webhooks::worker::Worker;
use webhooks::{Backlog, Consumer, EventsConfig, Received};

pub use health::{Part, Readiness};

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
    /// How events are looked after.
    pub events: EventsConfig,
}

/// Why the console did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not to be had.
    #[error("cannot listen on {bind} for the console; stop what uses it or choose another port")]
    Bind {
        /// The address.
        bind: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store does not answer.
    #[error("the console cannot read its events")]
    Store(#[from] StoreError),
}

impl Classified for StartError {
    fn class(&self) -> Class {
        match self {
            Self::Bind { .. } => Class::Conflict,
            Self::Store(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "console.bind",
            Self::Store(error) => error.code(),
        }
    }
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    pub(crate) webhooks: Receiver,
    pub(crate) readiness: Readiness,
    pub(crate) stop: Stop,
    pub(crate) open_api: bool,
    pub(crate) events: EventsConfig,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) wake: Arc<Notify>,
}

/// A running console.
#[derive(Clone)]
pub struct ConsoleHandle {
    addr: SocketAddr,
    listeners: broadcast::Sender<Received>,
    shared: Arc<Shared>,
}

impl ConsoleHandle {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every event that is processed from now on, after the consumers had it.
    pub fn events(&self) -> broadcast::Receiver<Received> {
        self.listeners.subscribe()
    }

    /// Begins to process the stored events, those of an earlier process first. Call it once, when
    /// every listener listens: what came in the meantime waits in the store.
    pub fn process(&self, consumers: Vec<Arc<dyn Consumer>>, tasks: &Tasks) {
        let own = webhooks::own_consumers(&self.shared.store);
        let worker = Worker {
            store: self.shared.store.clone(),
            consumers: own.into_iter().chain(consumers).collect(),
            listeners: self.listeners.clone(),
            backlog: Arc::clone(&self.shared.backlog),
            wake: Arc::clone(&self.shared.wake),
            config: self.shared.events,
        };
        tasks.vital("events", worker.run(tasks.stop()));
    }
}

/// Binds and serves.
///
/// # Errors
/// [`StartError`] when the address is taken or the store does not answer.
pub async fn start(
    config: ConsoleConfig,
    store: Store,
    readiness: Readiness,
    tasks: &Tasks,
) -> Result<ConsoleHandle, StartError> {
    let bind = config.bind;
    let failed = |source| StartError::Bind { bind, source };
    let listener = TcpListener::bind(bind).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let (listeners, _) = broadcast::channel(LISTENERS);
    let backlog = Arc::new(Backlog::default());
    backlog.is(store.events().count(EventState::Waiting).await?);
    let shared = Arc::new(Shared {
        store,
        webhooks: Receiver::new(config.keys.clone()),
        keys: config.keys,
        readiness,
        stop: tasks.stop(),
        open_api: addr.ip().is_loopback(),
        events: config.events,
        backlog,
        wake: Arc::new(Notify::new()),
    });
    let stop = tasks.stop();
    let serve = axum::serve(listener, router(Arc::clone(&shared)))
        .with_graceful_shutdown(async move { stop.hurry().await });
    tasks.vital("console", async move {
        if let Err(error) = serve.await {
            tracing::warn!(%error, "the console stopped serving");
        }
    });
    info!(%addr, "console listens");
    Ok(ConsoleHandle {
        addr,
        listeners,
        shared,
    })
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/webhooks/livekit", post(webhooks::receive))
        .route("/api/calls", get(calls::list))
        .route("/api/calls/{id}", get(calls::show))
        .route("/api/events", get(events::list))
        .route("/api/events/{id}/retry", post(events::retry))
        .layer(CatchPanicLayer::new())
        .with_state(shared)
}

#[cfg(test)]
mod tests;
