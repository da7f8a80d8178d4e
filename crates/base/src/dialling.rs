//! Toll fraud: which numbers may be dialled, how many at a time and how often.
//!
//! Whoever has a key of ours could otherwise dial numbers that cost by the minute and pay him. What
//! may be dialled is said by prefix, the longest one decides; each trunk carries so many calls at a
//! time, and so many in a minute. An emergency number is none of this: it is known by the whole of
//! what goes out, and never refused.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

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
}

impl Default for DialPolicy {
    fn default() -> Self {
        Self {
            emergency: owned(EMERGENCY),
            allow: Vec::new(),
            deny: owned(DEARLY),
            calls_per_trunk: 100,
            calls_per_minute: 120,
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
}

impl Denied {
    /// A stable word for journals and metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Prefix(_) => "denied_prefix",
            Self::NotAllowed => "denied_number",
            Self::TooMany(_) => "denied_too_many",
            Self::TooFast(_) => "denied_too_fast",
        }
    }

    /// Whether it may pass later.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::TooMany(_) | Self::TooFast(_))
    }
}

impl DialPolicy {
    /// What a call is, or why it may not be placed at all, of the number that was asked for and the
    /// one that goes out. The latter decides whether it is an emergency: whoever asks for one and
    /// has another dialled has no emergency.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn judge(&self, asked: &str, sent: &str) -> Result<Dialling, Denied> {
        let kind = self.judge_one(sent)?;
        if kind == Dialling::Usual && asked != sent {
            self.judge_one(asked)?;
        }
        Ok(kind)
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

/// What is dialled now, and was in the last minute, over each trunk.
#[derive(Debug, Default)]
pub struct DialCounts(BTreeMap<String, Trunk>);

#[derive(Debug, Default)]
struct Trunk {
    up: usize,
    recent: VecDeque<Instant>,
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
        now: Instant,
    ) -> Result<Dialling, Denied> {
        let kind = policy.judge(asked, sent)?;
        self.forget(now);
        let counts = self.0.entry(trunk.to_owned()).or_default();
        if kind == Dialling::Usual {
            if counts.up >= policy.calls_per_trunk {
                return Err(Denied::TooMany(policy.calls_per_trunk));
            }
            if counts.recent.len() >= policy.calls_per_minute {
                return Err(Denied::TooFast(policy.calls_per_minute));
            }
        }
        counts.up += 1;
        counts.recent.push_back(now);
        Ok(kind)
    }

    /// A call that was counted in is over.
    pub fn over(&mut self, trunk: &str) {
        if let Some(counts) = self.0.get_mut(trunk) {
            counts.up = counts.up.saturating_sub(1);
        }
    }

    fn forget(&mut self, now: Instant) {
        self.0.retain(|_, counts| {
            let old = |at: &Instant| now.saturating_duration_since(*at) >= MINUTE;
            while counts.recent.front().is_some_and(old) {
                counts.recent.pop_front();
            }
            counts.up > 0 || !counts.recent.is_empty()
        });
    }
}

/// The number without what people write for the eye, `%XX` undone, and `00`, `+00` and `++` as `+`.
/// Names stay as they are.
fn plain(number: &str) -> String {
    let is_ornament = |c: char| !c.is_alphanumeric() && !matches!(c, '*' | '#' | '+');
    let bare = unescaped(number);
    let bare: String = bare.chars().filter(|c| !is_ornament(*c)).collect();
    let abroad = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00"));
    // No country's code begins with a zero.
    let rest = abroad.map(|rest| rest.trim_start_matches(['+', '0']));
    match rest {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("+{}", rest.replace('+', ""))
        }
        _ => bare,
    }
}

/// `%XX` undone, more than once: what we escape anew somebody may undo twice.
fn unescaped(number: &str) -> String {
    (0..UNESCAPED).fold(number.to_owned(), |text, _| unescaped_once(&text))
}

fn unescaped_once(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let pair = after.split_at_checked(2);
        match pair.and_then(|(pair, tail)| Some((escaped(pair)?, tail))) {
            Some((c, tail)) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn escaped(pair: &str) -> Option<char> {
    let is_pair = pair.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_pair)?;
    byte.is_ascii().then(|| char::from(byte))
}

/// A plain prefix with `+` also fits the same number written without one, as trunks are dialled.
fn is_prefix(prefix: &str, number: &str) -> bool {
    if number.starts_with(prefix) {
        return true;
    }
    prefix.strip_prefix('+').is_some_and(|digits| {
        digits.len() >= UNMISTAKABLE && number.len() > LOCAL && number.starts_with(digits)
    })
}

/// What else a number may mean to a trunk. Asked only of what is denied: a trunk that reads it so
/// dials what costs.
struct Reading {
    number: String,
    /// Prefixes that are shorter say too little of it.
    least: usize,
}

impl Reading {
    fn begins_with(&self, prefix: &str) -> bool {
        prefix.len() >= self.least && self.number.starts_with(prefix)
    }
}

fn readings(number: &str) -> Vec<Reading> {
    let abroad = EXITS.iter().filter_map(|exit| {
        let rest = number.strip_prefix(exit).filter(|_| number.len() > LOCAL)?;
        Some(Reading {
            number: format!("+{rest}"),
            least: 0,
        })
    });
    let at_home = is_american(number).then(|| Reading {
        number: format!("+1{number}"),
        least: "+1".len() + UNMISTAKABLE,
    });
    abroad.chain(at_home).collect()
}

/// Ten digits as North America dials them: neither area nor exchange begins with 0 or 1. Elsewhere
/// such a number is another one, so that only whole area codes are looked for in it.
fn is_american(number: &str) -> bool {
    let digits = number.as_bytes();
    let begins = |at: usize| digits.get(at).is_some_and(|digit| *digit >= b'2');
    digits.len() == LOCAL && digits.iter().all(u8::is_ascii_digit) && begins(0) && begins(3)
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

/// Emergency numbers of most countries. `100` and the like are left out: there they may be desks.
pub const EMERGENCY: &[&str] = &["112", "911", "999", "110", "119"];

/// Prefixes that cost by the minute and pay somebody: satellites, networks of no country, shared
/// costs and premium rates.
pub const DEARLY: &[&str] = &["+870", "+881", "+882", "+883", "+979", "+1900"];

/// Who is called for help by a name (RFC 5031).
const SOS: &str = "sos";

/// How often `%XX` is undone.
const UNESCAPED: usize = 3;

/// Digits that lead abroad besides `00`: North America's, the same or Australia's behind what was
/// read as `+`, and Russia's.
const EXITS: &[&str] = &["011", "+11", "810"];

/// Digits of a prefix that no local number has by accident.
const UNMISTAKABLE: usize = 3;

/// Longer than any number that is dialled without its country.
const LOCAL: usize = 10;

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
        Instant::now()
    }

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
        let now = start();
        for number in ["112", "911", "9-1-1"] {
            let asked = counts.begin(&policy, "ST_1", (number, number), now);
            assert_eq!(asked, Ok(Dialling::Emergency), "{number}");
        }
        // A number that only begins like one is none.
        for number in ["1120", "9115550100"] {
            assert!(
                counts
                    .begin(&policy, "ST_1", (number, number), now)
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
        let now = start();
        let mut ask = |asked, sent| counts.begin(&policy, "ST_1", (asked, sent), now);
        assert_eq!(ask("112", "+15550100"), Err(Denied::NotAllowed));
        assert_eq!(ask("112", "+441632960000"), Ok(Dialling::Usual));
        assert_eq!(ask("112", "+441632960000"), Err(Denied::TooMany(1)));
        for sent in ["112", "sos", "SOS", "999"] {
            assert_eq!(ask("112", sent), Ok(Dialling::Emergency), "{sent}");
        }
    }

    #[test]
    fn a_trunk_carries_so_many_at_a_time_and_so_many_in_a_minute() {
        let policy = DialPolicy {
            calls_per_trunk: 2,
            calls_per_minute: 3,
            ..DialPolicy::default()
        };
        let (mut counts, start) = (DialCounts::default(), start());
        let ask = |counts: &mut DialCounts, trunk: &str, second: u64| {
            let now = start + Duration::from_secs(second);
            counts.begin(&policy, trunk, ("+15550100", "+15550100"), now)
        };
        assert!(ask(&mut counts, "a", 0).is_ok() && ask(&mut counts, "a", 1).is_ok());
        assert_eq!(ask(&mut counts, "a", 2), Err(Denied::TooMany(2)));
        assert!(ask(&mut counts, "b", 2).is_ok());
        counts.over("a");
        assert!(ask(&mut counts, "a", 3).is_ok());
        counts.over("a");
        assert_eq!(ask(&mut counts, "a", 4), Err(Denied::TooFast(3)));
        assert!(ask(&mut counts, "a", 61).is_ok());
    }

    #[test]
    fn trunks_that_are_idle_are_forgotten() {
        let (mut counts, start) = (DialCounts::default(), start());
        for trunk in 0..50 {
            let name = trunk.to_string();
            let asked = counts.begin(&DialPolicy::default(), &name, ("1", "1"), start);
            assert!(asked.is_ok());
            counts.over(&name);
        }
        counts.forget(start + MINUTE);
        assert!(counts.0.is_empty());
    }
}
