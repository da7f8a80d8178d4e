//! What calls have cost, and when there is nothing left to spend.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::denied::Denied;
use super::hours::Date;
use super::moment::Moment;
use super::policy::DialPolicy;
use crate::tariff::{Micros, Rate};
use crate::time::UnixTime;

/// What was spent on a day and in its month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// The day.
    pub date: Date,
    /// On it.
    pub day: Micros,
    /// In its month.
    pub month: Micros,
}

impl Spent {
    /// A new day has nothing spent, nor a new month.
    pub(super) fn turn(&mut self, date: Date) {
        // A clock that was set back gives no money back.
        if date <= self.date {
            return;
        }
        if (date.0, date.1) != (self.date.0, self.date.1) {
            self.month = Micros::ZERO;
        }
        self.day = Micros::ZERO;
        self.date = date;
    }

    pub(super) fn add(&mut self, cost: Micros) {
        self.day = self.day.plus(cost);
        self.month = self.month.plus(cost);
    }
}

/// A call that goes on.
#[derive(Clone, Debug)]
pub(super) struct Going {
    pub(super) trunk: String,
    /// Nothing where no price is given.
    pub(super) rate: Option<Rate>,
    pub(super) answered: Option<UnixTime>,
}

impl Going {
    pub(super) fn cost(&self, now: UnixTime) -> Micros {
        let talked = self.answered.map(|answered| now.since(answered));
        let cost = self.rate.as_ref().zip(talked);
        cost.map_or(Micros::ZERO, |(rate, talked)| rate.cost(talked))
    }
}

/// What calls that go on have cost until now.
pub(super) fn accrued(going: &BTreeMap<u64, Going>, now: UnixTime) -> Micros {
    let costs = going.values().map(|call| call.cost(now));
    costs.fold(Micros::ZERO, Micros::plus)
}

/// What is left of the budget, the narrower limit of the two; `None` where there is no limit.
pub(super) fn left(policy: &DialPolicy, spent: Spent, accrued: Micros) -> Option<Left> {
    let limits = [
        (policy.budget.day, spent.day, "day"),
        (policy.budget.month, spent.month, "month"),
    ];
    let limits = limits.into_iter().filter_map(|(limit, spent, period)| {
        let limit = limit?;
        let left = limit.minus(spent.plus(accrued));
        Some(Left {
            left,
            limit,
            period,
        })
    });
    limits.min_by_key(|left| left.left)
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) left: Micros,
    limit: Micros,
    period: &'static str,
}

impl Left {
    pub(super) fn denied(self, policy: &DialPolicy) -> Denied {
        Denied::Spent {
            period: self.period,
            limit: self.limit,
            currency: policy.tariff.currency().to_owned(),
        }
    }
}

/// Today, where the budget is at home.
pub(super) fn today(policy: &DialPolicy, moment: &Moment<'_>) -> Date {
    (moment.local)(&policy.budget.zone).date
}
