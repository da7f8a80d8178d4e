//! Toll fraud: which numbers may be dialled, how many at a time and how often.
//!
//! Whoever has a key of ours could otherwise dial numbers that cost by the minute and pay him. What
//! may be dialled is said by prefix, the longest one decides; each trunk carries so many calls at a
//! time, and so many in a minute; some numbers have their hours, and all calls together may cost so much
//! in a day and in a month. An emergency number is none of this: it is known by the whole of what goes
//! out, and never refused.

mod counts;
mod hours;
pub(crate) mod spelling;
mod spent;

pub use counts::{Counted, DialCounts, Kept};
pub use hours::{DAYS, Date, Hours, LocalTime};
pub use spent::{Budget, Spent};

use std::fmt;

use spelling::{is_prefix, plain, readings};

use crate::tariff::{Micros, Tariff};
use crate::time::UnixTime;

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

/// Now: for durations, and as clocks of places show it.
pub struct Moment<'a> {
    /// Since 1970.
    pub now: UnixTime,
    /// What the clock of a zone shows, `Europe/Berlin` and such.
    pub local: &'a dyn Fn(&str) -> LocalTime,
}

impl fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Moment").field(&self.now).finish()
    }
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

/// Why a number is not dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Its prefix is denied.
    #[error("numbers that begin with {0} are denied by dialling.deny in security.yaml")]
    Prefix(String),
    /// It is not among those that are allowed.
    #[error("the number is not among those that dialling.allow in security.yaml names")]
    NotAllowed,
    /// The trunk is full.
    #[error(
        "the trunk carries {0} calls already, which is dialling.calls_per_trunk in security.yaml"
    )]
    TooMany(usize),
    /// It has been dialled too often over this trunk.
    #[error(
        "{0} calls were placed over the trunk in this minute, which is dialling.calls_per_minute in security.yaml"
    )]
    TooFast(usize),
    /// It has its hours, and these are none of them.
    #[error(
        "numbers that begin with {prefix} may be dialled {words} only, which is dialling.hours in security.yaml"
    )]
    Closed {
        /// The beginning of the number.
        prefix: String,
        /// When, in words.
        words: String,
    },
    /// All that may be spent is spent.
    #[error(
        "calls have cost the {limit} {currency} that dialling.budget.{period} in security.yaml allows"
    )]
    Spent {
        /// `day` or `month`.
        period: &'static str,
        /// How much they may.
        limit: Micros,
        /// Of what.
        currency: String,
    },
    /// There is a budget, and nobody knows what the number costs.
    #[error(
        "dialling.budget in security.yaml limits what calls cost, and its tariff has no price for this number: add a rate, one with prefix \"\" for all others"
    )]
    Unpriced,
}

impl Denied {
    /// A stable word for journals and metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Prefix(_) => "denied_prefix",
            Self::NotAllowed => "denied_number",
            Self::TooMany(_) => "denied_too_many",
            Self::TooFast(_) => "denied_too_fast",
            Self::Closed { .. } => "denied_hours",
            Self::Spent { .. } => "denied_spent",
            Self::Unpriced => "denied_unpriced",
        }
    }

    /// Whether it may pass later.
    pub const fn passes(&self) -> bool {
        matches!(
            self,
            Self::TooMany(_) | Self::TooFast(_) | Self::Closed { .. } | Self::Spent { .. }
        )
    }
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
    fn judge_hours(&self, number: &str, at: &Moment<'_>) -> Result<(), Denied> {
        let number = plain(number);
        let readings = readings(&number);
        let fits = |hours: &&Hours| {
            let prefix = plain(&hours.prefix);
            let mut readings = readings.iter();
            is_prefix(&prefix, &number) || readings.any(|reading| reading.begins_with(&prefix))
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

    fn judge_one(&self, number: &str) -> Result<Dialling, Denied> {
        let number = plain(number);
        let is_known = |known: &String| plain(known) == number;
        if number.eq_ignore_ascii_case(SOS) || self.emergency.iter().any(is_known) {
            return Ok(Dialling::Emergency);
        }
        let allowed = longest(&self.allow, |prefix| is_prefix(prefix, &number));
        let readings = readings(&number);
        let denied = longest(&self.deny, |prefix| {
            let mut readings = readings.iter();
            is_prefix(prefix, &number) || readings.any(|reading| reading.begins_with(prefix))
        });
        match (allowed, denied) {
            (Some((allowed, _)), Some((length, denied))) if length > allowed => {
                Err(Denied::Prefix(denied))
            }
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

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

/// Emergency numbers of most countries, where none is named. `100` and the like are left out: there they may be desks.
pub const EMERGENCY: &[&str] = &["112", "911", "999", "110", "119"];

/// Prefixes that cost by the minute and pay somebody: satellites, networks of no country, shared
/// costs and premium rates.
pub const DEARLY: &[&str] = &["+870", "+881", "+882", "+883", "+979", "+1900"];

/// Who is called for help by a name (RFC 5031).
const SOS: &str = "sos";

#[cfg(test)]
mod tests {
    use super::*;

    fn noon(_: &str) -> LocalTime {
        LocalTime {
            date: Date(2026, 11, 28),
            weekday: 5,
            minute: 720,
        }
    }

    const NOON: Moment<'static> = Moment {
        now: UnixTime(1_000_000_000),
        local: &noon,
    };

    fn policy(allow: &[&str], deny: &[&str]) -> DialPolicy {
        DialPolicy {
            allow: owned(allow),
            deny: owned(deny),
            ..DialPolicy::default()
        }
    }

    #[test]
    fn the_longest_prefix_decides_however_the_number_is_written() {
        let policy = policy(&["+1", "+7495"], &["+1900", "+7"]);
        for number in ["+15550100", "001 (555) 01-00", "+74951234567"] {
            assert_eq!(policy.judge_one(number), Ok(Dialling::Usual), "{number}");
        }
        for number in ["+19005550100", "0019005550100", "19005550100"] {
            let denied = Denied::Prefix("+1900".to_owned());
            assert_eq!(policy.judge_one(number), Err(denied), "{number}");
        }
        assert!(matches!(
            policy.judge_one("+79161234567"),
            Err(Denied::Prefix(_))
        ));
        assert_eq!(policy.judge_one("+4930123456"), Err(Denied::NotAllowed));
        assert_eq!(policy.judge_one("alice"), Err(Denied::NotAllowed));
    }

    #[test]
    fn without_a_list_all_may_be_dialled_but_what_costs_dearly() {
        let usual = DialPolicy::default();
        for number in ["+15550100", "200", "alice", "8005550100"] {
            assert_eq!(usual.judge_one(number), Ok(Dialling::Usual), "{number}");
        }
        for number in ["+881612345678", "00979123456789", "88212345678901"] {
            assert!(usual.judge_one(number).is_err(), "{number}");
        }
    }

    #[test]
    fn an_emergency_number_is_dialled_whatever_is_denied_and_full() {
        let mut policy = policy(&["+44"], &["1", "9"]);
        policy.calls_per_trunk = 0;
        let mut counts = DialCounts::default();
        for number in ["112", "911", "9-1-1"] {
            let asked = counts.begin(&policy, "ST_1", (number, number), &NOON);
            let kind = asked.map(|counted| counted.kind);
            assert_eq!(kind, Ok(Dialling::Emergency), "{number}");
        }
        // A number that only begins like one is none.
        for number in ["1120", "9115550100"] {
            assert!(
                counts
                    .begin(&policy, "ST_1", (number, number), &NOON)
                    .is_err()
            );
        }
    }

    #[test]
    fn what_costs_dearly_is_known_in_every_spelling() {
        let usual = DialPolicy::default();
        for number in [
            "+881612345678",
            "+00881612345678",
            "++881612345678",
            "000881612345678",
            "%2B881612345678",
            "%252B881612345678",
            "+88%31612345678",
            "+8+81612345678",
            "+8_8\u{a0}1612345678",
            "011881612345678",
            "+011881612345678",
            "0011881612345678",
            "810881612345678",
            "011 881 612345678",
            "9005550100",
            "(900) 555-0100",
            "1-900-555-0100",
        ] {
            let judged = usual.judge_one(number);
            assert!(matches!(judged, Err(Denied::Prefix(_))), "{number}");
        }
        // What only looks like it: Seoul, Michigan, Kerala, a desk.
        for number in [
            "01088112345",
            "8108811234",
            "9001234567",
            "881",
            "+18815550100",
        ] {
            assert_eq!(usual.judge_one(number), Ok(Dialling::Usual), "{number}");
        }
        let west = policy(&[], &["+1"]);
        assert_eq!(west.judge_one("2075234567"), Ok(Dialling::Usual));
    }

    #[test]
    fn ornaments_of_a_prefix_make_it_no_longer() {
        let policy = policy(&["+1 (5)"], &["+1555"]);
        assert!(policy.judge_one("+15550100").is_err());
    }

    #[test]
    fn only_what_goes_out_makes_an_emergency() {
        let mut policy = policy(&["+44", "112"], &[]);
        policy.calls_per_trunk = 1;
        let mut counts = DialCounts::default();
        let mut ask = |asked, sent| {
            let counted = counts.begin(&policy, "ST_1", (asked, sent), &NOON);
            counted.map(|counted| counted.kind)
        };
        assert_eq!(ask("112", "+15550100"), Err(Denied::NotAllowed));
        assert_eq!(ask("112", "+441632960000"), Ok(Dialling::Usual));
        assert_eq!(ask("112", "+441632960000"), Err(Denied::TooMany(1)));
        for sent in ["112", "sos", "SOS", "999"] {
            assert_eq!(ask("112", sent), Ok(Dialling::Emergency), "{sent}");
        }
    }

    #[test]
    fn some_numbers_have_their_hours_and_help_has_all() {
        let hours = |prefix: &str, from: u16, until: u16| Hours {
            prefix: prefix.to_owned(),
            days: [true; 7],
            from: from * 60,
            until: until * 60,
            zone: "Europe/London".to_owned(),
        };
        let policy = DialPolicy {
            hours: vec![
                hours("+44", 8, 10),
                hours("+44", 18, 20),
                hours("+4420", 8, 20),
                hours("1", 8, 10),
            ],
            ..DialPolicy::default()
        };
        let judge = |number: &str| policy.judge(number, number, &NOON);
        let denied = judge("+441632960000").unwrap_err();
        let words = "numbers that begin with +44 may be dialled 08:00-10:00 Europe/London or \
                     18:00-20:00 Europe/London only";
        assert!(denied.to_string().starts_with(words), "{denied}");
        assert!(denied.passes());
        assert!(judge("011441632960000").is_err());
        assert_eq!(judge("+442071234567"), Ok(Dialling::Usual));
        assert_eq!(judge("+4930123456"), Ok(Dialling::Usual));
        assert_eq!(judge("112"), Ok(Dialling::Emergency));
    }
}
