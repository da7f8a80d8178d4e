//! Turns go to the store as they happen, in order, without holding up the conversation.

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use trunkline_store::{Store, Turn};

/// Writes turns behind the conversation's back.
#[derive(Debug)]
pub(super) struct Journal {
    lane: mpsc::Sender<Turn>,
    writer: JoinSet<()>,
}

/// Turns waiting for the disk. Full means that the disk has stood still for minutes.
const LANE: usize = 64;

impl Journal {
    pub(super) fn new(store: Store) -> Self {
        let (lane, mut turns) = mpsc::channel::<Turn>(LANE);
        let mut writer = JoinSet::new();
        writer.spawn(async move {
            while let Some(turn) = turns.recv().await {
                if let Err(error) = store.turns().put(&turn).await {
                    tracing::warn!(turn = %turn.turn_id, %error, "a turn was not written");
                }
            }
        });
        Self { lane, writer }
    }

    /// Hands turns to somebody else, who sees every version of each.
    #[cfg(test)]
    pub(super) fn to(lane: mpsc::Sender<Turn>) -> Self {
        Self {
            lane,
            writer: JoinSet::new(),
        }
    }

    pub(super) fn write(&self, turn: Turn) {
        if let Err(error) = self.lane.try_send(turn) {
            tracing::warn!(%error, "the store is too slow for the conversation; a turn is lost");
        }
    }

    /// Waits until everything is written.
    pub(super) async fn close(self) {
        let Self { lane, mut writer } = self;
        drop(lane);
        while writer.join_next().await.is_some() {}
    }
}
