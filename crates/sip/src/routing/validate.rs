//! What a server checks before it stores a trunk or a rule.

use super::number::normalise;
use super::{DispatchRule, InboundTrunk};

/// Why a trunk or rule cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing about the trunk restricts who may call.
    #[error("for security, one of the fields must be set: numbers, allowed_addresses or auth")]
    OpenTrunk,
    /// Only half of the login is set; LiveKit would let such calls pass.
    #[error("auth_username and auth_password must be set together")]
    HalfLogin,
    /// An entry of a list is empty.
    #[error("{field} has an empty entry")]
    EmptyEntry {
        /// Which list.
        field: &'static str,
    },
    /// A header cannot be sent.
    #[error("header {name:?} cannot be set")]
    Header {
        /// Its name.
        name: String,
    },
    /// Two trunks cannot be told apart.
    #[error("conflicting inbound trunks: {other} already serves that number and caller")]
    TrunkConflict {
        /// The other trunk.
        other: String,
    },
    /// The rule has no room.
    #[error("dispatch rule has no room name")]
    NoRoom,
    /// Two rules cannot be told apart.
    #[error("conflicting dispatch rules: {other} has the same trunk, numbers and pin")]
    RuleConflict {
        /// The other rule.
        other: String,
    },
}

/// Checks one trunk on its own.
///
/// # Errors
/// The first problem.
pub fn validate_trunk(trunk: &InboundTrunk) -> Result<(), Problem> {
    if trunk.auth.is_none() && trunk.allowed_addresses.is_empty() && trunk.numbers.is_empty() {
        return Err(Problem::OpenTrunk);
    }
    if let Some(login) = &trunk.auth
        && (login.username.is_empty() || login.password.expose().is_empty())
    {
        return Err(Problem::HalfLogin);
    }
    let lists = [
        ("numbers", &trunk.numbers),
        ("allowed_addresses", &trunk.allowed_addresses),
        ("allowed_numbers", &trunk.allowed_numbers),
    ];
    for (field, list) in lists {
        if list.iter().any(|entry| entry.trim().is_empty()) {
            return Err(Problem::EmptyEntry { field });
        }
    }
    for (name, value) in &trunk.headers {
        if !header_allowed(name, value) {
            return Err(Problem::Header { name: name.clone() });
        }
    }
    Ok(())
}

/// Checks a set of trunks against each other, as LiveKit does on every write.
///
/// # Errors
/// The first problem.
pub fn validate_trunks(trunks: &[InboundTrunk]) -> Result<(), Problem> {
    for (index, trunk) in trunks.iter().enumerate() {
        validate_trunk(trunk)?;
        for other in trunks.iter().skip(index + 1) {
            let collide = overlap(&trunk.numbers, &other.numbers)
                && overlap(&trunk.allowed_numbers, &other.allowed_numbers);
            if trunk.id != other.id && collide {
                return Err(Problem::TrunkConflict {
                    other: trunk.id.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Checks one rule on its own.
///
/// # Errors
/// The first problem.
pub fn validate_rule(rule: &DispatchRule) -> Result<(), Problem> {
    if let super::RuleKind::Direct { room_name, .. } = &rule.kind
        && room_name.is_empty()
    {
        return Err(Problem::NoRoom);
    }
    for (field, list) in [
        ("numbers", &rule.numbers),
        ("inbound_numbers", &rule.inbound_numbers),
    ] {
        if list.iter().any(|entry| entry.trim().is_empty()) {
            return Err(Problem::EmptyEntry { field });
        }
    }
    Ok(())
}

/// Checks a set of rules against each other.
///
/// # Errors
/// The first problem.
pub fn validate_rules(rules: &[DispatchRule]) -> Result<(), Problem> {
    for (index, rule) in rules.iter().enumerate() {
        validate_rule(rule)?;
        for other in rules.iter().skip(index + 1) {
            let trunks = (rule.trunk_ids.is_empty() && other.trunk_ids.is_empty())
                || rule.trunk_ids.iter().any(|id| other.trunk_ids.contains(id));
            let collide = trunks
                && rule.kind.pin() == other.kind.pin()
                && overlap(&rule.numbers, &other.numbers)
                && overlap(&rule.inbound_numbers, &other.inbound_numbers);
            if rule.id != other.id && collide {
                return Err(Problem::RuleConflict {
                    other: rule.id.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Two lists overlap when both are open or share a number.
fn overlap(a: &[String], b: &[String]) -> bool {
    if a.is_empty() || b.is_empty() {
        return a.is_empty() && b.is_empty();
    }
    a.iter()
        .any(|left| b.iter().any(|right| normalise(left) == normalise(right)))
}

fn header_allowed(name: &str, value: &str) -> bool {
    let token = !name.is_empty()
        && name.len() <= 255
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b));
    let printable = value.len() <= 1024 && !value.chars().any(|c| c.is_control() && c != '\t');
    let reserved = RESERVED
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known));
    token && printable && !reserved
}

/// Headers the stack writes itself.
const RESERVED: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "allow",
    "allow-events",
    "u",
    "call-id",
    "i",
    "contact",
    "m",
    "content-encoding",
    "e",
    "content-length",
    "l",
    "content-type",
    "c",
    "cseq",
    "event",
    "o",
    "expires",
    "from",
    "f",
    "max-forwards",
    "record-route",
    "route",
    "refer-to",
    "r",
    "reply-to",
    "supported",
    "k",
    "require",
    "to",
    "t",
    "via",
    "v",
    "authorization",
    "proxy-authorization",
    "session-expires",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::RuleKind;
    use trunkline_base::id::{RuleId, TrunkId};

    fn trunk(id: &str, numbers: &[&str]) -> InboundTrunk {
        let mut trunk = InboundTrunk::new(TrunkId::parse(id).unwrap());
        trunk.numbers = numbers.iter().map(|n| (*n).to_owned()).collect();
        trunk
    }

    #[test]
    fn an_open_trunk_is_refused() {
        assert_eq!(validate_trunk(&trunk("ST_1", &[])), Err(Problem::OpenTrunk));
    }

    #[test]
    fn the_same_number_spelled_twice_conflicts() {
        let trunks = [
            trunk("ST_1", &["+15105550100"]),
            trunk("ST_2", &["1 510 555 0100"]),
        ];
        assert!(matches!(
            validate_trunks(&trunks),
            Err(Problem::TrunkConflict { .. })
        ));
    }

    #[test]
    fn stack_headers_cannot_be_set() {
        let mut open = trunk("ST_1", &["100"]);
        open.headers.insert("Via".to_owned(), "x".to_owned());
        assert!(matches!(validate_trunk(&open), Err(Problem::Header { .. })));
        open.headers.clear();
        open.headers
            .insert("X-Tenant".to_owned(), "a\r\nb: c".to_owned());
        assert!(matches!(validate_trunk(&open), Err(Problem::Header { .. })));
    }

    #[test]
    fn rules_that_cannot_be_told_apart_conflict() {
        let kind = |room: &str| RuleKind::Direct {
            room_name: room.to_owned(),
            pin: String::new(),
        };
        let rules = [
            DispatchRule::new(RuleId::parse("SDR_1").unwrap(), kind("a")),
            DispatchRule::new(RuleId::parse("SDR_2").unwrap(), kind("b")),
        ];
        assert!(matches!(
            validate_rules(&rules),
            Err(Problem::RuleConflict { .. })
        ));
    }
}
