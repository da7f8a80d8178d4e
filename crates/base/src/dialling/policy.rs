//! What may be dialled, by the number alone.

use super::budget::Budget;
use super::denied::Denied;
use super::hours::Hours;
use super::moment::Moment;
use crate::meaning::{is_veiled, meanings};
use crate::spelling::{is_prefix, plain};
use crate::tariff::Tariff;

/// What may be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialPolicy {
    /// Numbers that are never refused, each whole.
    pub emergency: Vec<String>,
    /// Prefixes that may be dialled; where there are some, nothing else may.
    pub allow: Vec<String>,
    /// Prefixes that may not.
    pub deny: Vec<String>,
    /// Calls over one trunk at a time.
    pub calls_per_trunk: usize,
    /// Calls over one trunk in a minute.
    pub calls_per_minute: usize,
    /// When numbers may be dialled: of the prefixes that fit, the longest decides.
    pub hours: Vec<Hours>,
    /// What calls cost.
    pub tariff: Tariff,
    /// What they may cost together.
    pub budget: Budget,
}

impl Default for DialPolicy {
    fn default() -> Self {
        Self {
            emergency: owned(EMERGENCY),
            allow: Vec::new(),
            deny: owned(DEARLY),
            calls_per_trunk: 100,
            calls_per_minute: 120,
            hours: Vec::new(),
            tariff: Tariff::default(),
            budget: Budget::default(),
        }
    }
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialling {
    /// One of many.
    Usual,
    /// Somebody needs help.
    Emergency,
}

impl DialPolicy {
    /// What a call is, or why it may not be placed at all, of the number that was asked for and the
    /// one that goes out. The latter decides whether it is an emergency: whoever asks for one and
    /// has another dialled has no emergency.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn judge(&self, asked: &str, sent: &str, at: &Moment<'_>) -> Result<Dialling, Denied> {
        let kind = self.judge_one(sent)?;
        if kind == Dialling::Emergency {
            return Ok(kind);
        }
        if asked != sent {
            self.judge_one(asked)?;
        }
        self.judge_hours(sent, at)?;
        Ok(kind)
    }

    /// Several of one prefix: one of them is enough.
    fn judge_hours(&self, written: &str, at: &Moment<'_>) -> Result<(), Denied> {
        let number = plain(written);
        let meanings = meanings(written);
        let fits = |hours: &&Hours| {
            let prefix = plain(&hours.prefix);
            let mut meanings = meanings.iter();
            is_prefix(&prefix, &number) || meanings.any(|meaning| meaning.begins_with(&prefix))
        };
        let length = |hours: &&Hours| plain(&hours.prefix).len();
        let fitting: Vec<&Hours> = self.hours.iter().filter(fits).collect();
        let longest = fitting.iter().map(length).max();
        let counting = fitting
            .iter()
            .filter(|hours| Some(length(hours)) == longest);
        let Some(first) = counting.clone().next() else {
            return Ok(());
        };
        let is_open = |hours: &&Hours| hours.are_open((at.local)(&hours.zone));
        if counting.clone().any(is_open) {
            return Ok(());
        }
        let words = counting.map(|hours| hours.words());
        Err(Denied::Closed {
            prefix: first.prefix.clone(),
            words: words.collect::<Vec<String>>().join(" or "),
        })
    }

    pub(super) fn judge_one(&self, written: &str) -> Result<Dialling, Denied> {
        let number = plain(written);
        let is_known = |known: &String| plain(known) == number;
        if number.eq_ignore_ascii_case(SOS) || self.emergency.iter().any(is_known) {
            return Ok(Dialling::Emergency);
        }
        let allowed = longest(&self.allow, |prefix| is_prefix(prefix, &number));
        let meanings = meanings(written);
        let denied = longest(&self.deny, |prefix| {
            let mut meanings = meanings.iter();
            is_prefix(prefix, &number) || meanings.any(|meaning| meaning.begins_with(prefix))
        });
        let is_veiled = !(self.allow.is_empty() && self.deny.is_empty()) && is_veiled(written);
        match (allowed, denied) {
            (Some((allowed, _)), Some((length, denied))) if length > allowed => {
                Err(Denied::Prefix(denied))
            }
            // What names itself with letters in the list is meant.
            (Some((_, allowed)), _) if is_veiled && !allowed.contains(char::is_alphabetic) => {
                Err(Denied::Veiled)
            }
            (None, None) if is_veiled => Err(Denied::Veiled),
            (Some(_), _) => Ok(Dialling::Usual),
            (None, Some((_, denied))) => Err(Denied::Prefix(denied)),
            (None, None) if self.allow.is_empty() => Ok(Dialling::Usual),
            (None, None) => Err(Denied::NotAllowed),
        }
    }
}

/// The longest of the prefixes that fit, and its length without ornaments.
fn longest(prefixes: &[String], fits: impl Fn(&str) -> bool) -> Option<(usize, String)> {
    let plains = prefixes.iter().map(|prefix| (plain(prefix), prefix));
    let fitting = plains.filter(|(plain, _)| fits(plain));
    fitting
        .map(|(plain, prefix)| (plain.len(), prefix.clone()))
        .max_by_key(|(length, _)| *length)
}

pub(super) fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

/// Emergency numbers of most countries, where none is named. `100` and the like are left out: there they may be desks.
pub const EMERGENCY: &[&str] = &["112", "911", "999", "110", "119"];

/// Prefixes that cost by the minute and pay somebody: satellites, networks of no country, shared
/// costs and premium rates.
pub const DEARLY: &[&str] = &["+870", "+881", "+882", "+883", "+979", "+1900"];

/// Who is called for help by a name (RFC 5031).
const SOS: &str = "sos";
