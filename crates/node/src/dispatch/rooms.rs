//! Rooms and agent dispatches that survive a restart.
//!
//! A room that was asked for by the API (CreateRoom, CreateDispatch), that names an agent, or in
//! which one works, is remembered as one document with its dispatches and their running jobs, under
//! the sid of its life, until it closes. A node that starts opens those rooms again, empty; sessions
//! do not survive, their clients come back by themselves, agents among them. A room in which
//! somebody was waits as long as clients seek a server, one that nobody has joined yet has its whole
//! `empty_timeout`. Rooms that only a join made, without an agent, are not remembered.
//!
//! A document is always written as what is true at that moment, one write at a time, so that two
//! changes cannot overwrite each other with something older. Whoever changes something waits for it
//! to be written, so that it may rely on it, but not for a disk that stands still or is full: then
//! the owner of the dispatches writes it as soon as it can, and calls go on.

use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use trunkline_base::class::Classified as _;
use trunkline_base::time::UnixTime;
use trunkline_store::Store;

use super::Dispatcher;
use crate::records::{self, Record, RecordError};
use crate::room::{Revived, Rooms};

/// A remembered room.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RoomRecord {
    #[prost(message, optional, tag = "1")]
    room: Option<proto::Room>,
    #[prost(message, repeated, tag = "2")]
    dispatches: Vec<proto::AgentDispatch>,
}

impl Record for RoomRecord {
    const KIND: &'static str = "room";

    fn id(&self) -> &str {
        self.room.as_ref().map_or("", |room| room.sid.as_str())
    }
}

/// The handle on what is remembered.
#[derive(Debug, Clone)]
pub(crate) struct RoomRecords {
    store: Store,
    dispatcher: Dispatcher,
    writing: Arc<Semaphore>,
}

impl RoomRecords {
    pub(crate) fn new(store: Store, dispatcher: Dispatcher) -> Self {
        Self {
            store,
            dispatcher,
            writing: Arc::new(Semaphore::new(1)),
        }
    }

    /// Remembers a room, as it is now, with its dispatches: at once, or behind.
    pub(crate) async fn remember(&self, room: &proto::Room) {
        self.promptly(room, self.remember_now(room)).await;
    }

    /// Something about a room has changed; a room that is not remembered stays so, unless that
    /// cannot be found out.
    pub(crate) async fn update(&self, room: &proto::Room) {
        self.promptly(room, self.update_now(room)).await;
    }

    async fn promptly(
        &self,
        room: &proto::Room,
        written: impl Future<Output = Result<(), RecordError>>,
    ) {
        match timeout(PROMPT, written).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::warn!(code = error.code(), "a room is remembered later");
            }
            Err(_) => tracing::debug!("a room is remembered later: the disk is slow"),
        }
        self.dispatcher.keep(room.name.clone()).await;
    }

    /// Remembers a room, as it is now, with its dispatches.
    pub(crate) async fn remember_now(&self, room: &proto::Room) -> Result<(), RecordError> {
        let _turn = self.turn().await;
        self.write(room).await
    }

    async fn update_now(&self, room: &proto::Room) -> Result<(), RecordError> {
        let _turn = self.turn().await;
        match records::get::<RoomRecord>(&self.store, &room.sid).await? {
            Some(_) => self.write(room).await,
            None => Ok(()),
        }
    }

    /// The room is over.
    pub(crate) async fn forget(&self, sid: &str) -> Result<(), RecordError> {
        let _turn = self.turn().await;
        records::delete::<RoomRecord>(&self.store, sid).await?;
        Ok(())
    }

    async fn write(&self, room: &proto::Room) -> Result<(), RecordError> {
        // A room that has closed in the meantime has no dispatches, and nothing to remember.
        let listed = self.dispatcher.list(room.name.clone(), String::new());
        let Ok(mut dispatches) = listed.await else {
            records::delete::<RoomRecord>(&self.store, &room.sid).await?;
            return Ok(());
        };
        for dispatch in &mut dispatches {
            let runs = |job: &proto::Job| job.state.as_ref().is_some_and(|s| s.ended_at == 0);
            dispatch.state.get_or_insert_default().jobs.retain(runs);
        }
        let kept = RoomRecord {
            room: Some(room.clone()),
            dispatches,
        };
        records::put(&self.store, &kept).await
    }

    /// Opens the remembered rooms again.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn revive(&self, rooms: &Rooms, now: UnixTime) -> Result<usize, RecordError> {
        let mut opened = 0;
        for kept in records::all::<RoomRecord>(&self.store).await? {
            let sid = kept.id().to_owned();
            if let Some(revived) = revival(kept, now)
                && rooms.revive(revived).await.is_ok()
            {
                opened += 1;
            } else {
                self.forget(&sid).await?;
            }
        }
        Ok(opened)
    }

    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.writing.acquire().await.ok()
    }
}

/// The room to open again, unless it was forgotten by everybody long ago.
fn revival(kept: RoomRecord, now: UnixTime) -> Option<Revived> {
    let room = kept.room?;
    let patience = Duration::from_secs(room.empty_timeout.into()).max(STALE);
    let created = UnixTime::from_secs(u64::try_from(room.creation_time).ok()?);
    let fresh = created.plus(patience) >= now;
    fresh.then_some(Revived {
        room,
        dispatches: kept.dispatches,
    })
}

/// A disk in order takes a millisecond; whoever waits for it longer waits for an answer a phone is
/// ringing for.
const PROMPT: Duration = Duration::from_millis(250);

/// A room created longer ago than this, and than its own `empty_timeout`, is not opened again.
const STALE: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_comes_back_within_a_day_or_its_own_timeout() {
        let created = UnixTime::from_secs(1_800_000_000);
        let kept = |empty_timeout| RoomRecord {
            room: Some(proto::Room {
                creation_time: created.secs_i64(),
                empty_timeout,
                ..Default::default()
            }),
            dispatches: Vec::new(),
        };
        let day = created.plus(STALE);
        assert!(revival(kept(300), day).is_some());
        let later = day.plus(Duration::from_secs(1));
        assert!(revival(kept(300), later).is_none());
        assert!(revival(kept(7 * 24 * 3600), later).is_some());
    }
}
