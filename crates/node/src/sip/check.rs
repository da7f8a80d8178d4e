//! What is checked about a trunk or rule before it is stored. Rules that routing depends on come
//! from [`trunkline_sip::routing`]; what only concerns the API is here.

use std::collections::{BTreeMap, HashMap};

use livekit_protocol as proto;
use trunkline_base::id::{RuleId, TrunkId};
use trunkline_sip::routing::{DigestLogin, DispatchRule, InboundTrunk, RuleKind};

use super::error::SipError;

/// One inbound trunk by itself.
pub(super) fn inbound(trunk: &proto::SipInboundTrunkInfo) -> Result<(), SipError> {
    let has_auth = !trunk.auth_username.is_empty() || !trunk.auth_password.is_empty();
    if !has_auth && trunk.allowed_addresses.is_empty() && trunk.numbers.is_empty() {
        return Err(SipError::Invalid(OPEN_TRUNK));
    }
    let status = trunk.ringing_timeout_status;
    if status != 0 && !(400..700).contains(&status) {
        return Err(SipError::Invalid("ringing timeout status must be 4xx-6xx"));
    }
    media(trunk.media.as_ref())?;
    headers(&trunk.headers_to_attributes, &trunk.attributes_to_headers)
}

/// One outbound trunk.
pub(super) fn outbound(trunk: &proto::SipOutboundTrunkInfo) -> Result<(), SipError> {
    if trunk.numbers.is_empty() {
        return Err(SipError::Invalid("no trunk numbers specified"));
    }
    if trunk.address.is_empty() {
        return Err(SipError::Invalid("no outbound address specified"));
    }
    host(&trunk.address, "trunk address")?;
    host(&trunk.from_host, "from_host")?;
    media(trunk.media.as_ref())?;
    let sorted: BTreeMap<_, _> = trunk.headers.iter().collect();
    for (name, value) in sorted {
        header_name(name)?;
        if value.len() > 1024 || value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(SipError::HeaderName { name: name.clone() });
        }
    }
    headers(&trunk.headers_to_attributes, &trunk.attributes_to_headers)
}

/// One rule by itself.
pub(super) fn rule(rule: &proto::SipDispatchRuleInfo) -> Result<(), SipError> {
    if rule.rule.as_ref().is_none_or(|rule| rule.rule.is_none()) {
        return Err(SipError::Invalid("missing rule"));
    }
    media(rule.media.as_ref())
}

/// A host name or address field that must not carry a URI.
pub(super) fn host(value: &str, field: &'static str) -> Result<(), SipError> {
    let is_uri = value.contains(['@', ';'])
        || value.starts_with("sip:")
        || value.starts_with("sips:")
        || value.contains("transport=");
    if is_uri {
        Err(SipError::HostName { field })
    } else {
        Ok(())
    }
}

fn media(media: Option<&proto::SipMediaConfig>) -> Result<(), SipError> {
    let Some(media) = media else { return Ok(()) };
    for codec in &media.codecs {
        if codec.name.is_empty() {
            return Err(SipError::Invalid("missing codec name"));
        }
        if codec.name.contains(['/', ' ', '\t', '\r', '\n']) {
            return Err(SipError::Invalid("invalid codec name"));
        }
    }
    match &media.media_timeout {
        Some(limit) if limit.seconds < 0 || limit.nanos < 0 => {
            Err(SipError::Invalid("media_timeout must not be negative"))
        }
        Some(limit) if limit.seconds > 600 || (limit.seconds == 600 && limit.nanos > 0) => {
            Err(SipError::Invalid("media_timeout must not exceed 10m0s"))
        }
        _ => Ok(()),
    }
}

fn headers(
    to_attributes: &HashMap<String, String>,
    from_attributes: &HashMap<String, String>,
) -> Result<(), SipError> {
    let mut names: Vec<_> = to_attributes
        .keys()
        .chain(from_attributes.values())
        .collect();
    names.sort_unstable();
    names.into_iter().try_for_each(|name| token(name))
}

fn header_name(name: &str) -> Result<(), SipError> {
    token(name)?;
    if RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
    {
        return Err(SipError::HeaderName {
            name: name.to_owned(),
        });
    }
    Ok(())
}

fn token(name: &str) -> Result<(), SipError> {
    let fine = !name.is_empty()
        && name.len() <= 255
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b));
    if fine {
        Ok(())
    } else {
        Err(SipError::HeaderName {
            name: name.to_owned(),
        })
    }
}

/// A trunk as routing sees it; only what its checks look at.
pub(super) fn routing_trunk(trunk: &proto::SipInboundTrunkInfo) -> Result<InboundTrunk, SipError> {
    let id = TrunkId::parse(trunk.sip_trunk_id.as_str()).map_err(|_| SipError::NoTrunk)?;
    let has_auth = !trunk.auth_username.is_empty() || !trunk.auth_password.is_empty();
    let mut routing = InboundTrunk::new(id);
    routing.numbers.clone_from(&trunk.numbers);
    routing
        .allowed_addresses
        .clone_from(&trunk.allowed_addresses);
    routing.allowed_numbers.clone_from(&trunk.allowed_numbers);
    routing.headers = trunk.headers.clone().into_iter().collect();
    routing.auth = has_auth.then(|| DigestLogin {
        username: trunk.auth_username.clone(),
        password: trunk.auth_password.clone().into(),
        realm: trunk.auth_realm.clone(),
    });
    Ok(routing)
}

/// A rule as routing sees it; only what its checks look at.
pub(super) fn routing_rule(rule: &proto::SipDispatchRuleInfo) -> Result<DispatchRule, SipError> {
    use proto::sip_dispatch_rule::Rule;
    let id = RuleId::parse(rule.sip_dispatch_rule_id.as_str()).map_err(|_| SipError::NoRule)?;
    let kind = rule.rule.as_ref().and_then(|rule| rule.rule.clone());
    let kind = match kind.ok_or(SipError::Invalid("missing rule"))? {
        Rule::DispatchRuleDirect(direct) => RuleKind::Direct {
            room_name: direct.room_name,
            pin: direct.pin,
        },
        Rule::DispatchRuleIndividual(individual) => RuleKind::Individual {
            room_prefix: individual.room_prefix,
            pin: individual.pin,
            no_randomness: individual.no_randomness,
        },
        Rule::DispatchRuleCallee(callee) => RuleKind::Callee {
            room_prefix: callee.room_prefix,
            pin: callee.pin,
            randomize: callee.randomize,
        },
    };
    let mut routing = DispatchRule::new(id, kind);
    let ids = rule.trunk_ids.iter().map(|id| TrunkId::parse(id.as_str()));
    routing.trunk_ids = ids
        .collect::<Result<_, _>>()
        .map_err(|_| SipError::Invalid("invalid trunk id"))?;
    routing.inbound_numbers.clone_from(&rule.inbound_numbers);
    routing.numbers.clone_from(&rule.numbers);
    Ok(routing)
}

const OPEN_TRUNK: &str = "for security, one of the fields must be set: \
    AuthUsername+AuthPassword, AllowedAddresses or Numbers";
/// Headers LiveKit does not let a trunk set.
const RESERVED: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "allow",
    "allow-events",
    "call-id",
    "contact",
    "content-encoding",
    "content-length",
    "content-type",
    "cseq",
    "event",
    "expires",
    "from",
    "max-forwards",
    "record-route",
    "refer-to",
    "reply-to",
    "k",
    "l",
    "m",
    "o",
    "r",
    "t",
    "u",
    "v",
];
