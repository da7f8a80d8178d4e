//! How many calls are being set up at once. Ports, a room and its keys are most of what a call costs,
//! and cost it at once; a call that rings, or is up, is none of them. Who comes together with others
//! waits for a turn at the threads for sound: a frame waits behind few, and a burst is taken in.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::gauge::Inside;
use super::shares::Share;

/// Counts them. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Setups {
    all: Arc<AtomicUsize>,
    turns: Arc<Semaphore>,
}

/// One of them, until dropped.
#[derive(Debug)]
pub(crate) struct Setup {
    all: Arc<AtomicUsize>,
    /// Where it waits, unless it does not.
    turns: Option<Arc<Semaphore>>,
    turn: Option<OwnedSemaphorePermit>,
    /// Of its source.
    share: Option<Arc<Share>>,
    /// Its place among calls, until its sound has one.
    place: Option<Inside>,
}

impl Setups {
    /// For as many threads for sound.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            all: Arc::default(),
            turns: Arc::new(Semaphore::new(TURNS * threads.max(1))),
        }
    }

    /// One more, beside fewer than `most`. It waits for its turn.
    pub(super) fn begin_below(&self, most: Option<NonZeroUsize>) -> Option<Setup> {
        let fits = |now: usize| most.is_none_or(|most| now < most.get());
        let one_more = |now| fits(now).then_some(now + 1);
        let begun = self
            .all
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        begun.ok().map(|_| Setup {
            all: Arc::clone(&self.all),
            turns: Some(Arc::clone(&self.turns)),
            turn: None,
            share: None,
            place: None,
        })
    }

    /// One more, beside however many. It waits for nobody.
    pub(super) fn begin(&self) -> Setup {
        self.all.fetch_add(1, Ordering::Relaxed);
        Setup {
            all: Arc::clone(&self.all),
            turns: None,
            turn: None,
            share: None,
            place: None,
        }
    }
}

impl Setup {
    /// The same, which its source holds as long.
    pub(crate) fn of(mut self, share: Arc<Share>) -> Self {
        self.share = Some(share);
        self
    }

    /// The same, with its place among calls.
    pub(super) fn at(mut self, place: Inside) -> Self {
        self.place = Some(place);
        self
    }

    /// The call's sound has begun, and counts by itself.
    pub(crate) fn stands(&mut self) {
        self.place = None;
    }

    /// Waits for its turn, and has it until dropped.
    ///
    /// # Cancel safety
    /// Safe; its place among those who wait is lost.
    pub(crate) async fn take_turn(&mut self) {
        if let Some(turns) = self.turns.take() {
            // Nobody closes it.
            self.turn = turns.acquire_owned().await.ok();
        }
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// At once, for each thread for sound. More bring no call up sooner, and sound waits behind each.
const TURNS: usize = 8;

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_burst_waits_for_turns_and_an_emergency_does_not() {
        let setups = Setups::new(1);
        let mut all: Vec<Setup> = (0..=TURNS)
            .filter_map(|_| setups.begin_below(NonZeroUsize::new(64)))
            .collect();
        let mut last = all.pop().unwrap();
        for one in &mut all {
            assert!(one.take_turn().now_or_never().is_some());
        }
        let mut waits = Box::pin(last.take_turn());
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(setups.begin().take_turn().now_or_never().is_some());
        drop(all.pop());
        assert!(waits.as_mut().now_or_never().is_some());
    }
}
