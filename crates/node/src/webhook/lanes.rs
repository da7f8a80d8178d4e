//! Queues of events that must stay in order: one per receiver and resource.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use trunkline_base::time::UnixTime;

/// Receiver and resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    pub(super) url: String,
    pub(super) resource: String,
}

/// An event owed to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owed {
    /// Its number in the store's outbox; `None` when it could not be written there.
    pub(super) stored: Option<i64>,
    pub(super) body: String,
    pub(super) since: UnixTime,
}

/// What becomes of an event that was put into a lane.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// The lane was idle: deliver it now.
    Deliver(Owed),
    /// It waits for those before it.
    Waits,
    /// The lane is full; this one is dropped.
    Full(Owed),
}

/// All lanes that have something to do. A lane exists while a delivery is under way.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    waiting: BTreeMap<LaneKey, VecDeque<Owed>>,
}

impl Lanes {
    pub(super) fn put(&mut self, key: LaneKey, owed: Owed) -> Put {
        match self.waiting.get_mut(&key) {
            None => {
                self.waiting.insert(key, VecDeque::new());
                Put::Deliver(owed)
            }
            Some(queue) if is_full(queue, &owed) => Put::Full(owed),
            Some(queue) => {
                queue.push_back(owed);
                Put::Waits
            }
        }
    }

    /// A delivery ended. The next of its lane, and those that waited too long and are dropped.
    pub(super) fn next(&mut self, key: &LaneKey, now: UnixTime) -> (Option<Owed>, Vec<Owed>) {
        let mut stale = Vec::new();
        while let Some(owed) = self.waiting.get_mut(key).and_then(VecDeque::pop_front) {
            if is_fresh(&owed, now) {
                return (Some(owed), stale);
            }
            stale.push(owed);
        }
        self.waiting.remove(key);
        (None, stale)
    }
}

fn is_full(queue: &VecDeque<Owed>, next: &Owed) -> bool {
    let bytes: usize = queue.iter().map(|owed| owed.body.len()).sum();
    queue.len() >= DEPTH || bytes + next.body.len() > MAX_BYTES
}

/// Whether an event is still worth telling.
pub(super) fn is_fresh(owed: &Owed, now: UnixTime) -> bool {
    now.since(owed.since) <= MAX_AGE
}

/// LiveKit's depth of a queue.
const DEPTH: usize = 200;
/// An event carries the metadata of its room and its participant, a megabyte of it where somebody
/// makes it so; this is more than a lane of usual ones holds.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// An event that waited longer is news no more.
const MAX_AGE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> LaneKey {
        LaneKey {
            url: "http://x/".to_owned(),
            resource: "lobby".to_owned(),
        }
    }

    fn owed(n: usize, since: u64) -> Owed {
        Owed {
            stored: None,
            body: n.to_string(),
            since: UnixTime::from_secs(since),
        }
    }

    #[test]
    fn one_delivery_at_a_time_and_in_order() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.put(key(), owed(1, 0)), Put::Deliver(owed(1, 0)));
        assert_eq!(lanes.put(key(), owed(2, 0)), Put::Waits);
        let other = LaneKey {
            resource: "hall".to_owned(),
            ..key()
        };
        assert_eq!(lanes.put(other, owed(3, 0)), Put::Deliver(owed(3, 0)));
        let now = UnixTime::from_secs(1);
        assert_eq!(lanes.next(&key(), now), (Some(owed(2, 0)), vec![]));
        assert_eq!(lanes.next(&key(), now), (None, vec![]));
        assert_eq!(lanes.put(key(), owed(4, 0)), Put::Deliver(owed(4, 0)));
    }

    #[test]
    fn a_full_lane_drops_the_newest() {
        let mut lanes = Lanes::default();
        lanes.put(key(), owed(0, 0));
        for n in 0..DEPTH {
            assert_eq!(lanes.put(key(), owed(n, 0)), Put::Waits);
        }
        assert_eq!(lanes.put(key(), owed(9, 0)), Put::Full(owed(9, 0)));
    }

    #[test]
    fn large_events_fill_a_lane_sooner() {
        let mut lanes = Lanes::default();
        let large = || Owed {
            body: "x".repeat(MAX_BYTES / 4),
            ..owed(0, 0)
        };
        lanes.put(key(), large());
        for _ in 0..4 {
            assert_eq!(lanes.put(key(), large()), Put::Waits);
        }
        assert!(matches!(lanes.put(key(), large()), Put::Full(_)));
    }

    #[test]
    fn what_waited_too_long_is_dropped() {
        let mut lanes = Lanes::default();
        lanes.put(key(), owed(1, 0));
        lanes.put(key(), owed(2, 0));
        lanes.put(key(), owed(3, 20));
        let (next, stale) = lanes.next(&key(), UnixTime::from_secs(31));
        assert_eq!((next, stale), (Some(owed(3, 20)), vec![owed(2, 0)]));
    }
}
