//! Circles in a graph: its strongly connected parts of more than one (Tarjan, 1972).

use std::collections::{BTreeMap, BTreeSet};

pub(super) fn circles<N: Clone + Ord>(targets: &BTreeMap<N, BTreeSet<N>>) -> Vec<Vec<N>> {
    let mut walk = Walk {
        targets,
        lowest: BTreeMap::new(),
        open: Vec::new(),
        found: Vec::new(),
    };
    for node in targets.keys() {
        if !walk.lowest.contains_key(node) {
            walk.visit(node);
        }
    }
    walk.found
}

struct Walk<'a, N> {
    targets: &'a BTreeMap<N, BTreeSet<N>>,
    /// The first node that is reached from each, in the order of visits.
    lowest: BTreeMap<N, usize>,
    open: Vec<N>,
    found: Vec<Vec<N>>,
}

impl<N: Clone + Ord> Walk<'_, N> {
    fn visit(&mut self, node: &N) -> usize {
        let order = self.lowest.len();
        let mut lowest = order;
        self.lowest.insert(node.clone(), order);
        self.open.push(node.clone());
        for target in self.targets.get(node).into_iter().flatten() {
            match self.lowest.get(target) {
                None => lowest = lowest.min(self.visit(target)),
                Some(&reached) if self.open.contains(target) => lowest = lowest.min(reached),
                Some(_) => {}
            }
        }
        self.lowest.insert(node.clone(), lowest);
        if lowest == order {
            let start = self.open.iter().position(|open| open == node);
            let mut circle = self.open.split_off(start.unwrap_or_default());
            circle.sort();
            if circle.len() > 1 {
                self.found.push(circle);
            }
        }
        lowest
    }
}
