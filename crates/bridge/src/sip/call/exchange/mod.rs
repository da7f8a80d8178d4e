//! Which call a transfer is meant for: calls of both directions, by room and participant.

mod order;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use trunkline_base::id::{ParticipantIdentity, RoomName};

pub use order::TransferError;

pub(crate) use order::{Done, TransferOrder, Wish};

/// The calls that can be reached. Behind a lock since calls begin and end on every thread; it is held
/// for one look into the map and never across an await.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange(Arc<Mutex<BTreeMap<Place, mpsc::Sender<Wish>>>>);

type Place = (RoomName, ParticipantIdentity);

/// A call's entry; gone when dropped.
#[derive(Debug)]
pub(super) struct Entry {
    exchange: Exchange,
    place: Place,
    lane: mpsc::Sender<Wish>,
}

impl Exchange {
    /// Hands a wish to its call.
    pub(crate) fn ask(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
        wish: Wish,
    ) -> Result<(), TransferError> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = calls.get(&(room.clone(), identity.clone()));
        let lane = lane.ok_or(TransferError::NoCall)?;
        lane.try_send(wish).map_err(|_| TransferError::Busy)
    }

    /// Makes a call one that can be reached. The newest of a name counts: it has thrown the others
    /// out of their room.
    pub(super) fn enter(
        &self,
        room: RoomName,
        identity: ParticipantIdentity,
    ) -> (Entry, mpsc::Receiver<Wish>) {
        let (lane, wishes) = mpsc::channel(WISHES);
        let place = (room, identity);
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert(place.clone(), lane.clone());
        let entry = Entry {
            exchange: self.clone(),
            place,
            lane,
        };
        (entry, wishes)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let calls = &self.exchange.0;
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = calls.get(&self.place);
        if ours.is_some_and(|lane| lane.same_channel(&self.lane)) {
            calls.remove(&self.place);
        }
    }
}

/// Wishes waiting for one call. Filling it means that somebody asks in a loop.
const WISHES: usize = 8;
