//! A bounded lane that drops its oldest entry when full: late audio is worse than none.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A lane of `depth` entries.
pub(crate) fn lane<T>(depth: usize) -> (LaneSender<T>, LaneReceiver<T>) {
    let shared = Arc::new(Shared {
        queue: Mutex::new(VecDeque::with_capacity(depth)),
        ready: Notify::new(),
        dropped: AtomicU64::new(0),
        closed: AtomicBool::new(false),
        depth,
    });
    (
        LaneSender {
            shared: Arc::clone(&shared),
        },
        LaneReceiver { shared },
    )
}

/// The pushing end; never waits.
#[derive(Debug)]
pub(crate) struct LaneSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for LaneSender<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> LaneSender<T> {
    /// Adds an entry, dropping the oldest if the lane is full.
    pub(crate) fn push(&self, entry: T) {
        {
            let mut queue = self
                .shared
                .queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if queue.len() >= self.shared.depth {
                queue.pop_front();
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            }
            queue.push_back(entry);
        }
        self.shared.ready.notify_one();
    }

    /// Whether the room behind the lane has gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Relaxed)
    }
}

/// The pulling end, owned by one task.
#[derive(Debug)]
pub(crate) struct LaneReceiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> LaneReceiver<T> {
    /// Waits until something is there.
    ///
    /// # Cancel safety
    /// Nothing is taken.
    pub(crate) async fn ready(&self) {
        loop {
            let waiting = self.shared.queue.lock();
            if !waiting.unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
            self.shared.ready.notified().await;
        }
    }

    /// The oldest entry, if one is there.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let queue = self.shared.queue.lock();
        queue.unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Entries dropped so far because the lane was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl<T> Drop for LaneReceiver<T> {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
    }
}

/// The lock is held for a push or a drain of one queue, by two tasks only; no await, no callback.
#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<VecDeque<T>>,
    ready: Notify,
    dropped: AtomicU64,
    closed: AtomicBool,
    depth: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_lane_loses_its_oldest() {
        let (sender, mut receiver) = lane(2);
        for entry in 0..3 {
            sender.push(entry);
        }
        receiver.ready().await;
        let taken: Vec<_> = std::iter::from_fn(|| receiver.pop()).collect();
        assert_eq!(taken, [1, 2]);
        assert_eq!(receiver.dropped(), 1);
    }

    #[tokio::test]
    async fn what_is_left_is_ready_at_once() {
        let (sender, mut receiver) = lane(4);
        for entry in 0..2 {
            sender.push(entry);
        }
        receiver.ready().await;
        assert_eq!(receiver.pop(), Some(0));
        receiver.ready().await;
        assert_eq!(receiver.pop(), Some(1));
        drop(receiver);
        assert!(sender.is_closed());
    }
}
