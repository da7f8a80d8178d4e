//! Packets in order of their endless numbers. There are few, and most come last: a ring that is kept
//! sorted takes no memory for a packet, which a tree does each time it was empty.

use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Queue<T> {
    ring: VecDeque<(i64, T)>,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self {
            ring: VecDeque::new(),
        }
    }

    /// Puts one in its place; one of the same number goes.
    pub(super) fn insert(&mut self, seq: i64, entry: T) {
        let behind = self.ring.iter().rev().take_while(|(at, _)| *at > seq);
        let place = self.ring.len() - behind.count();
        match place.checked_sub(1).and_then(|at| self.ring.get_mut(at)) {
            Some((at, same)) if *at == seq => *same = entry,
            _ => self.ring.insert(place, (seq, entry)),
        }
    }

    pub(super) fn first(&self) -> Option<(i64, &T)> {
        self.ring.front().map(|(seq, entry)| (*seq, entry))
    }

    pub(super) fn pop_first(&mut self) -> Option<(i64, T)> {
        self.ring.pop_front()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &T)> {
        self.ring.iter().map(|(seq, entry)| (*seq, entry))
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.ring.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_would(
            steps in prop::collection::vec((0_i64..30, any::<bool>()), 0..200)
        ) {
            let (mut queue, mut tree) = (Queue::new(), BTreeMap::new());
            for (value, (seq, comes)) in steps.into_iter().enumerate() {
                if comes {
                    queue.insert(seq, value);
                    tree.insert(seq, value);
                } else {
                    prop_assert_eq!(queue.pop_first(), tree.pop_first());
                }
                prop_assert!(queue.iter().eq(tree.iter().map(|(seq, value)| (*seq, value))));
                prop_assert_eq!(queue.first().map(|(seq, _)| seq), tree.keys().next().copied());
                prop_assert_eq!((queue.len(), queue.is_empty()), (tree.len(), tree.is_empty()));
            }
        }
    }
}
