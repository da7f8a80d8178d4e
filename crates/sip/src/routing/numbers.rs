//! Lists of numbers, as trunks and rules carry them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::NumberingPlan;

/// Numbers as they are written, and as the plans read them by which they are looked up. Cheap to
/// clone, since each call that is let in has its trunk with it.
#[derive(Clone, Default)]
pub struct Numbers {
    written: Arc<[String]>,
    read: Arc<Vec<(NumberingPlan, BTreeSet<String>)>>,
}

impl Numbers {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Is this number among them, or are there none? A list without numbers names every number.
    pub(super) fn fit(&self, plan: &NumberingPlan, number: &str) -> bool {
        self.is_empty() || self.name(plan, number)
    }

    /// Is this number among them?
    pub(super) fn name(&self, plan: &NumberingPlan, number: &str) -> bool {
        let number = plan.normalise(number);
        match self.read.iter().find(|(by, _)| by == plan) {
            Some((_, numbers)) => numbers.contains(&number),
            None => self
                .written
                .iter()
                .any(|entry| plan.normalise(entry) == number),
        }
    }

    /// Reads them by that plan, so that nobody has to for each call.
    pub(super) fn read_by(&mut self, plan: &NumberingPlan) {
        if self.is_empty() || self.read.iter().any(|(by, _)| by == plan) {
            return;
        }
        let numbers = self.written.iter().map(|entry| plan.normalise(entry));
        let read = (plan.clone(), numbers.collect());
        Arc::make_mut(&mut self.read).push(read);
    }
}

/// The same numbers, read or not.
impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl From<Vec<String>> for Numbers {
    fn from(written: Vec<String>) -> Self {
        Self {
            written: written.into(),
            read: Arc::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{DispatchRule, InboundTrunk, RuleKind, read_numbers};
    use proptest::prelude::*;
    use trunkline_base::id::{RuleId, TrunkId};

    fn plan(at: usize) -> NumberingPlan {
        let iso = ["", "RU", "US", "DE"][at % 4];
        NumberingPlan::of(iso).unwrap_or_default()
    }

    proptest! {
        /// Many numbers, some of them the same in other words, by more than one plan.
        #[test]
        fn what_was_read_before_and_what_is_read_now_agree(
            written in prop::collection::vec("(\\+|00|8|)[0-9]{0,3}[ -]?[0-9]{0,8}|[a-z*#]{0,3}", 0..12),
            asked in prop::collection::vec("(\\+|00|8|)[0-9]{0,11}|[a-z*#]{0,3}", 0..6),
            plans in prop::collection::vec(0_usize..4, 1..3),
        ) {
            let plain = Numbers::from(written.clone());
            let mut trunks: Vec<InboundTrunk> = (0..).zip(&plans).map(|(n, at)| {
                let id = TrunkId::parse(format!("ST_{n}")).unwrap();
                let mut trunk = InboundTrunk::new(id);
                trunk.plan = plan(*at);
                trunk.numbers = plain.clone();
                trunk.allowed_numbers = plain.clone();
                trunk
            }).collect();
            let kind = RuleKind::Direct { room_name: "room".to_owned(), pin: String::new() };
            let mut rules = vec![DispatchRule::new(RuleId::parse("SDR_1").unwrap(), kind)];
            rules[0].numbers = plain.clone();
            read_numbers(&mut trunks, &mut rules);
            prop_assert!(written.is_empty() || !trunks[0].numbers.read.is_empty());
            prop_assert!(trunks[0].numbers == plain);
            for number in asked.iter().chain(&written) {
                for trunk in &trunks {
                    let known = plain.name(&trunk.plan, number);
                    prop_assert_eq!(trunk.numbers.name(&trunk.plan, number), known);
                    prop_assert_eq!(trunk.allowed_numbers.name(&trunk.plan, number), known);
                    prop_assert_eq!(rules[0].numbers.name(&trunk.plan, number), known);
                    let fits = known || written.is_empty();
                    prop_assert_eq!(rules[0].numbers.fit(&trunk.plan, number), fits);
                }
                // By a plan that nobody had read by.
                let other = plan(3);
                prop_assert_eq!(trunks[0].numbers.name(&other, number), plain.name(&other, number));
            }
        }
    }
}
