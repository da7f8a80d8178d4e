//! `tariff` of `security.yaml`: what calls cost, by the beginning of the number.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_base::tariff::{Micros, Rate, Tariff};
use trunkline_service::config::Spanned;

use super::super::raw::{Judge, filled};
use super::prefix::is_prefix;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTariff {
    currency: Option<Spanned<String>>,
    rates: Vec<RawRate>,
    inbound: Vec<RawRate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRate {
    prefix: Spanned<String>,
    per_minute: Spanned<String>,
    #[serde(default)]
    increment: Option<Spanned<String>>,
    #[serde(default)]
    minimum: Option<Spanned<String>>,
}

/// What calls cost.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Prices(Tariff);

impl Prices {
    /// The same for whoever reckons with it.
    pub(crate) const fn tariff(&self) -> &Tariff {
        &self.0
    }
}

pub(super) fn validate(raw: &RawTariff, judge: &mut Judge<'_>) -> Prices {
    let currency = currency(raw.currency.as_ref(), judge);
    let tariff = Tariff::new(currency, rates(&raw.rates, judge));
    Prices(tariff.with_inbound(rates(&raw.inbound, judge)))
}

fn rates(raw: &[RawRate], judge: &mut Judge<'_>) -> Vec<Rate> {
    let mut rates: Vec<Rate> = Vec::new();
    for typed in raw {
        let rate = rate(typed, judge);
        if rates.iter().any(|known| known.prefix == rate.prefix) {
            let what = format!("two rates have the prefix `{}`", rate.prefix);
            judge.blame(&typed.prefix, what, "keep one of them".to_owned());
        }
        rates.push(rate);
    }
    rates
}

fn currency(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> String {
    let Some(raw) = filled(raw) else {
        return USUAL.to_owned();
    };
    let is_code = raw.value.len() == 3 && raw.value.bytes().all(|b| b.is_ascii_uppercase());
    if !is_code {
        let what = format!("`{}` is no currency", raw.value);
        judge.blame(raw, what, "three capital letters, such as EUR".to_owned());
    }
    raw.value.clone()
}

fn rate(raw: &RawRate, judge: &mut Judge<'_>) -> Rate {
    // The empty prefix is that of all other numbers.
    if !raw.prefix.value.is_empty() {
        is_prefix(&raw.prefix, judge);
    }
    Rate {
        prefix: raw.prefix.value.clone(),
        per_minute: money(&raw.per_minute, judge),
        increment: seconds(raw.increment.as_ref(), Duration::from_secs(1), judge).max(1),
        minimum: seconds(raw.minimum.as_ref(), Duration::ZERO, judge),
    }
}

/// An amount of the currency.
pub(super) fn money(raw: &Spanned<String>, judge: &mut Judge<'_>) -> Micros {
    Micros::parse(&raw.value).unwrap_or_else(|| {
        let what = format!("`{}` is no amount of money", raw.value);
        judge.blame(
            raw,
            what,
            "write it like 0.012, six places at the most".to_owned(),
        );
        Micros::ZERO
    })
}

fn seconds(raw: Option<&Spanned<String>>, usual: Duration, judge: &mut Judge<'_>) -> u32 {
    let found = judge.duration(raw, usual);
    if let Some(raw) = raw
        && (found.subsec_nanos() > 0 || found > LONGEST)
    {
        let what = format!("calls are not charged by `{}`", raw.value);
        judge.blame(raw, what, "whole seconds, up to 1h".to_owned());
    }
    u32::try_from(found.min(LONGEST).as_secs()).unwrap_or(1)
}

const USUAL: &str = "USD";
const LONGEST: Duration = Duration::from_secs(3600);
