//! What is dialled now, was dialled in the last minute, and has cost.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::denied::Denied;
use super::moment::Moment;
use super::policy::{DialPolicy, Dialling};
use super::spent::{Going, Spent, accrued, left, today};
use crate::tariff::{Micros, Rate};
use crate::time::UnixTime;

/// What is dialled now, and was in the last minute, over each trunk; and what it cost.
#[derive(Debug, Default)]
pub struct DialCounts {
    trunks: BTreeMap<String, Trunk>,
    spent: Spent,
    going: BTreeMap<u64, Going>,
    next: u64,
}

#[derive(Debug, Default)]
struct Trunk {
    up: usize,
    recent: VecDeque<UnixTime>,
}

/// A call that was counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// By which it is counted out.
    pub id: u64,
    /// What it is.
    pub kind: Dialling,
}

/// What survives a restart: the last minute, and what was spent. What was up is charged until it was
/// last written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    recent: BTreeMap<String, Vec<u64>>,
    spent: Spent,
    /// By calls that were up.
    accrued: Micros,
}

impl DialCounts {
    /// Counts a call in, if it may be placed; [`Self::over`] counts it out. Two numbers: the one
    /// that was asked for, and the one that goes out.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn begin(
        &mut self,
        policy: &DialPolicy,
        trunk: &str,
        (asked, sent): (&str, &str),
        moment: &Moment<'_>,
    ) -> Result<Counted, Denied> {
        let kind = policy.judge(asked, sent, moment)?;
        self.forget(moment.now);
        self.spent.turn(today(policy, moment));
        let rate = policy.tariff.dearest(sent).cloned();
        let counts = self.trunks.entry(trunk.to_owned()).or_default();
        if kind == Dialling::Usual {
            if counts.up >= policy.calls_per_trunk {
                return Err(Denied::TooMany(policy.calls_per_trunk));
            }
            if counts.recent.len() >= policy.calls_per_minute {
                return Err(Denied::TooFast(policy.calls_per_minute));
            }
            let accrued = accrued(&self.going, moment.now);
            if let Some(left) = left(policy, self.spent, accrued) {
                let rate = rate.as_ref().ok_or(Denied::Unpriced)?;
                let is_free = rate.per_minute == Micros::ZERO;
                if !is_free && left.left < rate.cost(SECOND).max(Micros(1)) {
                    return Err(left.denied(policy));
                }
            }
        }
        counts.up += 1;
        counts.recent.push_back(moment.now);
        // Help is not charged against what else may be spent.
        let rate = rate.filter(|_| kind == Dialling::Usual);
        let id = self.enter(trunk, rate, None);
        Ok(Counted { id, kind })
    }

    /// Counts in a call that was let out and answered before whoever counts was there. It costs from
    /// now on.
    pub fn go_on(
        &mut self,
        policy: &DialPolicy,
        trunk: &str,
        sent: &str,
        moment: &Moment<'_>,
    ) -> u64 {
        let is_help = matches!(policy.judge(sent, sent, moment), Ok(Dialling::Emergency));
        let rate = policy.tariff.dearest(sent).cloned();
        self.trunks.entry(trunk.to_owned()).or_default().up += 1;
        self.enter(trunk, rate.filter(|_| !is_help), Some(moment.now))
    }

    fn enter(&mut self, trunk: &str, rate: Option<Rate>, answered: Option<UnixTime>) -> u64 {
        let id = self.next;
        self.next += 1;
        let going = Going {
            trunk: trunk.to_owned(),
            rate,
            answered,
        };
        self.going.insert(id, going);
        id
    }

    /// A call that was counted in is answered: from now on it costs.
    pub fn answered(&mut self, id: u64, now: UnixTime) {
        if let Some(call) = self.going.get_mut(&id) {
            call.answered.get_or_insert(now);
        }
    }

    /// A call that was counted in is over, and is charged.
    pub fn over(&mut self, id: u64, policy: &DialPolicy, moment: &Moment<'_>) {
        let Some(call) = self.going.remove(&id) else {
            return;
        };
        if let Some(counts) = self.trunks.get_mut(&call.trunk) {
            counts.up = counts.up.saturating_sub(1);
        }
        self.spent.turn(today(policy, moment));
        self.spent.add(call.cost(moment.now));
    }

    /// How long what is left of the budget pays for all calls that go on: nothing for a call that
    /// costs nothing, or where there is no limit.
    pub fn lasts(&mut self, id: u64, policy: &DialPolicy, moment: &Moment<'_>) -> Option<Duration> {
        if !policy.budget.is_set() {
            return None;
        }
        self.spent.turn(today(policy, moment));
        let price = |call: &Going| call.rate.as_ref().map_or(0, |rate| rate.per_minute.0);
        if self.going.get(&id).is_none_or(|call| price(call) == 0) {
            return None;
        }
        let answered = self.going.values().filter(|call| call.answered.is_some());
        let all: u128 = answered.map(|call| u128::from(price(call))).sum();
        let left = left(policy, self.spent, accrued(&self.going, moment.now))?;
        let seconds = u128::from(left.left.0) * 60 / all.max(1);
        Some(Duration::from_secs(
            u64::try_from(seconds).unwrap_or(u64::MAX),
        ))
    }

    /// Does no call go on?
    pub fn is_idle(&self) -> bool {
        self.going.is_empty()
    }

    /// What was spent, with what the calls that go on have cost.
    pub fn spent(&self, now: UnixTime) -> Spent {
        let mut spent = self.spent;
        spent.add(accrued(&self.going, now));
        spent
    }

    /// What survives a restart.
    pub fn keep(&self, now: UnixTime) -> Kept {
        let trunks = self
            .trunks
            .iter()
            .filter(|(_, counts)| !counts.recent.is_empty());
        let recent = trunks.map(|(trunk, counts)| {
            let at = counts.recent.iter().map(|at| at.0).collect();
            (trunk.clone(), at)
        });
        Kept {
            recent: recent.collect(),
            spent: self.spent,
            accrued: accrued(&self.going, now),
        }
    }

    /// Goes on where a process ended.
    pub fn restore(kept: Kept) -> Self {
        let mut spent = kept.spent;
        spent.add(kept.accrued);
        let trunks = kept.recent.into_iter().map(|(trunk, recent)| {
            let recent = recent.into_iter().map(UnixTime).collect();
            (trunk, Trunk { up: 0, recent })
        });
        Self {
            trunks: trunks.collect(),
            spent,
            going: BTreeMap::new(),
            next: 0,
        }
    }

    fn forget(&mut self, now: UnixTime) {
        self.trunks.retain(|_, counts| {
            // One from the future was written by a clock that has been set right since.
            let is_old = |at: &UnixTime| now.since(*at) >= MINUTE || at.since(now) >= MINUTE;
            counts.recent.retain(|at| !is_old(at));
            counts.up > 0 || !counts.recent.is_empty()
        });
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// The shortest call is charged as much.
const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::super::hours::{Date, LocalTime};
    use super::super::{Budget, DialPolicy};
    use super::*;
    use crate::tariff::{Rate, Tariff};

    const NUMBER: &str = "+15550100";

    fn noon(_: &str) -> LocalTime {
        on(28)
    }

    fn on(day: i8) -> LocalTime {
        LocalTime {
            date: Date(2026, 11, day),
            weekday: 5,
            minute: 720,
        }
    }

    const fn second(second: u64) -> Moment<'static> {
        Moment {
            now: UnixTime(1_000_000_000 + second * 1000),
            local: &noon,
        }
    }

    fn ask(
        counts: &mut DialCounts,
        policy: &DialPolicy,
        trunk: &str,
        at: u64,
    ) -> Result<u64, Denied> {
        let counted = counts.begin(policy, trunk, (NUMBER, NUMBER), &second(at));
        counted.map(|counted| counted.id)
    }

    #[test]
    fn a_trunk_carries_so_many_at_a_time_and_so_many_in_a_minute() {
        let policy = DialPolicy {
            calls_per_trunk: 2,
            calls_per_minute: 3,
            ..DialPolicy::default()
        };
        let mut counts = DialCounts::default();
        let first = ask(&mut counts, &policy, "a", 0).unwrap();
        let second_call = ask(&mut counts, &policy, "a", 1).unwrap();
        assert_eq!(ask(&mut counts, &policy, "a", 2), Err(Denied::TooMany(2)));
        assert!(ask(&mut counts, &policy, "b", 2).is_ok());
        counts.over(first, &policy, &second(2));
        let third = ask(&mut counts, &policy, "a", 3).unwrap();
        counts.over(second_call, &policy, &second(3));
        assert_eq!(ask(&mut counts, &policy, "a", 4), Err(Denied::TooFast(3)));
        // The minute is not forgotten by a restart, but what was up is.
        let mut counts = DialCounts::restore(counts.keep(second(4).now));
        assert_eq!(ask(&mut counts, &policy, "a", 5), Err(Denied::TooFast(3)));
        assert!(ask(&mut counts, &policy, "a", 61).is_ok());
        counts.over(third, &policy, &second(61));
    }

    #[test]
    fn trunks_that_are_idle_are_forgotten() {
        let policy = DialPolicy::default();
        let mut counts = DialCounts::default();
        for trunk in 0..50 {
            let id = ask(&mut counts, &policy, &trunk.to_string(), 0).unwrap();
            counts.over(id, &policy, &second(0));
        }
        counts.forget(second(60).now);
        assert!(counts.trunks.is_empty());
    }

    fn dear(day: Option<u64>, month: Option<u64>) -> DialPolicy {
        let units = |units: u64| Micros(units * 1_000_000);
        DialPolicy {
            tariff: Tariff::new("EUR", vec![Rate::new("+1", units(60))]),
            budget: Budget {
                day: day.map(units),
                month: month.map(units),
                ..Budget::default()
            },
            ..DialPolicy::default()
        }
    }

    #[test]
    fn a_day_costs_no_more_than_it_may_and_a_restart_forgets_nothing() {
        let policy = dear(Some(100), Some(1000));
        let mut counts = DialCounts::default();
        let first = ask(&mut counts, &policy, "a", 0).unwrap();
        counts.answered(first, second(10).now);
        // A unit for each second: a hundred of them.
        let left =
            |counts: &mut DialCounts, id, at| counts.lasts(id, &policy, &second(at)).unwrap();
        assert_eq!(left(&mut counts, first, 10), Duration::from_secs(100));
        let other = ask(&mut counts, &policy, "a", 10).unwrap();
        counts.answered(other, second(20).now);
        // Ten are spent, and now they spend two each second.
        assert_eq!(left(&mut counts, first, 20), Duration::from_secs(45));
        assert_eq!(left(&mut counts, first, 65), Duration::ZERO);
        let denied = ask(&mut counts, &policy, "a", 65).unwrap_err();
        assert_eq!(denied.word(), "denied_spent");
        assert!(
            denied.passes() && denied.to_string().contains("100.00 EUR"),
            "{denied}"
        );
        // Killed at that moment.
        let mut counts = DialCounts::restore(counts.keep(second(65).now));
        assert_eq!(counts.spent(second(65).now).day, Micros(100_000_000));
        assert!(ask(&mut counts, &policy, "a", 70).is_err());
        let tomorrow = |_: &str| on(29);
        let moment = Moment {
            now: second(90_000).now,
            local: &tomorrow,
        };
        let counted = counts.begin(&policy, "a", (NUMBER, NUMBER), &moment);
        assert!(counted.is_ok());
        let spent = counts.spent(moment.now);
        assert_eq!(
            (spent.day, spent.month),
            (Micros::ZERO, Micros(100_000_000))
        );
    }

    #[test]
    fn what_has_no_price_is_not_dialled_against_a_budget_and_help_always_is() {
        let policy = dear(Some(0), None);
        let mut counts = DialCounts::default();
        let mut ask = |number: &str| counts.begin(&policy, "a", (number, number), &second(0));
        assert_eq!(ask("+4930123456"), Err(Denied::Unpriced));
        assert!(matches!(ask(NUMBER), Err(Denied::Spent { .. })));
        assert_eq!(
            ask("112").map(|counted| counted.kind),
            Ok(Dialling::Emergency)
        );
        let mut free = dear(None, Some(0));
        free.tariff = Tariff::new("EUR", vec![Rate::new("", Micros::ZERO)]);
        assert!(
            counts
                .begin(&free, "a", (NUMBER, NUMBER), &second(0))
                .is_ok()
        );
    }

    #[test]
    fn a_clock_that_is_set_back_gives_no_money_back() {
        let mut spent = Spent::default();
        spent.turn(Date(2026, 11, 28));
        spent.add(Micros(5));
        spent.turn(Date(2026, 11, 27));
        assert_eq!(spent.day, Micros(5));
        spent.turn(Date(2026, 12, 1));
        assert_eq!((spent.day, spent.month), (Micros::ZERO, Micros::ZERO));
    }
}
