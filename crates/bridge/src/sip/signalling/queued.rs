//! Who has how much of the queue before the signalling task. Datagrams slow nobody down, so a flood
//! fills it, and what comes then is lost: while more than half of it is taken, no source has more of it
//! than its part, and the ACK of somebody else finds room.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use trunkline_base::source::source_of;

/// Bytes that wait, by source. Owned by who reads the socket.
pub(super) struct Queued {
    most: usize,
    all: Arc<AtomicUsize>,
    sources: BTreeMap<IpAddr, Arc<AtomicUsize>>,
    until_swept: usize,
}

/// What one message takes of the queue, until it is dropped.
pub(crate) struct Place {
    of_all: Arc<AtomicUsize>,
    of_source: Arc<AtomicUsize>,
    bytes: usize,
}

impl Queued {
    /// Of a queue for so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            all: Arc::default(),
            sources: BTreeMap::new(),
            until_swept: SWEEP,
        }
    }

    /// Room for a message from there; nothing where its source has its part.
    pub(super) fn place(&mut self, ip: IpAddr, length: usize) -> Option<Place> {
        self.sweep();
        let half = self.most / 2;
        let bytes = length.max(LEAST);
        let source = self.sources.entry(source_of(ip)).or_default();
        let has = source.load(Ordering::Relaxed);
        let of_source = Arc::clone(source);
        let part = half / self.sources.len().max(1);
        let is_free = self.all.load(Ordering::Relaxed) < half;
        if !is_free && has > 0 && has + bytes > part {
            return None;
        }
        of_source.fetch_add(bytes, Ordering::Relaxed);
        self.all.fetch_add(bytes, Ordering::Relaxed);
        Some(Place {
            of_all: Arc::clone(&self.all),
            of_source,
            bytes,
        })
    }

    /// Forgets now and then of whom nothing waits. What waits is bounded, and so are the others.
    fn sweep(&mut self) {
        self.until_swept -= 1;
        if self.until_swept == 0 {
            self.until_swept = SWEEP;
            self.sources
                .retain(|_, bytes| bytes.load(Ordering::Relaxed) > 0);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of_source.fetch_sub(self.bytes, Ordering::Relaxed);
        self.of_all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The smallest message counts as so many bytes: the queue is full at its messages, too.
const LEAST: usize = 2048;

/// Messages between two looks at who has nothing there any more.
const SWEEP: usize = 512;

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    const MOST: usize = 100 * LEAST;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    fn queue() -> Queued {
        Queued::new(MOST)
    }

    /// A flood from a trunk's own addresses had the ACKs of good calls dropped with its INVITEs.
    #[test]
    fn beside_those_who_fill_the_queue_another_ones_message_finds_room() {
        for loud in [1, 10, 40] {
            let mut queue = queue();
            let flood: Vec<Place> = (0..2_000)
                .filter_map(|n| queue.place(ip(10 + n % loud), 500))
                .collect();
            let taken = flood.len();
            assert!((50..=55).contains(&taken), "{taken} of {loud}");
            let ack = queue.place(ip(1), 400);
            assert!(ack.is_some(), "{loud}");
            assert!(queue.place(ip(1), 40_000_000).is_none());
            drop(flood);
            assert!(queue.place(ip(10), 500).is_some());
        }
    }

    #[test]
    fn who_is_alone_fills_half_of_it_and_the_largest_message_passes() {
        let mut queue = queue();
        let large = queue.place(ip(1), MOST * 2);
        assert!(large.is_some());
        assert!(queue.place(ip(1), 1).is_none());
        assert!(queue.place(ip(2), 1).is_some());
    }

    #[test]
    fn what_is_dropped_is_free_again_and_the_table_stays_small() {
        for seed in 0..8 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut queue = queue();
            let (mut waiting, mut most) = (Vec::new(), 0);
            for _ in 0..5_000 {
                let (from, length) = (rng.random_range(0..5_000), rng.random_range(0..70_000));
                waiting.extend(queue.place(ip(from), length));
                most = most.max(waiting.len());
                if rng.random_range(0..100) < 40 && !waiting.is_empty() {
                    waiting.swap_remove(rng.random_range(0..waiting.len()));
                }
                let kept = queue.sources.len();
                assert!(kept <= most + SWEEP, "seed {seed}: {kept} of {most}");
            }
            drop(waiting);
            assert_eq!(queue.all.load(Ordering::Relaxed), 0, "seed {seed}");
        }
    }
}
