//! Trunks and rules that cannot be told apart when a call comes in, in LiveKit's words. Which those are is
//! [`trunkline_sip::routing`]'s.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use proto::{SipDispatchRuleInfo as Rule, SipInboundTrunkInfo as Trunk};
use trunkline_sip::routing::{Claim, RuleClaims, TrunkClaims};

/// Two of them, in LiveKit's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Conflict {
    #[error(
        "Conflicting inbound SIP Trunks: {:?} and {:?}, using the same number(s) {numbers} \
         without AllowedNumbers set", id(.one), id(.other)
    )]
    Called {
        one: String,
        other: String,
        numbers: String,
    },
    #[error(
        "Conflicting inbound SIP Trunks: {:?} and {:?}, using the same number(s) {numbers} and \
         AllowedNumber {allowed:?}", id(.one), id(.other)
    )]
    Calling {
        one: String,
        other: String,
        numbers: String,
        allowed: String,
    },
    #[error(
        "Dispatch rule for the same trunk, inbound number, number, and PIN combination already \
         exists in dispatch rule {:?} {:?}", id(.other), rule_name(.name)
    )]
    Rule { other: String, name: String },
}

/// Checks a set of trunks; one that is not stored yet has no id.
pub(super) fn trunks(set: &[Trunk]) -> Result<(), Conflict> {
    let mut seen: BTreeMap<Claim, &Trunk> = BTreeMap::new();
    for trunk in set {
        let claims = TrunkClaims {
            numbers: &trunk.numbers,
            callers: &trunk.allowed_numbers,
        };
        for (claim, calling) in claims.each() {
            match seen.get(&claim) {
                Some(other) if other.sip_trunk_id != trunk.sip_trunk_id => {
                    return Err(between(trunk, other, calling));
                }
                _ => {
                    seen.insert(claim, trunk);
                }
            }
        }
    }
    Ok(())
}

fn between(trunk: &Trunk, other: &Trunk, calling: &str) -> Conflict {
    let (one, other) = (trunk.sip_trunk_id.clone(), other.sip_trunk_id.clone());
    let numbers = listed(&trunk.numbers);
    if calling.is_empty() {
        return Conflict::Called {
            one,
            other,
            numbers,
        };
    }
    Conflict::Calling {
        one,
        other,
        numbers,
        allowed: calling.to_owned(),
    }
}

/// Checks a set of rules; one that is not stored yet has no id.
pub(super) fn rules(set: &[Rule]) -> Result<(), Conflict> {
    let mut seen: BTreeMap<Claim, &Rule> = BTreeMap::new();
    for rule in set {
        let claims = RuleClaims {
            pin: pin(rule),
            trunks: &rule.trunk_ids,
            callers: &rule.inbound_numbers,
            numbers: &rule.numbers,
        };
        for claim in claims.each() {
            if let Some(other) = seen.insert(claim, rule) {
                return Err(Conflict::Rule {
                    other: other.sip_dispatch_rule_id.clone(),
                    name: other.name.clone(),
                });
            }
        }
    }
    Ok(())
}

fn pin(rule: &Rule) -> &str {
    use proto::sip_dispatch_rule::Rule as Kind;
    match rule.rule.as_ref().and_then(|rule| rule.rule.as_ref()) {
        Some(Kind::DispatchRuleDirect(direct)) => &direct.pin,
        Some(Kind::DispatchRuleIndividual(individual)) => &individual.pin,
        Some(Kind::DispatchRuleCallee(callee)) => &callee.pin,
        None => "",
    }
}

fn listed(numbers: &[String]) -> String {
    if numbers.is_empty() {
        return "<any>".to_owned();
    }
    let quoted: Vec<_> = numbers.iter().map(|number| format!("{number:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

const fn id(id: &str) -> &str {
    if id.is_empty() { "<new>" } else { id }
}

const fn rule_name(name: &str) -> &str {
    if name.is_empty() {
        "<blank name>"
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    fn trunk(id: &str, numbers: &[&str], allowed: &[&str]) -> Trunk {
        Trunk {
            sip_trunk_id: id.to_owned(),
            numbers: words(numbers),
            allowed_numbers: words(allowed),
            ..Default::default()
        }
    }

    #[test]
    fn both_trunks_and_what_they_share_are_named() {
        let set = [
            trunk("ST_1", &["+15550100"], &[]),
            trunk("", &["1 555 0100"], &[]),
        ];
        assert_eq!(
            trunks(&set).unwrap_err().to_string(),
            "Conflicting inbound SIP Trunks: \"<new>\" and \"ST_1\", using the same number(s) \
             [\"1 555 0100\"] without AllowedNumbers set"
        );
        let set = [trunk("ST_1", &[], &["+1", "+2"]), trunk("", &[], &["2"])];
        assert_eq!(
            trunks(&set).unwrap_err().to_string(),
            "Conflicting inbound SIP Trunks: \"<new>\" and \"ST_1\", using the same number(s) \
             <any> and AllowedNumber \"2\""
        );
    }

    #[test]
    fn callers_or_numbers_tell_trunks_apart() {
        let set = [
            trunk("ST_1", &["+1"], &["+7"]),
            trunk("ST_2", &["+1"], &["+8"]),
            trunk("ST_3", &["+1"], &[]),
            trunk("ST_4", &[], &[]),
            trunk("ST_5", &["+2", "2"], &[]),
        ];
        assert_eq!(trunks(&set), Ok(()));
    }

    #[test]
    fn the_other_rule_is_named() {
        let rule = |id: &str, name: &str, numbers: &[&str]| Rule {
            sip_dispatch_rule_id: id.to_owned(),
            name: name.to_owned(),
            numbers: words(numbers),
            ..Default::default()
        };
        let set = [rule("SDR_1", "", &["+1"]), rule("SDR_2", "", &[])];
        assert_eq!(rules(&set), Ok(()));
        let set = [rule("SDR_1", "", &["+1"]), rule("", "new", &["1"])];
        assert_eq!(
            rules(&set).unwrap_err().to_string(),
            "Dispatch rule for the same trunk, inbound number, number, and PIN combination \
             already exists in dispatch rule \"SDR_1\" \"<blank name>\""
        );
    }
}
