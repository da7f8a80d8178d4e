//! Which call a transfer is meant for: calls of both directions, by room and participant.

mod error;
mod order;
mod wish;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{self, error::TrySendError};
use trunkline_base::id::{ParticipantIdentity, RoomName};

pub use error::TransferError;

pub(crate) use order::{TransferOrder, denial};
pub(crate) use wish::{Done, Goal, Offer, Offered, Outcome, Terms, Transfer, Wanted, Whom, Wish};

/// The calls that can be reached. Behind a lock since calls begin and end on every thread; it is held
/// for one look into the map and never across an await.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange(Arc<Mutex<Calls>>);

type Place = (RoomName, ParticipantIdentity);

type Calls = BTreeMap<Place, mpsc::Sender<Wish>>;

/// A call's entry; gone when dropped.
#[derive(Debug)]
pub(super) struct Entry {
    exchange: Exchange,
    place: Place,
    lane: mpsc::Sender<Wish>,
}

impl Exchange {
    /// Hands a wish to its call.
    pub(crate) fn ask(&self, place: &Place, wish: Wish) -> Result<(), TransferError> {
        let calls = self.calls();
        let lane = calls.get(place).ok_or(TransferError::NoCall)?;
        lane.try_send(wish).map_err(|_| TransferError::Busy)
    }

    /// Hands a wish to its call, and another to the call of another place: both or neither, and in one
    /// order for all who ask, so that the call that hears one of two first hears both of them first.
    pub(crate) fn ask_both(
        &self,
        (place, wish): (&Place, Wish),
        (other, of_other): (&Place, Wish),
    ) -> Result<(), TransferError> {
        let calls = self.calls();
        let lane = calls.get(place).ok_or(TransferError::NoCall)?;
        let beside = calls.get(other).ok_or(TransferError::NoTarget)?;
        let room = lane.try_reserve().map_err(|_| TransferError::Busy)?;
        let room_beside = beside.try_reserve().map_err(|error| match error {
            TrySendError::Closed(()) => TransferError::NoTarget,
            TrySendError::Full(()) => TransferError::TargetBusy,
        })?;
        room.send(wish);
        room_beside.send(of_other);
        Ok(())
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
        self.calls().insert(place.clone(), lane.clone());
        let entry = Entry {
            exchange: self.clone(),
            place,
            lane,
        };
        (entry, wishes)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut calls = self.exchange.calls();
        let ours = calls.get(&self.place);
        if ours.is_some_and(|lane| lane.same_channel(&self.lane)) {
            calls.remove(&self.place);
        }
    }
}

/// Wishes waiting for one call. Filling it means that somebody asks in a loop.
const WISHES: usize = 8;
