//! LiveKit's events come in: verified, stored, answered. What becomes of them is the business of
//! [`webhooks`](crate::webhooks).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;
use tracing::{debug, info, warn};
use trunkline_base::class::Classified as _;
use trunkline_base::time::UnixTime;
use trunkline_client::webhook::{Admitted, Delivery, Journal, WebhookError, WebhookEvent};
use trunkline_service::listen::Connection;
use trunkline_service::metrics::{Counter, count};
use trunkline_store::{Arrival, Store, StoreError};

use crate::clock::now;
use crate::shared::Shared;

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
                Delivery::First => "stored",
                Delivery::Repeat => "repeated",
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

async fn take(shared: &Shared, request: Request) -> Result<Delivery, Refusal> {
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
    if kept == Delivery::First {
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

    async fn keep(&self, event: &WebhookEvent, now: UnixTime) -> Result<Delivery, StoreError> {
        let arrival = Arrival {
            event_id: event.id(),
            at: event.created_at().unwrap_or(now),
            kind: event.word(),
            room: event.room().unwrap_or_default(),
            body: event.raw(),
            received_at: now,
        };
        let new = self.0.events().keep(&arrival).await?;
        Ok(if new {
            Delivery::First
        } else {
            Delivery::Repeat
        })
    }
}

/// A mebibyte takes a second on a bad line; the sender gives up by itself after some.
const BODY_TIME: Duration = Duration::from_secs(10);
