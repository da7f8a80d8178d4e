//! Calls over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_store::{Store, StoreError};

use crate::answer::{Answer, failed, refusal};
use crate::shared::Shared;

/// Calls in one answer, unless asked otherwise.
const PAGE: u32 = 50;
/// Calls in one answer, at the most.
const PAGE_MAX: u32 = 1000;

#[derive(Deserialize)]
pub(crate) struct Page {
    limit: Option<u32>,
}

pub(crate) async fn list(State(shared): State<Arc<Shared>>, Query(page): Query<Page>) -> Answer {
    let limit = page.limit.unwrap_or(PAGE).min(PAGE_MAX);
    let calls = shared
        .store
        .calls()
        .list(limit)
        .await
        .map_err(|error| failed(&error))?;
    Ok(Json(json!({ "calls": calls })))
}

pub(crate) async fn show(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let call = report(&shared.store, &id)
        .await
        .map_err(|error| failed(&error))?;
    call.map(Json)
        .ok_or_else(|| refusal(StatusCode::NOT_FOUND, "calls.not_found", "no such call"))
}

/// Everything known of a call, as one document.
///
/// # Errors
/// [`StoreError`] when the store does not answer.
async fn report(store: &Store, id: &str) -> Result<Option<Value>, StoreError> {
    let Some(call) = store.calls().get(id).await? else {
        return Ok(None);
    };
    let turns = store.turns().of_call(id).await?;
    // Nothing happened in no room.
    let (recordings, events) = if call.room.is_empty() {
        (Vec::new(), Vec::new())
    } else {
        let recordings = store.recordings().of_room(&call.room).await?;
        (recordings, store.events().of_room(&call.room).await?)
    };
    let events: Vec<Value> = events
        .into_iter()
        .map(|event| json!({ "at": event.at, "kind": event.kind, "event_id": event.event_id }))
        .collect();
    Ok(Some(
        json!({ "call": call, "turns": turns, "recordings": recordings, "events": events }),
    ))
}
