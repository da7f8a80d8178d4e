//! `dialling` of `security.yaml`: which numbers may be dialled, how many and how often.

use serde::{Deserialize, Serialize};
use trunkline_base::dialling::DialPolicy;
use trunkline_service::config::Spanned;

use super::super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDialling {
    emergency: Option<Vec<Spanned<String>>>,
    allow: Option<Vec<Spanned<String>>>,
    deny: Option<Vec<Spanned<String>>>,
    calls_per_trunk: Option<Spanned<u64>>,
    calls_per_minute: Option<Spanned<u64>>,
}

/// Which numbers may be dialled.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Dialling {
    emergency: Vec<String>,
    allow: Vec<String>,
    deny: Vec<String>,
    calls_per_trunk: usize,
    calls_per_minute: usize,
}

pub(super) fn validate(raw: &RawDialling, judge: &mut Judge<'_>) -> Dialling {
    let usual = DialPolicy::default();
    let mut number = |raw: Option<&Spanned<u64>>, usual: usize| {
        let default = u64::try_from(usual).unwrap_or(u64::MAX);
        usize::try_from(judge.within(raw, 1, 100_000, default)).unwrap_or(usual)
    };
    Dialling {
        calls_per_trunk: number(raw.calls_per_trunk.as_ref(), usual.calls_per_trunk),
        calls_per_minute: number(raw.calls_per_minute.as_ref(), usual.calls_per_minute),
        emergency: prefixes(raw.emergency.as_deref(), usual.emergency, judge),
        allow: prefixes(raw.allow.as_deref(), usual.allow, judge),
        deny: prefixes(raw.deny.as_deref(), usual.deny, judge),
    }
}

fn prefixes(
    raw: Option<&[Spanned<String>]>,
    usual: Vec<String>,
    judge: &mut Judge<'_>,
) -> Vec<String> {
    let Some(raw) = raw else { return usual };
    for prefix in raw {
        let text = prefix.value.as_str();
        let fits = |c: char| c.is_ascii_alphanumeric() || "+*#-_. ()".contains(c);
        if text.trim().is_empty() || !text.chars().all(fits) {
            let what = format!("`{text}` is not the beginning of a number");
            judge.blame(prefix, what, "write it like \"+1900\"".to_owned());
        }
    }
    raw.iter().map(|prefix| prefix.value.clone()).collect()
}

impl Dialling {
    /// The same for the gateway.
    pub(crate) fn policy(&self) -> DialPolicy {
        DialPolicy {
            emergency: self.emergency.clone(),
            allow: self.allow.clone(),
            deny: self.deny.clone(),
            calls_per_trunk: self.calls_per_trunk,
            calls_per_minute: self.calls_per_minute,
        }
    }
}
