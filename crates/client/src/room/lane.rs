//! The media lane: bounded, never waits, drops the oldest and counts what it dropped, since late
//! audio is worse than none.

use tokio::sync::broadcast::{self, error};

/// The writing end.
#[derive(Clone, Debug)]
pub(crate) struct LaneSender<T>(broadcast::Sender<T>);

/// The reading end.
#[derive(Debug)]
pub(crate) struct LaneReceiver<T> {
    queue: broadcast::Receiver<T>,
    dropped: u64,
}

/// A lane of `depth` places.
pub(crate) fn lane<T: Clone>(depth: usize) -> (LaneSender<T>, LaneReceiver<T>) {
    let (sender, queue) = broadcast::channel(depth);
    (LaneSender(sender), LaneReceiver { queue, dropped: 0 })
}

impl<T: Clone> LaneSender<T> {
    /// Puts an item in; false when nobody reads any more.
    pub(crate) fn push(&self, item: T) -> bool {
        self.0.send(item).is_ok()
    }
}

impl<T: Clone> LaneReceiver<T> {
    /// The oldest item still there; nothing once the writers are gone.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn recv(&mut self) -> Option<T> {
        loop {
            match self.queue.recv().await {
                Ok(item) => return Some(item),
                Err(error::RecvError::Lagged(missed)) => self.dropped += missed,
                Err(error::RecvError::Closed) => return None,
            }
        }
    }

    /// An item that is there already.
    pub(crate) fn try_recv(&mut self) -> Option<T> {
        loop {
            match self.queue.try_recv() {
                Ok(item) => return Some(item),
                Err(error::TryRecvError::Lagged(missed)) => self.dropped += missed,
                Err(error::TryRecvError::Empty | error::TryRecvError::Closed) => return None,
            }
        }
    }

    /// How many items were dropped unread.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_lane_drops_the_oldest_and_counts_it() {
        let (sender, mut receiver) = lane(4);
        for item in 0..10 {
            assert!(sender.push(item));
        }
        drop(sender);
        let mut seen = Vec::new();
        while let Some(item) = receiver.recv().await {
            seen.push(item);
        }
        assert_eq!(seen, [6, 7, 8, 9]);
        assert_eq!(receiver.dropped(), 6);
    }
}
