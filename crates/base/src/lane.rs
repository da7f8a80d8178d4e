//! A bounded lane for media: whoever writes never waits, and a full one loses its oldest entry and
//! counts it, since late audio is worse than none.
//!
//! Any number may write, one reads. It knows no runtime: it keeps the waker of whoever waits.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A lane of `depth` entries.
pub fn lane<T>(depth: usize) -> (LaneSender<T>, LaneReceiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            queue: VecDeque::with_capacity(depth.min(USUAL)),
            waiting: None,
            dropped: 0,
            writers: 1,
            is_read: true,
        }),
        depth,
    });
    let sender = LaneSender(Arc::clone(&shared));
    (sender, LaneReceiver(shared))
}

/// The writing end; never waits.
pub struct LaneSender<T>(Arc<Shared<T>>);

/// The reading end, owned by one task. Letting it go closes the lane.
pub struct LaneReceiver<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<State<T>>,
    depth: usize,
}

struct State<T> {
    queue: VecDeque<T>,
    waiting: Option<Waker>,
    dropped: u64,
    writers: usize,
    is_read: bool,
}

impl<T> Shared<T> {
    /// Held for one entry; no await, and nobody is called.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn wait<R>(&mut self, context: &Context<'_>) -> Poll<R> {
        self.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<T> LaneSender<T> {
    /// Adds an entry; the oldest goes if the lane is full. False when nobody reads any more.
    pub fn push(&self, entry: T) -> bool {
        self.put(entry).is_ok()
    }

    /// The same, and gives back what had to go for it.
    ///
    /// # Errors
    /// The entry: nobody reads any more.
    pub fn put(&self, entry: T) -> Result<Option<T>, T> {
        let mut state = self.0.state();
        if !state.is_read {
            return Err(entry);
        }
        let oldest = if state.queue.len() >= self.0.depth {
            state.dropped += 1;
            state.queue.pop_front()
        } else {
            None
        };
        state.queue.push_back(entry);
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        Ok(oldest)
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        !self.0.state().is_read
    }
}

impl<T> Clone for LaneSender<T> {
    fn clone(&self) -> Self {
        self.0.state().writers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for LaneSender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.writers -= 1;
        let was_last = state.writers == 0;
        let waiting = state.waiting.take_if(|_| was_last);
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl<T> LaneReceiver<T> {
    /// The oldest entry; nothing once none is left and the writers are gone.
    ///
    /// # Cancel safety
    /// Nothing is taken.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|context| {
            let mut state = self.0.state();
            match state.queue.pop_front() {
                None if state.writers > 0 => state.wait(context),
                entry => Poll::Ready(entry),
            }
        })
        .await
    }

    /// Waits until something is there, for ever if the writers are gone.
    ///
    /// # Cancel safety
    /// Nothing is taken.
    pub async fn ready(&self) {
        poll_fn(|context| {
            let mut state = self.0.state();
            if state.queue.is_empty() {
                return state.wait(context);
            }
            Poll::Ready(())
        })
        .await;
    }

    /// The oldest entry, if one is there.
    pub fn try_recv(&mut self) -> Option<T> {
        self.0.state().queue.pop_front()
    }

    /// Entries lost so far because they were not read in time.
    pub fn dropped(&self) -> u64 {
        self.0.state().dropped
    }
}

impl<T> Drop for LaneReceiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_read = false;
        let unread = std::mem::take(&mut state.queue);
        drop(state);
        drop(unread);
    }
}

impl<T> fmt::Debug for LaneSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneSender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for LaneReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneReceiver").finish_non_exhaustive()
    }
}

/// Entries that there is room for from the beginning. A ring is walked from end to end, so that one as
/// long as the depth would keep all of it in memory for what is hardly ever there.
const USUAL: usize = 16;

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One look at a future, by somebody who waits for it.
    fn look<F: Future>(future: F, woken: &Arc<Woken>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(woken));
        pin!(future).poll(&mut Context::from_waker(&waker))
    }

    #[test]
    fn a_full_lane_loses_its_oldest_and_counts_it() {
        let (sender, mut receiver) = lane(4);
        for entry in 0..10 {
            assert!(sender.push(entry));
        }
        let taken: Vec<_> = std::iter::from_fn(|| receiver.try_recv()).collect();
        assert_eq!((taken, receiver.dropped()), (vec![6, 7, 8, 9], 6));
    }

    #[test]
    fn whoever_waits_is_woken_by_what_comes_and_what_is_left_is_ready_at_once() {
        let (sender, mut receiver) = lane(4);
        let woken = Arc::new(Woken::default());
        assert_eq!(look(receiver.ready(), &woken), Poll::Pending);
        sender.push(1);
        sender.push(2);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        for entry in [1, 2] {
            assert_eq!(look(receiver.ready(), &woken), Poll::Ready(()));
            assert_eq!(look(receiver.recv(), &woken), Poll::Ready(Some(entry)));
        }
        assert_eq!(look(receiver.ready(), &woken), Poll::Pending);
    }

    #[test]
    fn it_ends_with_its_last_writer_and_not_before_it_is_empty() {
        let (sender, mut receiver) = lane(4);
        let woken = Arc::new(Woken::default());
        let other = sender.clone();
        drop(sender);
        assert_eq!(look(receiver.recv(), &woken), Poll::Pending);
        other.push(1);
        drop(other);
        assert_eq!(look(receiver.recv(), &woken), Poll::Ready(Some(1)));
        assert_eq!(look(receiver.recv(), &woken), Poll::Ready(None));
        // A room outlives its port, and must not turn around an empty lane.
        assert_eq!(look(receiver.ready(), &woken), Poll::Pending);
    }

    #[test]
    fn the_end_wakes_whoever_waits() {
        let (sender, mut receiver) = lane::<u8>(4);
        let woken = Arc::new(Woken::default());
        assert_eq!(look(receiver.recv(), &woken), Poll::Pending);
        drop(sender);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn writers_learn_that_nobody_reads_any_more() {
        let (sender, receiver) = lane(4);
        let entry = Arc::new(());
        sender.push(Arc::clone(&entry));
        drop(receiver);
        assert!(sender.is_closed() && !sender.push(Arc::clone(&entry)));
        assert_eq!(Arc::strong_count(&entry), 1, "what was not read is let go");
    }
}
