//! Who takes calls over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use trunkline_service::config::Spanned;

use super::Checker;
use crate::tools::powers::Target;
use crate::tools::raw::RawTarget;

/// As LiveKit takes them, and our gateway one more.
const SCHEMES: &[&str] = &["tel:", "sip:", "sips:", "participant:"];

impl Checker<'_> {
    /// Those that there are, and the names of those without an address: that is nobody.
    pub(super) fn targets(
        &mut self,
        raw: &BTreeMap<String, Spanned<RawTarget>>,
    ) -> (BTreeMap<String, Target>, BTreeSet<String>) {
        let (mut targets, mut vacant) = (BTreeMap::new(), BTreeSet::new());
        for (name, target) in raw {
            let raw = &target.value;
            let to = raw.to.value.trim();
            self.address(&raw.to);
            let ringing = raw
                .ringing_timeout
                .as_ref()
                .map(|time| self.time(Some(time), Duration::from_secs(30)));
            if to.is_empty() {
                vacant.insert(name.clone());
                continue;
            }
            let target = Target {
                to: to.to_owned(),
                description: raw.description.clone(),
                ringing,
            };
            targets.insert(name.clone(), target);
        }
        (targets, vacant)
    }

    fn address(&mut self, typed: &Spanned<String>) {
        let to = typed.value.trim();
        let scheme = SCHEMES.iter().find(|scheme| to.starts_with(**scheme));
        let rest = scheme.and_then(|scheme| to.strip_prefix(scheme));
        let is_whole = rest.is_some_and(|rest| {
            !rest.is_empty() && !rest.contains(|c: char| c.is_control() || c.is_whitespace())
        });
        if to.is_empty() || is_whole {
            return;
        }
        let digits: String = to
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == '+')
            .collect();
        let remedy = if scheme.is_none() && digits.len() > 2 {
            format!("write `tel:{digits}`")
        } else {
            "write `tel:+15550100`, or `sip:name@host`".to_owned()
        };
        let what = "a call cannot be transferred there";
        self.report.at(self.source, typed, what, remedy);
    }
}
