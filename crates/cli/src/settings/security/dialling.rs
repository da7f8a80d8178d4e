//! `dialling` of `security.yaml`: which numbers may be dialled, how many and how often.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use trunkline_base::dialling::{Budget, DAYS, DialPolicy, Hours};
use trunkline_base::tariff::Tariff;
use trunkline_service::config::{Report, Source, Spanned, nearest};

use super::super::raw::{Judge, filled};
use super::prefix::is_prefix;
use super::tariff::Prices;
use super::tariff::money;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDialling {
    emergency: Option<Vec<Spanned<String>>>,
    allow: Option<Vec<Spanned<String>>>,
    deny: Option<Vec<Spanned<String>>>,
    calls_per_trunk: Option<Spanned<u64>>,
    calls_per_minute: Option<Spanned<u64>>,
    hours: Vec<RawHours>,
    budget: RawBudget,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHours {
    prefix: Spanned<String>,
    #[serde(default)]
    days: Vec<Spanned<String>>,
    hours: Spanned<String>,
    #[serde(default)]
    zone: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBudget {
    day: Option<Spanned<String>>,
    month: Option<Spanned<String>>,
    zone: Option<Spanned<String>>,
}

/// Which numbers may be dialled.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Dialling {
    /// Those of the old place.
    #[serde(skip)]
    pub(crate) emergency: Vec<String>,
    allow: Vec<String>,
    deny: Vec<String>,
    calls_per_trunk: usize,
    calls_per_minute: usize,
    hours: Vec<Hours>,
    budget: Budget,
}

/// The word that emergency numbers have moved.
pub(super) fn notice(source: &Source, raw: &RawDialling, notices: &mut Report) {
    if let Some(first) = raw.emergency.iter().flatten().next() {
        let what = "`dialling.emergency` has moved: it is `numbering.emergency` of \
                    livekit-sip-correct.yaml now, beside the numbers of each trunk's country";
        let remedy = "move there what your country does not have; until then they count here";
        notices.at(source, first, what, remedy.to_owned());
    }
}

pub(super) fn validate(raw: &RawDialling, tariff: &Tariff, judge: &mut Judge<'_>) -> Dialling {
    let usual = DialPolicy::default();
    let mut number = |raw: Option<&Spanned<u64>>, usual: usize| {
        let default = u64::try_from(usual).unwrap_or(u64::MAX);
        usize::try_from(judge.within(raw, 1, 100_000, default)).unwrap_or(usual)
    };
    Dialling {
        calls_per_trunk: number(raw.calls_per_trunk.as_ref(), usual.calls_per_trunk),
        calls_per_minute: number(raw.calls_per_minute.as_ref(), usual.calls_per_minute),
        emergency: prefixes(raw.emergency.as_deref(), Vec::new(), judge),
        allow: prefixes(raw.allow.as_deref(), usual.allow, judge),
        deny: prefixes(raw.deny.as_deref(), usual.deny, judge),
        hours: raw.hours.iter().map(|raw| hours(raw, judge)).collect(),
        budget: budget(&raw.budget, tariff, judge),
    }
}

fn hours(raw: &RawHours, judge: &mut Judge<'_>) -> Hours {
    // The empty prefix is that of all numbers.
    if !raw.prefix.value.is_empty() {
        is_prefix(&raw.prefix, judge);
    }
    let mut days = [raw.days.is_empty(); 7];
    for typed in &raw.days {
        let word = typed.value.to_ascii_lowercase();
        let day = DAYS.iter().position(|day| *day == word);
        match day.and_then(|day| days.get_mut(day)) {
            Some(day) => *day = true,
            None => {
                let what = format!("`{}` is no day", typed.value);
                judge.blame(typed, what, nearest(&word, &DAYS));
            }
        }
    }
    let (from, until) = span(&raw.hours.value).unwrap_or_else(|| {
        let what = format!("`{}` are no hours", raw.hours.value);
        let remedy = "write them like \"08:00-20:00\"".to_owned();
        judge.blame(&raw.hours, what, remedy);
        (0, MIDNIGHT)
    });
    Hours {
        prefix: raw.prefix.value.clone(),
        days,
        from,
        until,
        zone: zone(raw.zone.as_ref(), judge),
    }
}

/// The first minute, and the first one after.
fn span(text: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let minutes: u16 = minute.parse().ok().filter(|minute| *minute < 60)?;
        let at = hour.parse::<u16>().ok()?.checked_mul(60)? + minutes;
        (at <= MIDNIGHT).then_some(at)
    };
    let (from, until) = text.split_once('-')?;
    Some((minute(from).filter(|at| *at < MIDNIGHT)?, minute(until)?))
}

fn zone(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> String {
    let Some(raw) = filled(raw) else {
        return UTC.to_owned();
    };
    if TimeZone::get(&raw.value).is_err() {
        let what = format!("this machine knows no time zone `{}`", raw.value);
        let remedy = "name one like Europe/Berlin; they come with the package tzdata".to_owned();
        judge.blame(raw, what, remedy);
    }
    raw.value.clone()
}

/// A limit on what is not known would limit nothing.
fn budget(raw: &RawBudget, tariff: &Tariff, judge: &mut Judge<'_>) -> Budget {
    let (day, month) = (filled(raw.day.as_ref()), filled(raw.month.as_ref()));
    if let Some(limit) = day.or(month).filter(|_| tariff.is_empty()) {
        let what = "there is a budget, and no tariff says what calls cost".to_owned();
        let remedy = "give tariff.rates, one with prefix \"\" for all other numbers".to_owned();
        judge.blame(limit, what, remedy);
    }
    Budget {
        day: day.map(|raw| money(raw, judge)),
        month: month.map(|raw| money(raw, judge)),
        zone: zone(raw.zone.as_ref(), judge),
    }
}

fn prefixes(
    raw: Option<&[Spanned<String>]>,
    usual: Vec<String>,
    judge: &mut Judge<'_>,
) -> Vec<String> {
    let Some(raw) = raw else { return usual };
    for prefix in raw {
        is_prefix(prefix, judge);
    }
    raw.iter().map(|prefix| prefix.value.clone()).collect()
}

impl Dialling {
    /// The same for the gateway.
    pub(crate) fn policy(&self, prices: &Prices, emergency: Vec<String>) -> DialPolicy {
        DialPolicy {
            emergency,
            allow: self.allow.clone(),
            deny: self.deny.clone(),
            calls_per_trunk: self.calls_per_trunk,
            calls_per_minute: self.calls_per_minute,
            hours: self.hours.clone(),
            tariff: prices.tariff().clone(),
            budget: self.budget.clone(),
        }
    }
}

/// Minutes of a day.
const MIDNIGHT: u16 = 24 * 60;
const UTC: &str = "UTC";
