//! What a sound file can still get wrong: calls that nobody takes, doors that are open, pairs that
//! LiveKit refuses. Pure; `sip validate`, `config check` and `doctor` tell it.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use livekit_protocol::{RoomConfiguration, SipTransport};
use trunkline_service::config::{Origin, Report};
use trunkline_sip::routing::normalise;
use trunkline_sip::sdp::Encryption;

use super::entry::Entry;
use super::plan::named;
use crate::settings::sip::{Outbound, RoomChoice, Rule, Trunk};
use crate::settings::{SIP, SipSetup};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Weight {
    /// It works, and may not be what is meant.
    Warning,
    /// The server refuses it, or calls fail.
    Problem,
}

/// One finding.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    pub(crate) stands: Option<Origin>,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl Finding {
    /// Adds it to a report.
    fn tell(self, report: &mut Report) {
        let Self {
            stands,
            what,
            remedy,
            weight: _,
        } = self;
        match stands {
            Some(stands) => report.from(stands, what, remedy),
            None => report.file(SIP, what, remedy),
        }
    }
}

/// Networks shorter than this hold more than a provider has.
const WIDE_V4: u8 = 8;
const WIDE_V6: u8 = 16;
/// A PIN of fewer digits is soon guessed.
const SHORT_PIN: usize = 6;

/// Everything that is found.
pub(crate) fn lint(setup: &SipSetup) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    for trunk in &setup.trunks {
        findings.addresses(trunk);
        findings.spellings(&trunk.numbers, "trunk", &trunk.key, &trunk.stands);
        findings.served(trunk, &setup.rules);
    }
    for (at, trunk) in setup.trunks.iter().enumerate() {
        for other in setup.trunks.iter().take(at) {
            findings.overlap(trunk, other);
        }
    }
    for out in &setup.outbound {
        findings.outbound(out);
    }
    let ids: BTreeMap<String, String> = setup
        .trunks
        .iter()
        .map(|trunk| (trunk.key.clone(), named(&trunk.key)))
        .collect();
    for (at, rule) in setup.rules.iter().enumerate() {
        findings.rule(rule, &setup.trunks);
        for other in &setup.rules {
            findings.way_round_pin(rule, other);
        }
        for other in setup.rules.iter().take(at) {
            if rule.to_proto(&ids).conflicts(&other.to_proto(&ids)) {
                findings.problem(
                    &rule.stands,
                    format!(
                        "rules `{}` and `{}` are for the same calls, and LiveKit refuses that",
                        other.key, rule.key
                    ),
                    "tell them apart by trunks, numbers, callers or a PIN",
                );
            }
        }
    }
    findings
        .0
        .sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    findings.0
}

/// Tells all of it: what fails to one report, what may not be meant to another.
pub(crate) fn tell(setup: &SipSetup, problems: &mut Report, warnings: &mut Report) {
    for finding in lint(setup) {
        let report = match finding.weight {
            Weight::Problem => &mut *problems,
            Weight::Warning => &mut *warnings,
        };
        finding.tell(report);
    }
}

struct Findings(Vec<Finding>);

impl Findings {
    fn problem(&mut self, stands: &Option<Origin>, what: String, remedy: impl Into<String>) {
        self.push(Weight::Problem, stands, what, remedy.into());
    }

    fn warning(&mut self, stands: &Option<Origin>, what: String, remedy: impl Into<String>) {
        self.push(Weight::Warning, stands, what, remedy.into());
    }

    fn push(&mut self, weight: Weight, stands: &Option<Origin>, what: String, remedy: String) {
        self.0.push(Finding {
            weight,
            stands: stands.clone(),
            what,
            remedy,
        });
    }

    fn addresses(&mut self, trunk: &Trunk) {
        for entry in &trunk.allowed_addresses {
            let Ok(net) = entry.trim().parse::<IpNet>() else {
                continue;
            };
            let wide = match net {
                IpNet::V4(net) => net.prefix_len() < WIDE_V4,
                IpNet::V6(net) => net.prefix_len() < WIDE_V6,
            };
            let key = &trunk.key;
            if net.prefix_len() == 0 && trunk.auth.is_empty() {
                self.problem(
                    &trunk.stands,
                    format!("trunk `{key}` lets everybody call in: `{entry}` is every address"),
                    "name the provider's networks, or give the trunk auth",
                );
            } else if wide {
                self.warning(
                    &trunk.stands,
                    format!(
                        "trunk `{key}` lets `{entry}` call in, which is a large part of the network"
                    ),
                    "name the provider's networks",
                );
            }
        }
    }

    fn overlap(&mut self, trunk: &Trunk, other: &Trunk) {
        if !trunk.to_proto().conflicts(&other.to_proto()) {
            return;
        }
        let shared = trunk.numbers.iter().find(|number| {
            let number = normalise(number);
            other.numbers.iter().any(|one| normalise(one) == number)
        });
        let both = match shared {
            Some(number) => format!("take calls to {number}"),
            None => "take calls to any number".to_owned(),
        };
        self.problem(
            &trunk.stands,
            format!(
                "trunks `{}` and `{}` both {both}, and LiveKit refuses that",
                other.key, trunk.key
            ),
            "give each its own numbers, or its own allowed_numbers; addresses and logins do not \
             tell trunks apart",
        );
    }

    fn served(&mut self, trunk: &Trunk, rules: &[Rule]) {
        let serves = |rule: &Rule| rule.trunks.is_empty() || rule.trunks.contains(&trunk.key);
        if !rules.iter().any(serves) {
            self.warning(
                &trunk.stands,
                format!(
                    "calls over trunk `{}` go nowhere: no rule names it",
                    trunk.key
                ),
                "name it in the `trunks` of a rule",
            );
        }
    }

    /// The same number twice, or in a form that LiveKit does not take for the same.
    fn spellings(&mut self, numbers: &[String], what: &str, key: &str, stands: &Option<Origin>) {
        let mut seen = BTreeSet::new();
        for number in numbers {
            if !seen.insert(normalise(number)) {
                self.warning(
                    stands,
                    format!("{what} `{key}` names {number} twice"),
                    "keep one of the two",
                );
            }
            let plain = normalise(number);
            let long = plain.starts_with('+') && plain.len() > 7;
            if long && *number != plain {
                self.warning(
                    stands,
                    format!("{what} `{key}` spells {number} otherwise than {plain}"),
                    format!("write {plain}: in rules LiveKit compares the text, sign by sign"),
                );
            }
        }
    }

    fn outbound(&mut self, out: &Outbound) {
        let in_the_open = out.transport != SipTransport::Tls;
        if in_the_open && out.media.encryption == Some(Encryption::Require) {
            self.warning(
                &out.stands,
                format!(
                    "outbound trunk `{}` wants encrypted sound, and sends its key in plain text",
                    out.key
                ),
                "know that whoever reads the signalling can decrypt the sound",
            );
        }
        self.spellings(&out.numbers, "outbound trunk", &out.key, &out.stands);
    }

    /// A rule without a PIN that may take the calls of one with a PIN.
    fn way_round_pin(&mut self, locked: &Rule, open: &Rule) {
        if locked.room.pin().is_empty() || !open.room.pin().is_empty() {
            return;
        }
        let shared = |ours: &[String], theirs: &[String]| {
            ours.is_empty() || theirs.is_empty() || ours.iter().any(|one| theirs.contains(one))
        };
        let numbers = |rule: &Rule| rule.numbers.iter().map(|one| normalise(one)).collect();
        let callers = |rule: &Rule| rule.callers.iter().map(|one| normalise(one)).collect();
        let (our_numbers, their_numbers): (Vec<String>, Vec<String>) =
            (numbers(locked), numbers(open));
        let (our_callers, their_callers): (Vec<String>, Vec<String>) =
            (callers(locked), callers(open));
        if !shared(&locked.trunks, &open.trunks)
            || !shared(&our_numbers, &their_numbers)
            || !shared(&our_callers, &their_callers)
        {
            return;
        }
        // As the gateway ranks them: whichever names its calls more closely goes first.
        let rank = |rule: &Rule| {
            let open_lists = u8::from(rule.callers.is_empty()) + u8::from(rule.numbers.is_empty());
            (rule.trunks.is_empty(), open_lists)
        };
        let (locked_key, open_key) = (&locked.key, &open.key);
        let (what, remedy) = if rank(open) < rank(locked) {
            (
                format!(
                    "nobody is asked for the PIN of rule `{locked_key}` whose call rule \
                     `{open_key}` takes: that one goes first"
                ),
                "give it a PIN too, or numbers of its own",
            )
        } else {
            (
                format!(
                    "whoever is asked for the PIN of rule `{locked_key}` and types # alone comes \
                     in by rule `{open_key}`, which has none"
                ),
                "if that is not meant, give it numbers or trunks of its own",
            )
        };
        self.warning(&locked.stands, what, remedy);
    }

    fn rule(&mut self, rule: &Rule, trunks: &[Trunk]) {
        let key = &rule.key;
        if rule.trunks.is_empty() {
            self.warning(
                &rule.stands,
                format!(
                    "rule `{key}` takes the calls of every trunk, others' at the server included"
                ),
                "name its `trunks`; with livekit/sip it takes calls that no trunk lets in, too",
            );
        }
        let names_none = |config: &RoomConfiguration| config.agents.is_empty();
        let is_bare = rule.agents.is_empty()
            && rule.room_preset.is_empty()
            && rule.room_config.as_ref().is_none_or(names_none);
        if is_bare && !matches!(rule.room, RoomChoice::Direct { .. }) {
            self.warning(
                &rule.stands,
                format!(
                    "rule `{key}` names no agent, and nobody else is in a room that is made for the call"
                ),
                "name its `agents`; a caller who meets nobody gets 480 after gateway.agent_wait",
            );
        }
        let pin = rule.room.pin();
        if !pin.is_empty() && pin.len() < SHORT_PIN {
            self.warning(
                &rule.stands,
                format!(
                    "the PIN of rule `{key}` is soon guessed: it has {} digits",
                    pin.len()
                ),
                format!("{SHORT_PIN} digits or more"),
            );
        }
        self.spellings(&rule.numbers, "rule", key, &rule.stands);
        self.spellings(&rule.callers, "rule", key, &rule.stands);
        let served: Vec<&Trunk> = trunks
            .iter()
            .filter(|trunk| rule.trunks.contains(&trunk.key))
            .collect();
        if served.is_empty() {
            return;
        }
        for (number, listed) in [
            (
                never(&rule.numbers, &served, |trunk| &trunk.numbers),
                "numbers",
            ),
            (
                never(&rule.callers, &served, |trunk| &trunk.allowed_numbers),
                "allowed_numbers",
            ),
        ] {
            let Some((number, is_all)) = number else {
                continue;
            };
            let what = if is_all {
                format!("rule `{key}` can never match: no trunk of its own lists {number}")
            } else {
                format!("rule `{key}` names {number}, which no trunk of its own lists")
            };
            let remedy = format!("add it to the trunk's `{listed}`, or take it out of the rule");
            if is_all {
                self.problem(&rule.stands, what, remedy);
            } else {
                self.warning(&rule.stands, what, remedy);
            }
        }
    }
}

/// A number of a rule that none of its trunks lets through, and whether all are such.
fn never<'a>(
    numbers: &'a [String],
    trunks: &[&Trunk],
    listed: impl Fn(&Trunk) -> &Vec<String>,
) -> Option<(&'a str, bool)> {
    let passes = |number: &&String| {
        let number = normalise(number);
        trunks.iter().any(|trunk| {
            let list = listed(trunk);
            list.is_empty() || list.iter().any(|one| normalise(one) == number)
        })
    };
    let first = numbers.iter().find(|number| !passes(number))?;
    Some((first, !numbers.iter().any(|number| passes(&number))))
}
