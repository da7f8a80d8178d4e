//! What a call costs: a price for each minute, by the longest prefix of the number that is called.
//!
//! Money is counted in millionths of the currency's unit, whole ones, so that a sum is what its parts
//! are. What is begun of an interval is charged as the whole of it, as telephone bills are.
//!
//! ```
//! use std::time::Duration;
//! use trunkline_base::tariff::{Micros, Rate, Tariff};
//!
//! let germany = Rate { increment: 1, minimum: 60, ..Rate::new("+49", Micros::parse("0.012").unwrap()) };
//! let tariff = Tariff::new("EUR", vec![germany]);
//! let cost = tariff.cost("0049 30 123456", Duration::from_secs(90)).unwrap();
//! assert_eq!(cost.to_string(), "0.018 EUR");
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::meaning::meanings;
use crate::spelling::{is_priced_by, plain};

/// Money in millionths of a unit.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Reads what people write: `0.012`, `12`, `1_000.50`. More than six places after the point are no
    /// price anybody bills.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.trim().chars().filter(|c| *c != '_').collect();
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let is_number = !(whole.is_empty() && part.is_empty()) && digits(whole) && digits(part);
        if !is_number || part.len() > PLACES {
            return None;
        }
        let whole: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        let part: u64 = format!("{part:0<PLACES$}").parse().ok()?;
        whole.checked_mul(UNIT)?.checked_add(part).map(Self)
    }

    /// Both together, as much as can be counted.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of it.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Micros {
    /// Two places at the least, and no more than are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:0PLACES$}", self.0 % UNIT);
        let needed = part.trim_end_matches('0').len().max(2);
        let part = part.get(..needed).unwrap_or_default();
        write!(f, "{}.{part}", self.0 / UNIT)
    }
}

/// An amount with its currency, such as a call costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// How much.
    pub micros: Micros,
    /// Of what: `EUR`.
    pub currency: String,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.micros, self.currency)
    }
}

/// What calls to numbers of one prefix cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// The beginning of the numbers; the empty one fits those that no other does.
    pub prefix: String,
    /// For each minute.
    pub per_minute: Micros,
    /// Seconds that are charged together; zero counts as one.
    pub increment: u32,
    /// Seconds that a call is charged for at the least.
    pub minimum: u32,
}

impl Rate {
    /// A price by the second.
    pub fn new(prefix: impl Into<String>, per_minute: Micros) -> Self {
        Self {
            prefix: prefix.into(),
            per_minute,
            increment: 1,
            minimum: 0,
        }
    }

    /// The seconds that are charged for a call of which so much was answered. One that nobody answered
    /// has none.
    pub fn seconds(&self, talked: Duration) -> u64 {
        if talked.is_zero() {
            return 0;
        }
        let seconds = begun_seconds(talked).max(u64::from(self.minimum));
        let increment = u64::from(self.increment.max(1));
        seconds.div_ceil(increment).saturating_mul(increment)
    }

    /// What they cost.
    pub fn cost(&self, talked: Duration) -> Micros {
        // A part of a millionth is charged as one.
        let cost = u128::from(self.per_minute.0) * u128::from(self.seconds(talked));
        Micros(u64::try_from(cost.div_ceil(60)).unwrap_or(u64::MAX))
    }
}

/// Every second that was begun.
pub fn begun_seconds(talked: Duration) -> u64 {
    let begun = u64::from(talked.subsec_nanos() > 0);
    talked.as_secs().saturating_add(begun)
}

/// A rate and its currency: what one call is charged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    rate: Rate,
    currency: String,
}

impl Price {
    /// The seconds that are charged.
    pub fn seconds(&self, talked: Duration) -> u64 {
        self.rate.seconds(talked)
    }

    /// What they cost.
    pub fn cost(&self, talked: Duration) -> Cost {
        Cost {
            micros: self.rate.cost(talked),
            currency: self.currency.clone(),
        }
    }
}

/// What calls cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tariff {
    currency: String,
    rates: Deck,
    /// Of calls that come in, by the number of ours that is called.
    #[serde(skip_serializing_if = "Deck::is_empty")]
    inbound: Deck,
}

impl Tariff {
    /// Prices in one currency.
    pub fn new(currency: impl Into<String>, rates: Vec<Rate>) -> Self {
        Self {
            currency: currency.into(),
            rates: Deck::new(rates),
            inbound: Deck::default(),
        }
    }

    /// Prices of calls that come in, too, such as those to a freephone number of ours.
    #[must_use]
    pub fn with_inbound(mut self, rates: Vec<Rate>) -> Self {
        self.inbound = Deck::new(rates);
        self
    }

    /// Are there no prices of calls out?
    pub const fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// `EUR` and such.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// What a number's minutes cost: of the prefixes that fit, the longest decides. `None` where no
    /// price is given.
    pub fn rate(&self, number: &str) -> Option<&Rate> {
        self.rates.longest(&plain(number)).map(|(_, rate)| rate)
    }

    /// What a call to this number is charged by.
    pub fn price(&self, number: &str) -> Option<Price> {
        self.rate(number).map(|rate| self.priced(rate))
    }

    /// What a call that comes in to this number of ours is charged by.
    pub fn price_in(&self, number: &str) -> Option<Price> {
        let found = self.inbound.longest(&plain(number));
        found.map(|(_, rate)| self.priced(rate))
    }

    /// The most that a number may cost, whichever way a trunk reads it: what a limit has to reckon with.
    pub fn dearest(&self, number: &str) -> Option<&Rate> {
        let others = meanings(number);
        let others = others.iter().filter_map(|meaning| {
            let (prefix, rate) = self.rates.longest(&meaning.number)?;
            meaning.begins_with(prefix).then_some(rate)
        });
        let all = self.rate(number).into_iter().chain(others);
        all.max_by_key(|rate| rate.per_minute)
    }

    /// What a call cost of which so much was answered; `None` where no price is given.
    pub fn cost(&self, number: &str, talked: Duration) -> Option<Cost> {
        self.price(number).map(|price| price.cost(talked))
    }

    fn priced(&self, rate: &Rate) -> Price {
        Price {
            rate: rate.clone(),
            currency: self.currency.clone(),
        }
    }
}

/// Rates, of which one is found without looking at all: there may be tens of thousands, and calls wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct Deck {
    rates: Vec<Rate>,
    /// Where the rate of each plain prefix stands; of two the later.
    #[serde(skip)]
    places: BTreeMap<String, usize>,
    /// Bytes of the longest plain prefix.
    #[serde(skip)]
    longest: usize,
}

impl Deck {
    fn new(rates: Vec<Rate>) -> Self {
        let plains = rates.iter().map(|rate| plain(&rate.prefix));
        let places: BTreeMap<String, usize> = plains.zip(0..).collect();
        let longest = places.keys().map(String::len).max().unwrap_or_default();
        Self {
            rates,
            places,
            longest,
        }
    }

    const fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// The longest plain prefix that fits, and its rate.
    fn longest(&self, number: &str) -> Option<(&str, &Rate)> {
        let ends = 0..=number.len().min(self.longest);
        let beginnings = ends.filter_map(|end| number.get(..end));
        // A prefix with `+` may fit a number without.
        let prefixes = beginnings.flat_map(|bare| [bare.to_owned(), format!("+{bare}")]);
        let fitting = prefixes.filter(|prefix| is_priced_by(prefix, number));
        let known = fitting.filter_map(|prefix| self.places.get_key_value(&prefix));
        let (prefix, place) = known.max_by_key(|(prefix, place)| (prefix.len(), **place))?;
        Some((prefix.as_str(), self.rates.get(*place)?))
    }
}

/// Millionths in a unit, and the places they are written with.
const UNIT: u64 = 1_000_000;
const PLACES: usize = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(prefix: &str, per_minute: &str) -> Rate {
        Rate::new(prefix, Micros::parse(per_minute).unwrap())
    }

    #[test]
    fn the_longest_prefix_has_the_price_however_the_number_is_written() {
        let tariff = Tariff::new(
            "EUR",
            vec![
                rate("+49", "0.01"),
                rate("+49 15", "0.09"),
                rate("+1", "0.02"),
                rate("", "5"),
            ],
        );
        for (number, price) in [
            ("+4930123456", "0.01"),
            ("0049 (30) 123456", "0.01"),
            ("4930123456789", "0.01"),
            ("+49151234567", "0.09"),
            ("+15550100", "0.02"),
            ("+881612345678", "5"),
            ("200", "5"),
        ] {
            let found = tariff.rate(number).unwrap();
            assert_eq!(found.per_minute, Micros::parse(price).unwrap(), "{number}");
        }
        let few = Tariff::new("EUR", vec![rate("+49", "0.01")]);
        assert_eq!(few.rate("+15550100"), None);
        assert_eq!(few.cost("+15550100", Duration::from_secs(9)), None);
    }

    #[test]
    fn what_is_begun_is_charged_whole_and_silence_costs_nothing() {
        let price = |increment, minimum, millis| {
            let rate = Rate {
                increment,
                minimum,
                ..rate("+1", "0.6")
            };
            rate.cost(Duration::from_millis(millis)).0
        };
        assert_eq!(price(1, 0, 0), 0);
        assert_eq!(price(60, 60, 0), 0);
        assert_eq!(price(1, 0, 1), 10_000);
        assert_eq!(price(1, 0, 1000), 10_000);
        assert_eq!(price(1, 0, 1001), 20_000);
        assert_eq!(price(1, 30, 1000), 300_000);
        assert_eq!(price(60, 0, 61_000), 1_200_000);
        assert_eq!(price(6, 30, 31_000), 360_000);
        assert_eq!(price(0, 0, 1000), 10_000);
    }

    #[test]
    fn the_seconds_that_are_charged_are_those_that_cost() {
        let rate = Rate {
            increment: 6,
            minimum: 30,
            ..rate("+1", "0.6")
        };
        let at = |millis| rate.seconds(Duration::from_millis(millis));
        assert_eq!([at(0), at(1), at(30_000), at(30_001)], [0, 30, 30, 36]);
        assert_eq!(begun_seconds(Duration::from_millis(30_001)), 31);
    }

    #[test]
    fn calls_in_cost_nothing_but_what_the_tariff_says_of_them() {
        let tariff = Tariff::new("EUR", vec![rate("", "1")]);
        assert_eq!(tariff.price_in("+18005550100"), None);
        let tariff = tariff.with_inbound(vec![rate("+1800", "0.03")]);
        let minute = Duration::from_secs(60);
        let cost = |price: Option<Price>| price.map(|price| price.cost(minute).to_string());
        let freephone = tariff.price_in("1 800 555 0100");
        assert_eq!(cost(freephone).as_deref(), Some("0.03 EUR"));
        assert_eq!(cost(tariff.price_in("+15550100")), None);
        let out = cost(tariff.price("+18005550100"));
        assert_eq!(out.as_deref(), Some("1.00 EUR"));
    }

    #[test]
    fn a_limit_reckons_with_the_dearest_way_to_read_a_number() {
        let tariff = Tariff::new("USD", vec![rate("", "0.01"), rate("+881", "9")]);
        for number in [
            "011881612345678",
            "810881612345678",
            "+881612345678",
            "*67+881612345678",
            "9011881612345678",
        ] {
            let dearest = tariff.dearest(number).unwrap();
            assert_eq!(dearest.per_minute.to_string(), "9.00", "{number}");
        }
        assert_eq!(tariff.dearest("200").unwrap().per_minute.0, 10_000);
    }

    #[test]
    fn prices_are_read_as_people_write_them() {
        for (text, micros) in [
            ("0.012", Some(12_000)),
            ("12", Some(12_000_000)),
            (".5", Some(500_000)),
            ("1_000.50", Some(1_000_500_000)),
            ("0.0000001", None),
            ("-1", None),
            ("1e3", None),
            ("", None),
            (".", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(Micros::parse(text).map(|m| m.0), micros, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_price_that_is_written_is_read_again(micros: u64) {
            let text = Micros(micros).to_string();
            prop_assert_eq!(Micros::parse(&text), Some(Micros(micros)));
        }

        /// A longer call is never cheaper, and no seconds are free.
        #[test]
        fn time_costs(
            per_minute in 1u64..10_000_000_000, increment in 0u32..120, minimum in 0u32..120,
            a in 1u64..100_000_000, b in 0u64..100_000_000,
        ) {
            let rate = Rate { prefix: String::new(), per_minute: Micros(per_minute), increment, minimum };
            let short = rate.cost(Duration::from_millis(a));
            let long = rate.cost(Duration::from_millis(a + b));
            prop_assert!(Micros::ZERO < short && short <= long);
        }

        /// The deck finds what a look at every rate finds.
        #[test]
        fn a_rate_is_found_as_if_all_were_looked_at(
            prefixes in proptest::collection::vec("[+]?[01 4]{0,4}", 0..12),
            number in "[+]?[014]{0,14}",
        ) {
            let rates: Vec<Rate> = prefixes
                .iter()
                .zip(1..)
                .map(|(prefix, micros)| Rate::new(prefix, Micros(micros)))
                .collect();
            let plain_number = plain(&number);
            let fitting = rates
                .iter()
                .filter(|rate| is_priced_by(&plain(&rate.prefix), &plain_number));
            let wanted = fitting.max_by_key(|rate| plain(&rate.prefix).len());
            let tariff = Tariff::new("EUR", rates.clone());
            prop_assert_eq!(tariff.rate(&number), wanted);
        }

        #[test]
        fn no_number_is_too_odd(number: String) {
            let tariff = Tariff::new("EUR", vec![rate("", "1"), rate("+1", "2")]);
            prop_assert!(tariff.rate(&number).is_some());
            let price = |rate: Option<&Rate>| rate.map(|rate| rate.per_minute);
            prop_assert!(price(tariff.dearest(&number)) >= price(tariff.rate(&number)));
        }
    }
}
