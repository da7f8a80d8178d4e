//! The matching itself: first a trunk, then a rule, each by rank.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::secret::Personal;

use super::outcome::{
    Accepted, CallFacts, Considered, Outcome, Pin, Question, Refusal, Subject, TrunkOutcome,
    Verdict,
};
use super::{DispatchRule, InboundTrunk};

/// Decides a call.
pub fn match_call(trunks: &[InboundTrunk], rules: &[DispatchRule], facts: &CallFacts) -> Outcome {
    match match_trunk(trunks, facts) {
        TrunkOutcome::Refused(refusal) => Outcome::Refused(refusal),
        TrunkOutcome::Matched { trunk, .. } if trunk.auth.is_some() && !facts.authenticated => {
            Outcome::Challenge(Box::new(trunk.clone()))
        }
        TrunkOutcome::Matched { trunk, called } => match_rule(trunk, &called, rules, facts),
    }
}

/// Finds the trunk a call came over.
pub fn match_trunk<'a>(trunks: &'a [InboundTrunk], facts: &CallFacts) -> TrunkOutcome<'a> {
    let mut considered = Vec::new();
    let mut fitting: Vec<(&InboundTrunk, Personal<String>)> = Vec::new();
    for trunk in trunks {
        let verdict = match judge_trunk(trunk, facts) {
            Ok(called) => {
                fitting.push((trunk, called));
                Verdict::Matched
            }
            Err(verdict) => verdict,
        };
        considered.push(Considered {
            subject: Subject::Trunk(trunk.id.clone()),
            name: short(&trunk.name),
            verdict,
        });
    }
    fitting.sort_by_key(|(trunk, _)| (!is_bound(trunk, facts), trunk_rank(trunk)));
    if let Some((trunk, called)) = fitting.into_iter().next() {
        return TrunkOutcome::Matched { trunk, called };
    }
    let reason = considered
        .iter()
        .map(|c| c.verdict)
        .max()
        .unwrap_or(Verdict::NoTrunks);
    TrunkOutcome::Refused(Refusal { reason, considered })
}

/// Finds the rule for a call whose trunk is known.
pub fn match_rule(
    trunk: &InboundTrunk,
    called: &Personal<String>,
    rules: &[DispatchRule],
    facts: &CallFacts,
) -> Outcome {
    let mut considered = vec![Considered {
        subject: Subject::Trunk(trunk.id.clone()),
        name: short(&trunk.name),
        verdict: Verdict::Matched,
    }];
    let mut fitting: Vec<&DispatchRule> = Vec::new();
    for rule in rules {
        let verdict = judge_rule(rule, trunk, called.expose(), facts);
        if verdict == Verdict::Matched {
            fitting.push(rule);
        }
        considered.push(Considered {
            subject: Subject::Rule(rule.id.clone()),
            name: short(&rule.name),
            verdict,
        });
    }
    fitting.sort_by_key(|rule| rule_rank(rule));
    let Some(rule) = fitting.first() else {
        let reason = considered.iter().skip(1).map(|c| c.verdict).max();
        let reason = reason.unwrap_or(Verdict::NoRules);
        return Outcome::Refused(Refusal { reason, considered });
    };
    let asks = facts.pin == Pin::NotAsked && !rule.kind.pin().is_empty();
    match accept(trunk, rule, called, facts) {
        Some(first) if asks => Outcome::AskPin(Box::new(Question {
            first,
            rules: fitting.into_iter().cloned().collect(),
            facts: facts.clone(),
        })),
        Some(accepted) => Outcome::Accept(Box::new(accepted)),
        None => Outcome::Refused(Refusal {
            reason: Verdict::UnusableRoom,
            considered,
        }),
    }
}

/// Decides a call whose caller was asked for a PIN.
pub fn match_pin(question: &Question, typed: Pin) -> Outcome {
    let facts = CallFacts {
        pin: typed,
        ..question.facts.clone()
    };
    let Accepted { trunk, called, .. } = &question.first;
    match_rule(trunk, called, &question.rules, &facts)
}

fn judge_trunk(trunk: &InboundTrunk, facts: &CallFacts) -> Result<Personal<String>, Verdict> {
    let mut numbers = facts.told.to(trunk).chain(&facts.called);
    let called = if trunk.numbers.is_empty() {
        numbers.find(|number| !number.expose().is_empty())
    } else {
        numbers.find(|number| trunk.numbers.name(&trunk.plan, number.expose()))
    };
    let called = match called {
        Some(number) => number.clone(),
        None if trunk.numbers.is_empty() => Personal::new(String::new()),
        None => return Err(Verdict::NumberNotListed),
    };
    if !is_bound(trunk, facts) && !trunk.allows_source(facts.source) {
        return Err(Verdict::AddressNotAllowed);
    }
    let caller = facts.caller.expose();
    if !trunk.allowed_numbers.fit(&trunk.plan, caller) {
        return Err(Verdict::CallerNotAllowed);
    }
    Ok(called)
}

/// Did the call come to the contact that this trunk has registered?
fn is_bound(trunk: &InboundTrunk, facts: &CallFacts) -> bool {
    facts.bound.as_ref() == Some(&trunk.id)
}

/// More specific first; among equals the stricter, then the older id. Two trunks that both fit are
/// thus no error, and the looser one never wins over the one that asks for a password.
fn trunk_rank(trunk: &InboundTrunk) -> impl Ord + use<> {
    Reverse((
        !trunk.numbers.is_empty(),
        !trunk.allowed_numbers.is_empty(),
        !trunk.allowed_addresses.is_empty(),
        trunk.auth.is_some(),
        Reverse(trunk.id.clone()),
    ))
}

fn judge_rule(
    rule: &DispatchRule,
    trunk: &InboundTrunk,
    called: &str,
    facts: &CallFacts,
) -> Verdict {
    if !rule.trunk_ids.is_empty() && !rule.trunk_ids.contains(&trunk.id) {
        return Verdict::OtherTrunk;
    }
    if !rule.numbers.fit(&trunk.plan, called) {
        return Verdict::RuleNumber;
    }
    let caller = facts.caller.expose();
    if !rule.inbound_numbers.fit(&trunk.plan, caller) {
        return Verdict::RuleCaller;
    }
    let pin = rule.kind.pin();
    let fits = match &facts.pin {
        Pin::NotAsked => true,
        Pin::None => pin.is_empty(),
        Pin::Typed(typed) => !pin.is_empty() && same_digits(pin, typed.expose()),
    };
    if fits {
        Verdict::Matched
    } else {
        Verdict::PinWrong
    }
}

/// Compares without telling by timing how many digits were right.
fn same_digits(a: &str, b: &str) -> bool {
    Sha256::digest(a.as_bytes()) == Sha256::digest(b.as_bytes())
}

/// LiveKit's order: rules that name the trunk, then those that ask for a PIN, then by kind and by
/// how many number lists they carry; the room's name and the id settle ties.
fn rule_rank(rule: &DispatchRule) -> impl Ord + use<> {
    (
        rule.trunk_ids.is_empty(),
        u8::from(rule.inbound_numbers.is_empty()) + u8::from(rule.numbers.is_empty()),
        rule.kind.pin().is_empty(),
        rule.kind.rank(),
        rule.kind.label().to_owned(),
        rule.id.clone(),
    )
}

fn accept(
    trunk: &InboundTrunk,
    rule: &DispatchRule,
    called: &Personal<String>,
    facts: &CallFacts,
) -> Option<Accepted> {
    let caller = facts.caller.expose().as_str();
    let hidden = rule.hide_phone_number;
    let (shown, tag) = if hidden {
        let shown = last_digits(caller);
        (shown, hide(caller, &facts.hide_key))
    } else {
        (caller.to_owned(), caller.to_owned())
    };
    let room = rule.kind.room(
        if hidden { &tag } else { caller },
        called.expose(),
        &facts.suffix,
    );
    let identity = if is_anonymous(caller) {
        format!("sip_{tag}_{}", facts.suffix)
    } else {
        format!("sip_{tag}")
    };
    RoomName::parse(room.clone()).ok()?;
    ParticipantIdentity::parse(identity.clone()).ok()?;
    Some(Accepted {
        trunk: trunk.clone(),
        rule: rule.clone(),
        room,
        identity,
        name: Personal::new(displayed(&shown)),
        metadata: rule.metadata.clone(),
        attributes: attributes(trunk, rule, called, facts),
        called: called.clone(),
    })
}

fn attributes(
    trunk: &InboundTrunk,
    rule: &DispatchRule,
    called: &Personal<String>,
    facts: &CallFacts,
) -> BTreeMap<String, String> {
    let mut all = rule.attributes.clone();
    all.insert("sip.trunkID".to_owned(), trunk.id.to_string());
    all.insert("sip.ruleID".to_owned(), rule.id.to_string());
    if !rule.hide_phone_number {
        all.insert("sip.phoneNumber".to_owned(), facts.caller.expose().clone());
        all.insert("sip.trunkPhoneNumber".to_owned(), called.expose().clone());
        all.insert("sip.hostname".to_owned(), facts.hostname.clone());
    }
    all
}

/// Whether a caller's number says only that it is withheld: two of them are not the same caller.
pub fn is_anonymous(number: &str) -> bool {
    let words = [
        "",
        "anonymous",
        "unknown",
        "unavailable",
        "private",
        "restricted",
        "withheld",
    ];
    words.iter().any(|word| number.eq_ignore_ascii_case(word))
}

/// The end of a number, which is what people recognise and what does not identify it.
fn last_digits(number: &str) -> String {
    let count = number.chars().count();
    if count <= SHOWN_DIGITS {
        return String::new();
    }
    number.chars().skip(count - SHOWN_DIGITS).collect()
}

fn hide(number: &str, key: &[u8; 16]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(key);
    hasher.update(number.as_bytes());
    hex::encode(hasher.finalize().get(..8).unwrap_or_default())
}

/// As whom a caller is shown, with as much of a long number as a participant's name may have.
fn displayed(shown: &str) -> String {
    let mut name = format!("Phone {shown}").trim_end().to_owned();
    name.truncate(name.floor_char_boundary(NAME));
    name
}

/// LiveKit's limit, in bytes.
const NAME: usize = 256;

/// LiveKit shows four.
const SHOWN_DIGITS: usize = 4;

/// As much of a name as people read: it is copied with every call that is refused.
fn short(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

/// Longer names are told by their beginning.
const LONGEST_NAME: usize = 128;

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
