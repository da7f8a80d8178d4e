//! What providers charge.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_base::tariff::Micros;
use trunkline_service::config::{Report, Section, Source, Typed};

use super::raw::RawAgent;
use crate::provider::Tokens;

/// What providers charge, and what a conversation may cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// Such as `USD`.
    pub currency: String,
    /// A conversation that costs more ends with the answer it is at.
    pub most: Option<Micros>,
    /// By `provider/model`, or by `provider` for all of its models.
    by: BTreeMap<String, Price>,
}

/// What one model costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Price {
    /// A minute of sound that is listened to.
    minute: Micros,
    /// A million characters that are spoken.
    characters: Micros,
    /// A million tokens that are given, of which those are that were known already.
    input: Micros,
    cached: Option<Micros>,
    /// A million tokens that are made.
    output: Micros,
}

const MILLION: u128 = 1_000_000;

impl Prices {
    /// What all this costs, if the model has a price.
    pub(crate) fn cost(
        &self,
        provider: &str,
        model: &str,
        (heard, spoken, tokens): (Duration, u64, Tokens),
    ) -> Option<Micros> {
        let price = self
            .by
            .get(&format!("{provider}/{model}"))
            .or_else(|| self.by.get(provider))?;
        let of = |amount: u128, price: Micros, unit: u128| amount * u128::from(price.0) / unit;
        let fresh = tokens.input.saturating_sub(tokens.cached);
        let cached = price.cached.unwrap_or(price.input);
        let sum = of(heard.as_millis(), price.minute, 60_000)
            + of(spoken.into(), price.characters, MILLION)
            + of(fresh.into(), price.input, MILLION)
            + of(tokens.cached.into(), cached, MILLION)
            + of(tokens.output.into(), price.output, MILLION);
        Some(Micros(u64::try_from(sum).unwrap_or(u64::MAX)))
    }

    pub(super) fn read(raw: &RawAgent, source: &Source, report: &mut Report) -> Self {
        let mut prices = Self {
            currency: "USD".to_owned(),
            ..Self::default()
        };
        if let Some(most) = &raw.max_cost_per_call {
            prices.most = Micros::parse(&most.value);
            if prices.most.is_none() {
                let remedy = "write it as 0.50, in the currency of `prices`".to_owned();
                report.at(source, most, "this is no amount of money", remedy);
            } else if raw.prices.is_none() {
                let remedy = "add a section `prices` with what each provider charges".to_owned();
                let what = "without prices nobody knows what a call costs";
                report.at(source, most, what, remedy);
            }
        }
        let Some(node) = &raw.prices else {
            return prices;
        };
        let Some(mut section) = Section::open(node, source, report) else {
            return prices;
        };
        if let Some(currency) = section.text("currency") {
            prices.currency = currency.value;
        }
        let mut by = BTreeMap::new();
        section.others(|name, section| {
            by.insert(name.to_owned(), price(section));
        });
        prices.by = by;
        section.close();
        prices
    }
}

fn price(section: &mut Section<'_>) -> Price {
    let mut money = |key: &'static str| {
        let typed: Typed = section.text(key)?;
        let price = Micros::parse(&typed.value);
        if price.is_none() {
            let remedy = "write it as 0.006, without a currency".to_owned();
            section.wrong(typed.place, "this is no amount of money", remedy);
        }
        price
    };
    Price {
        minute: money("minute").unwrap_or_default(),
        characters: money("characters").unwrap_or_default(),
        input: money("input").unwrap_or_default(),
        cached: money("cached"),
        output: money("output").unwrap_or_default(),
    }
}
