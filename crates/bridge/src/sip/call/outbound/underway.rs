//! The calls we place, by room and participant: the same asked for twice is one call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use trunkline_base::id::{ParticipantIdentity, RoomName};

use super::order::{DialError, Dialled};

/// How far a call has come.
#[derive(Clone, Debug, Default)]
pub(crate) enum Stage {
    /// It is prepared.
    #[default]
    Begun,
    /// The participant is in the room, and the phone rings.
    Joined(Dialled),
    /// Somebody has answered.
    Answered(Dialled),
    /// It is over before that.
    Failed(DialError),
}

/// The calls we place. Behind a lock since they are asked for and end on every thread; it is held
/// for one look into the map and never across an await.
#[derive(Clone, Debug, Default)]
pub(crate) struct Underway(Arc<Mutex<BTreeMap<Place, Entry>>>);

/// Who is called, in which room.
type Place = (RoomName, ParticipantIdentity);

#[derive(Debug)]
struct Entry {
    number: String,
    stage: watch::Sender<Stage>,
}

/// What asking for a call comes to.
pub(crate) enum Asked {
    /// It is a new one: place it.
    New(Claim, watch::Receiver<Stage>),
    /// It is under way already.
    Known(watch::Receiver<Stage>),
    /// Another number is called under this name.
    Other,
}

/// The right to place a call; free again when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    underway: Underway,
    place: Place,
    pub(super) stage: watch::Sender<Stage>,
}

impl Underway {
    pub(crate) fn ask(&self, room: RoomName, identity: ParticipantIdentity, number: &str) -> Asked {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (room, identity);
        // One that has failed is as good as gone.
        let known = calls
            .get(&place)
            .filter(|known| !matches!(*known.stage.borrow(), Stage::Failed(_)));
        match known {
            Some(known) if known.number == number => Asked::Known(known.stage.subscribe()),
            Some(_) => Asked::Other,
            None => {
                let (stage, watched) = watch::channel(Stage::default());
                let entry = Entry {
                    number: number.to_owned(),
                    stage: stage.clone(),
                };
                calls.insert(place.clone(), entry);
                let claim = Claim {
                    underway: self.clone(),
                    place,
                    stage,
                };
                Asked::New(claim, watched)
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let calls = &self.underway.0;
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = |entry: &Entry| entry.stage.same_channel(&self.stage);
        if calls.get(&self.place).is_some_and(ours) {
            calls.remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_call_asked_for_twice_is_one_and_another_number_is_told_apart() {
        let underway = Underway::default();
        let ask = |number: &str| {
            let room = RoomName::parse("lobby").unwrap();
            let identity = ParticipantIdentity::parse("bob").unwrap();
            underway.ask(room, identity, number)
        };
        let Asked::New(claim, _) = ask("+15550100") else {
            panic!("taken")
        };
        assert!(matches!(ask("+15550100"), Asked::Known(_)));
        assert!(matches!(ask("+15550199"), Asked::Other));
        claim.stage.send_replace(Stage::Failed(DialError::Full));
        let Asked::New(next, _) = ask("+15550199") else {
            panic!("what has failed is in the way")
        };
        drop(claim);
        assert!(matches!(ask("+15550199"), Asked::Known(_)));
        drop(next);
        assert!(matches!(ask("+15550100"), Asked::New(..)));
    }
}
