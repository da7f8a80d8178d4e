//! The order of SRV records (RFC 2782).

use rand::Rng;

use super::Srv;

/// By priority, and within one priority by chance in proportion to the weights.
pub(super) fn in_turn(mut records: Vec<Srv>, rng: &mut impl Rng) -> Vec<Srv> {
    // Those without weight stand first, so that they are drawn now and then at all.
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let equals = records.iter().take_while(|one| one.priority == priority);
        let total: u32 = equals.map(|one| u32::from(one.weight)).sum();
        let drawn = rng.random_range(0..=total);
        let mut sum = 0;
        let at = records.iter().position(|one| {
            sum += u32::from(one.weight);
            sum >= drawn
        });
        ordered.push(records.remove(at.unwrap_or(0)));
    }
    ordered
}
