//! Reading the numbers of all trunks and rules, whenever those change.

use super::{DispatchRule, InboundTrunk, NumberingPlan};

/// Reads the numbers of trunks and rules once: with thousands of them each call would.
pub fn read_numbers(trunks: &mut [InboundTrunk], rules: &mut [DispatchRule]) {
    let mut plans: Vec<NumberingPlan> = Vec::new();
    for trunk in trunks {
        trunk.numbers.read_by(&trunk.plan);
        trunk.allowed_numbers.read_by(&trunk.plan);
        if !plans.contains(&trunk.plan) {
            plans.push(trunk.plan.clone());
        }
    }
    for rule in rules {
        for plan in &plans {
            rule.numbers.read_by(plan);
            rule.inbound_numbers.read_by(plan);
        }
    }
}
