//! LiveKit's events: verified over the raw bytes, stored once each, then answered. A repeat is
//! answered like the first, so that the sender stops.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use tracing::{debug, info, warn};
use trunkline_base::class::Classified as _;
use trunkline_base::time::UnixTime;
use trunkline_client::webhook::WebhookEvent;
use trunkline_service::metrics::{Counter, count};
use trunkline_store::{Event, Store, StoreError};

use crate::Shared;

pub(crate) async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let now = UnixTime::from_system(SystemTime::now());
    let event = match shared.webhooks.verify(&body, authorization, now) {
        Ok(event) => event,
        Err(error) => {
            info!(code = error.code(), "a webhook was refused");
            count(Counter::WebhooksReceived, 1, &[("outcome", "refused")]);
            return StatusCode::from_u16(error.class().http_status())
                .unwrap_or(StatusCode::UNAUTHORIZED);
        }
    };
    match keep(&shared.store, &event, &body).await {
        Ok(fresh) => {
            let outcome = if fresh { "stored" } else { "repeated" };
            count(Counter::WebhooksReceived, 1, &[("outcome", outcome)]);
            debug!(event = event.word(), outcome, "webhook received");
            if fresh {
                // Nobody listening is no loss: the event is stored.
                let _ = shared.events.send(event);
            }
            StatusCode::OK
        }
        Err(error) => {
            warn!(code = error.code(), "a webhook could not be stored");
            count(Counter::WebhooksReceived, 1, &[("outcome", "unstored")]);
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// Keeps an event as it came; says whether it is new.
///
/// # Errors
/// [`StoreError`] when it cannot be written.
pub async fn keep(store: &Store, event: &WebhookEvent, body: &[u8]) -> Result<bool, StoreError> {
    let at = u64::try_from(event.detail.created_at).unwrap_or(0);
    let event = Event {
        event_id: event.id().to_owned(),
        at: UnixTime::from_secs(at),
        kind: event.word().to_owned(),
        room: event
            .room()
            .or_else(|| egress_room(event))
            .unwrap_or_default()
            .to_owned(),
        body: serde_json::from_slice(body).unwrap_or(serde_json::Value::Null),
    };
    store.events().put(&event).await
}

fn egress_room(event: &WebhookEvent) -> Option<&str> {
    event
        .detail
        .egress_info
        .as_ref()
        .map(|egress| egress.room_name.as_str())
}
