//! Who has how much of the queue before the signalling task. Datagrams slow nobody down, so a flood
//! fills it, and what comes then is lost: while more than half of it is taken, those of whom much waits
//! have equal parts of half of it, and the ACK of somebody else finds room. Of whom one message waits is
//! none of those: a storm of forged addresses, each of them new, takes nobody's part away.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

use trunkline_base::source::source_of;

/// Bytes that wait, by source. Owned by who reads the socket.
pub(super) struct Queued {
    most: usize,
    all: Arc<All>,
    sources: BTreeMap<IpAddr, Arc<AtomicUsize>>,
    until_swept: usize,
}

/// What waits of all of them.
#[derive(Default)]
struct All {
    bytes: AtomicUsize,
    /// Sources of whom much waits. Whoever reads and whoever takes count at once, and a source that one
    /// of them counts no more may not be counted by the other yet.
    pressing: AtomicIsize,
}

/// What one message takes of the queue, until it is dropped.
pub(crate) struct Place {
    all: Arc<All>,
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
        let is_free = self.all.bytes.load(Ordering::Relaxed) < half;
        if !is_free && has > 0 && has + bytes > half / self.all.pressing() {
            return None;
        }
        self.all.add(&of_source, bytes);
        Some(Place {
            all: Arc::clone(&self.all),
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

impl All {
    fn add(&self, source: &AtomicUsize, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let before = source.fetch_add(bytes, Ordering::Relaxed);
        if before < MUCH && before + bytes >= MUCH {
            self.pressing.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take(&self, source: &AtomicUsize, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let before = source.fetch_sub(bytes, Ordering::Relaxed);
        if before >= MUCH && before - bytes < MUCH {
            self.pressing.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many share half of it.
    fn pressing(&self) -> usize {
        let pressing = self.pressing.load(Ordering::Relaxed);
        usize::try_from(pressing).unwrap_or_default().max(1)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.take(&self.of_source, self.bytes);
    }
}

/// The smallest message counts as so many bytes: the queue is full at its messages, too.
pub(super) const LEAST: usize = 2048;

/// More than one message of usual length.
const MUCH: usize = 2 * LEAST;

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
            assert!((50..=70).contains(&taken), "{taken} of {loud}");
            let ack = queue.place(ip(1), 400);
            assert!(ack.is_some(), "{loud}");
            assert!(queue.place(ip(1), 40_000_000).is_none());
            drop(flood);
            assert!(queue.place(ip(10), 500).is_some());
        }
    }

    /// Each of them had a part like anybody, and a provider was left with one message at a time.
    #[test]
    fn a_storm_of_forged_addresses_takes_nobodys_part_away() {
        let mut queue = queue();
        let storm = (0..80).filter_map(|n| queue.place(ip(1_000 + n), 500));
        let storm: Vec<Place> = storm.collect();
        assert_eq!(storm.len(), 80);
        let calls = (0..20).filter_map(|_| queue.place(ip(1), 500));
        assert_eq!(calls.collect::<Vec<Place>>().len(), 20);
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
            let all = &queue.all;
            assert_eq!(all.bytes.load(Ordering::Relaxed), 0, "seed {seed}");
            assert_eq!(all.pressing.load(Ordering::Relaxed), 0, "seed {seed}");
        }
    }
}
