//! Toll fraud: which numbers may be dialled, how many at a time and how often.
//!
//! Whoever has a key of ours could otherwise dial numbers that cost by the minute and pay him. What
//! may be dialled is said by prefix, the longest one decides; each trunk carries so many calls at a
//! time, and so many in a minute. An emergency number is none of this: it is known as it was asked
//! for, by the whole of it, and never refused.

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
    /// What this number is, or why it may not be dialled at all.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn judge(&self, asked: &str) -> Result<Dialling, Denied> {
        let number = plain(asked);
        if self.emergency.iter().any(|known| plain(known) == number) {
            return Ok(Dialling::Emergency);
        }
        let longest = |prefixes: &[String]| {
            let fitting = prefixes.iter().filter(|prefix| is_prefix(prefix, &number));
            fitting.max_by_key(|prefix| prefix.len()).cloned()
        };
        match (longest(&self.allow), longest(&self.deny)) {
            (Some(allowed), Some(denied)) if denied.len() > allowed.len() => {
                Err(Denied::Prefix(denied))
            }
            (Some(_), _) => Ok(Dialling::Usual),
            (None, Some(denied)) => Err(Denied::Prefix(denied)),
            (None, None) if self.allow.is_empty() => Ok(Dialling::Usual),
            (None, None) => Err(Denied::NotAllowed),
        }
    }
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
    /// Counts a call in, if it may be placed; [`Self::over`] counts it out.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn begin(
        &mut self,
        policy: &DialPolicy,
        trunk: &str,
        number: &str,
        now: Instant,
    ) -> Result<Dialling, Denied> {
        let kind = policy.judge(number)?;
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

/// The number without what people write for the eye, and `00` as `+`. Names stay as they are.
fn plain(number: &str) -> String {
    let is_ornament = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
    let bare: String = number.chars().filter(|c| !is_ornament(*c)).collect();
    match bare.strip_prefix("00") {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => format!("+{rest}"),
        _ => bare,
    }
}

/// A prefix with `+` also fits the same number written without one, as trunks are dialled.
fn is_prefix(prefix: &str, number: &str) -> bool {
    let prefix = plain(prefix);
    if number.starts_with(&prefix) {
        return true;
    }
    let bare = |text: &str| text.strip_prefix('+').map(str::to_owned);
    bare(&prefix).is_some_and(|digits| {
        digits.len() >= UNMISTAKABLE && number.len() > LOCAL && number.starts_with(&digits)
    })
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

/// Emergency numbers of most countries. `100` and the like are left out: there they may be desks.
pub const EMERGENCY: &[&str] = &["112", "911", "999", "110", "119"];

/// Prefixes that cost by the minute and pay somebody: satellites, networks of no country, shared
/// costs and premium rates.
pub const DEARLY: &[&str] = &["+870", "+881", "+882", "+883", "+979", "+1900"];

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
            assert_eq!(policy.judge(number), Ok(Dialling::Usual), "{number}");
        }
        for number in ["+19005550100", "0019005550100", "19005550100"] {
            let denied = Denied::Prefix("+1900".to_owned());
            assert_eq!(policy.judge(number), Err(denied), "{number}");
        }
        assert!(matches!(
            policy.judge("+79161234567"),
            Err(Denied::Prefix(_))
        ));
        assert_eq!(policy.judge("+4930123456"), Err(Denied::NotAllowed));
        assert_eq!(policy.judge("alice"), Err(Denied::NotAllowed));
    }

    #[test]
    fn without_a_list_all_may_be_dialled_but_what_costs_dearly() {
        let usual = DialPolicy::default();
        for number in ["+15550100", "200", "alice", "8005550100"] {
            assert_eq!(usual.judge(number), Ok(Dialling::Usual), "{number}");
        }
        for number in ["+881612345678", "00979123456789", "88212345678901"] {
            assert!(usual.judge(number).is_err(), "{number}");
        }
    }

    #[test]
    fn an_emergency_number_is_dialled_whatever_is_denied_and_full() {
        let mut policy = policy(&["+44"], &["1", "9"]);
        policy.calls_per_trunk = 0;
        let mut counts = DialCounts::default();
        let now = start();
        for number in ["112", "911", "9-1-1"] {
            let asked = counts.begin(&policy, "ST_1", number, now);
            assert_eq!(asked, Ok(Dialling::Emergency), "{number}");
        }
        // A number that only begins like one is none.
        for number in ["1120", "9115550100"] {
            assert!(counts.begin(&policy, "ST_1", number, now).is_err());
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
            counts.begin(&policy, trunk, "+15550100", now)
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
            let asked = counts.begin(&DialPolicy::default(), &name, "1", start);
            assert!(asked.is_ok());
            counts.over(&name);
        }
        counts.forget(start + MINUTE);
        assert!(counts.0.is_empty());
    }
}
