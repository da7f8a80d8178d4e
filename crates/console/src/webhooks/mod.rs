//! LiveKit's events: verified over the raw bytes, stored once each, then answered. A repeat is
//! answered like the first, so that the sender stops. What is stored is processed by a worker, in
//! this process or, if it ends before, in the next.
//!
//! ```text
//! POST ─► headers ─► body ─► store ─► 200        store ─► worker ─► consumers ─► listeners
//!         401, 415   401, 413, 400  503                    └ retried, then parked
//! ```

mod consumer;
mod telephone;
pub(crate) mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;
use tracing::{debug, info, warn};
use trunkline_base::class::Classified as _;
use trunkline_base::time::UnixTime;
use trunkline_client::webhook::{Admitted, Journal, Kept, WebhookError, WebhookEvent};
use trunkline_service::listen::Connection;
use trunkline_service::metrics::{Counter, Gauge, count, set};
use trunkline_store::{Arrival, Store, StoreError};

use crate::Shared;

pub use consumer::{Consumer, ConsumerError, Received};
pub use worker::Patience;

/// How stored events are looked after.
#[derive(Clone, Copy, Debug)]
pub struct EventsConfig {
    /// Events that may wait to be processed; more are refused until there is room.
    pub most_waiting: u64,
    /// How often and how patiently an event is tried again.
    pub patience: Patience,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            most_waiting: 100_000,
            patience: Patience::default(),
        }
    }
}

/// The consumers that are always there.
pub(crate) fn own_consumers(store: &Store) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(telephone::SipCalls(store.clone()))]
}

/// Events that wait, as a number that can be asked at every post.
#[derive(Debug, Default)]
pub(crate) struct Backlog(AtomicU64);

impl Backlog {
    pub(crate) fn is(&self, waiting: u64) {
        self.0.store(waiting, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "no backlog is that long")]
        set(Gauge::EventsWaiting, waiting as f64, &[]);
    }

    fn grows(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn waiting(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a post is answered with something else than success.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Post(#[from] WebhookError),
    #[error("webhook body did not arrive in time")]
    Slow,
    #[error("too many events wait to be processed")]
    Backlog,
    #[error("webhook event could not be stored")]
    Store(#[source] StoreError),
}

impl Refusal {
    const fn status(&self) -> u16 {
        match self {
            Self::Post(error) => error.http_status(),
            // Not 408, after which LiveKit does not try again.
            Self::Slow | Self::Backlog | Self::Store(_) => 503,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Post(error) => error.reason(),
            Self::Slow => "slow",
            Self::Backlog => "backlog",
            Self::Store(error) => error.code().rsplit('.').next().unwrap_or("store"),
        }
    }

    fn answer(&self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or_default();
        let mut answer = (status, format!("{self}\n")).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let wait = HeaderValue::from_static("5");
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        answer
    }
}

pub(crate) async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match take(&shared, request).await {
        Ok(kept) => {
            let outcome = match kept {
                Kept::First => "stored",
                Kept::Repeat => "repeated",
            };
            count(Counter::WebhooksReceived, 1, &[("outcome", outcome)]);
            StatusCode::OK.into_response()
        }
        Err(refusal) => {
            let reason = refusal.reason();
            if refusal.status() >= 500 {
                warn!(
                    reason,
                    "a webhook could not be taken; it will be sent again"
                );
                count(Counter::WebhooksReceived, 1, &[("outcome", "unstored")]);
            } else {
                info!(reason, "a webhook was refused");
                count(Counter::WebhooksReceived, 1, &[("outcome", "refused")]);
            }
            count(Counter::WebhooksRefused, 1, &[("reason", reason)]);
            refusal.answer()
        }
    }
}

async fn take(shared: &Shared, request: Request) -> Result<Kept, Refusal> {
    let (head, body) = request.into_parts();
    let admitted = admit(shared, &head.headers)?;
    if let Some(connection) = head.extensions.get::<Connection>() {
        connection.known();
    }
    let body = read(body, shared.webhooks.limit()).await?;
    let event = admitted.read(&body, now())?;
    if shared.backlog.waiting() >= shared.events.most_waiting {
        return Err(Refusal::Backlog);
    }
    let journal = StoreJournal(&shared.store);
    let kept = journal.keep(&event, now()).await.map_err(Refusal::Store)?;
    if kept == Kept::First {
        shared.backlog.grows();
        shared.wake.notify_one();
    }
    debug!(event = event.kind.as_str(), ?kept, "webhook received");
    Ok(kept)
}

fn admit(shared: &Shared, headers: &HeaderMap) -> Result<Admitted, WebhookError> {
    let text = |name: HeaderName| {
        let value = headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let (kind, authorization) = (text(header::CONTENT_TYPE), text(header::AUTHORIZATION));
    shared.webhooks.admit(kind, authorization, now())
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let read = timeout(BODY_TIME, to_bytes(body, limit)).await;
    // A body that breaks off is answered to nobody, so its status does not matter.
    read.map_err(|_| Refusal::Slow)?
        .map_err(|_| Refusal::Post(WebhookError::TooLarge { limit }))
}

/// Events and their ids in one statement of the store.
struct StoreJournal<'a>(&'a Store);

impl Journal for StoreJournal<'_> {
    type Error = StoreError;

    async fn keep(&self, event: &WebhookEvent, now: UnixTime) -> Result<Kept, StoreError> {
        let arrival = Arrival {
            event_id: event.id(),
            at: event.created_at().unwrap_or(now),
            kind: event.word(),
            room: event.room().unwrap_or_default(),
            body: event.raw(),
            received_at: now,
        };
        let new = self.0.events().keep(&arrival).await?;
        Ok(if new { Kept::First } else { Kept::Repeat })
    }
}

fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

/// A mebibyte takes a second on a bad line; the sender gives up by itself after some.
const BODY_TIME: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
