//! Stored events over HTTP, a page at a time, and another try for a parked one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tracing::info;
use trunkline_store::EventFilter;

use crate::answer::{Answer, failed, refusal};
use crate::shared::Shared;

/// Events in one answer, unless asked otherwise.
const PAGE: u32 = 50;
/// Events in one answer, at the most: each may be large.
const PAGE_MAX: u32 = 200;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    room: Option<String>,
    #[serde(default)]
    parked: bool,
    #[serde(default)]
    after: i64,
    limit: Option<u32>,
}

/// `next` is what to give as `after` for the following page; it is absent on the last.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let filter = EventFilter {
        room: wanted.room,
        parked: wanted.parked,
        after: wanted.after,
    };
    let page = shared.store.events().page(&filter, limit).await;
    let events = page.map_err(|error| failed(&error))?;
    let full = u32::try_from(events.len()).is_ok_and(|count| count == limit);
    let next = events.last().map(|last| last.seq).filter(|_| full);
    Ok(Json(json!({ "events": events, "next": next })))
}

pub(crate) async fn retry(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let released = shared.store.events().release(&id).await;
    if !released.map_err(|error| failed(&error))? {
        let text = "no such event is parked";
        return Err(refusal(StatusCode::NOT_FOUND, "events.not_parked", text));
    }
    shared.wake.notify_one();
    info!("a parked event is tried again");
    Ok(Json(json!({ "event_id": id })))
}
