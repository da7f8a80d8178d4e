//! HTTP of the daemon.
//!
//! | Path | Says |
//! |---|---|
//! | `/` | what is here |
//! | `/healthz` | the process lives |
//! | `/readyz` | it takes work: every part is ready and no drain has begun |
//! | `/metrics` | Prometheus text |
//! | `/webhooks/livekit` | takes LiveKit's events: verified, stored, answered, then processed |
//! | `/api/calls`, `/api/calls/{id}` | calls with turns, recordings and events |
//! | `/api/events?room=&parked=&after=&limit=` | events as they came, a page at a time |
//! | `/api/events/{id}/retry` (POST) | another try for an event that was parked |
//! | `/api/registrations` | how trunks that register stand |
//! | `/api/reload` (POST) | takes up changed files, and says what came of it |
//!
//! Calls and events are personal: who may ask for them, and for metrics, is [`Access`]'s business.

mod access;
mod answer;
mod calls;
mod clock;
mod events;
mod guard;
mod health;
mod index;
mod intake;
mod operate;
mod operator;
mod probe;
mod shared;
mod standing;
pub mod webhooks;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::sync::{Notify, broadcast};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::info;
use trunkline_base::class::{Class, Classified};
use trunkline_base::token::KeyRing;
use trunkline_client::webhook::Receiver;
use trunkline_service::listen::{Door, Exposed};
use trunkline_service::tasks::Tasks;
use trunkline_store::{EventState, Store, StoreError};

use probe::Probe;
use shared::Shared;
use webhooks::worker::Worker;
use webhooks::{Backlog, Consumer, EventsConfig, Received};

pub use access::Access;
pub use operator::{NotTold, Operator, Registration, ReloadResult, Reloaded};
pub use standing::{Part, Readiness, Standing};

/// Events a slow listener may lag behind; one that lags further misses the oldest, which are in
/// the store.
const LISTENERS: usize = 256;

/// Where the console listens and whom it trusts.
#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    /// Address and port; port 0 takes any.
    pub bind: SocketAddr,
    /// Who may come in, and how.
    pub door: Door,
    /// Who may ask what.
    pub access: Access,
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
    /// Others reach the address, and it is not encrypted.
    #[error("HTTP of the console: {0}")]
    Exposed(#[from] Exposed),
    /// In development the calls of this machine are open to it.
    #[error(
        "development mode serves this machine only, but the console is to listen on {bind}; bind \
         127.0.0.1, or leave development mode"
    )]
    Open {
        /// The address.
        bind: SocketAddr,
    },
    /// The store does not answer.
    #[error("the console cannot read its events")]
    Store(#[from] StoreError),
}

impl Classified for StartError {
    fn class(&self) -> Class {
        match self {
            Self::Bind { .. } => Class::Conflict,
            Self::Exposed(error) => error.class(),
            Self::Open { .. } => Class::Invalid,
            Self::Store(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "console.bind",
            Self::Exposed(error) => error.code(),
            Self::Open { .. } => "console.open",
            Self::Store(error) => error.code(),
        }
    }
}

/// A running console.
#[derive(Clone)]
pub struct ConsoleHandle {
    addr: SocketAddr,
    has_certificate: bool,
    listeners: broadcast::Sender<Received>,
    shared: Arc<Shared>,
}

impl ConsoleHandle {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where others reach it: by its certificate, where it has one.
    pub fn url(&self) -> String {
        let scheme = if self.has_certificate {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.addr)
    }

    /// Every event that is processed from now on, after the consumers had it.
    pub fn events(&self) -> broadcast::Receiver<Received> {
        self.listeners.subscribe()
    }

    /// Connects who carries out what administrators want, for the first who does. Until then they are
    /// told that the daemon is starting.
    pub fn connect(&self, operator: Arc<dyn Operator>) {
        // A second one changes nothing.
        let _ = self.shared.operator.set(operator);
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
    if config.access.open && !bind.ip().is_loopback() {
        return Err(StartError::Open { bind });
    }
    config.door.judge(bind)?;
    let has_certificate = config.door.tls.is_some();
    let failed = |source| StartError::Bind { bind, source };
    let listener = config.door.bind(bind).await.map_err(failed)?;
    let addr = listener.local_addr();
    let (listeners, _) = broadcast::channel(LISTENERS);
    let backlog = Arc::new(Backlog::default());
    backlog.is(store.events().count(EventState::Waiting).await?);
    let shared = Arc::new(Shared {
        store,
        webhooks: Receiver::new(config.keys.clone()),
        keys: config.keys,
        readiness,
        stop: tasks.stop(),
        access: config.access,
        events: config.events,
        backlog,
        wake: Arc::new(Notify::new()),
        probe: Probe::default(),
        operator: OnceLock::new(),
    });
    let serve = listener.serve(router(Arc::clone(&shared)), tasks.clone());
    tasks.vital("console", serve);
    info!(%addr, "console listens");
    Ok(ConsoleHandle {
        addr,
        has_certificate,
        listeners,
        shared,
    })
}

fn router(shared: Arc<Shared>) -> Router {
    let admins = Router::new()
        .route("/api/calls", get(calls::list))
        .route("/api/calls/{id}", get(calls::show))
        .route("/api/events", get(events::list))
        .route("/api/events/{id}/retry", post(events::retry))
        .route("/api/registrations", get(operate::registrations))
        .route("/api/reload", post(operate::reload))
        .route_layer(from_fn_with_state(Arc::clone(&shared), guard::admins));
    let metrics = Router::new()
        .route("/metrics", get(health::metrics))
        .route_layer(from_fn_with_state(Arc::clone(&shared), guard::metrics));
    Router::new()
        .route("/", get(index::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/webhooks/livekit", post(intake::receive))
        .merge(admins)
        .merge(metrics)
        .fallback(index::nothing)
        .layer(CatchPanicLayer::new())
        .with_state(shared)
}

#[cfg(test)]
mod tests;
