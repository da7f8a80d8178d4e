//! Turns go to the store as they happen, in order, without holding up the conversation.

use std::time::Duration;

#[cfg(test)]
use tokio::sync::mpsc;
use trunkline_store::{Event, Row, Store, Turn};

/// A conversation that is over waits this long for its last turns to be in the file; a disk that
/// takes longer has them later.
const LAST_TURNS: Duration = Duration::from_secs(2);

/// Writes turns behind the conversation's back.
#[derive(Debug)]
pub(super) enum Journal {
    Store(Store),
    /// Hands turns to somebody else, who sees every version of each.
    #[cfg(test)]
    Lane(mpsc::Sender<Turn>),
}

impl Journal {
    pub(super) fn write(&self, turn: Turn) {
        match self {
            Self::Store(store) => store.later(Row::Turn(turn)),
            #[cfg(test)]
            Self::Lane(lane) => lane.try_send(turn).unwrap(),
        }
    }

    /// What happened besides turns.
    pub(super) fn happened(&self, event: Event) {
        match self {
            Self::Store(store) => store.later(Row::Event(event)),
            #[cfg(test)]
            Self::Lane(_) => {}
        }
    }

    /// Waits until everything is written.
    pub(super) async fn close(self) {
        match self {
            Self::Store(store) => {
                store.written(LAST_TURNS).await;
            }
            #[cfg(test)]
            Self::Lane(_) => {}
        }
    }
}
