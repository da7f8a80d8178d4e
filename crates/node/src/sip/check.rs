//! What is checked about one trunk or rule before it is stored, in the official server's order.
//!
//! Some things are refused here that the official server stores, because no call could use them as they
//! were meant: half a login, an empty number, a direct rule without a room, an address or a port that
//! there is not, a time before now, what is too long for a participant or a message.

use livekit_protocol as proto;
use trunkline_sip::routing::is_source;
use trunkline_sip::uri::is_host_port;

use super::error::SipError;
use super::{headers, sizes};
use crate::limits::Limits;

/// One inbound trunk by itself.
pub(super) fn inbound(trunk: &proto::SipInboundTrunkInfo) -> Result<(), SipError> {
    let has_auth = !trunk.auth_username.is_empty() || !trunk.auth_password.is_empty();
    if !has_auth && trunk.allowed_addresses.is_empty() && trunk.numbers.is_empty() {
        return Err(SipError::Invalid(OPEN_TRUNK));
    }
    media(trunk.media.as_ref())?;
    headers::sent(&trunk.headers)?;
    headers::mapped(&trunk.attributes_to_headers, &trunk.headers_to_attributes)?;
    positive(
        trunk.ringing_timeout.as_ref(),
        "ringing_timeout must not be negative",
    )?;
    positive(
        trunk.max_call_duration.as_ref(),
        "max_call_duration must not be negative",
    )?;
    let status = trunk.ringing_timeout_status;
    if status != 0 && !(400..700).contains(&status) {
        return Err(SipError::Invalid("ringing timeout status must be 4xx-6xx"));
    }
    if has_auth && (trunk.auth_username.is_empty() || trunk.auth_password.is_empty()) {
        let text = "auth_username and auth_password must be set together";
        return Err(SipError::Invalid(text));
    }
    filled(&trunk.numbers, "numbers")?;
    filled(&trunk.allowed_addresses, "allowed_addresses")?;
    sources(&trunk.allowed_addresses)?;
    filled(&trunk.allowed_numbers, "allowed_numbers")
}

pub(super) fn outbound(trunk: &proto::SipOutboundTrunkInfo) -> Result<(), SipError> {
    if trunk.numbers.is_empty() {
        return Err(SipError::Invalid("no trunk numbers specified"));
    }
    if trunk.address.is_empty() {
        return Err(SipError::Invalid("no outbound address specified"));
    }
    host(&trunk.address, "trunk address")?;
    host(&trunk.from_host, "from_host")?;
    headers::sent(&trunk.headers)?;
    headers::mapped(&trunk.attributes_to_headers, &trunk.headers_to_attributes)?;
    media(trunk.media.as_ref())?;
    filled(&trunk.numbers, "numbers")
}

/// A trunk given with one call only.
pub(super) fn inline(trunk: &proto::SipOutboundConfig) -> Result<(), SipError> {
    if trunk.hostname.is_empty() {
        return Err(SipError::Invalid("no outbound hostname specified"));
    }
    host(&trunk.hostname, "trunk hostname")?;
    host(&trunk.from_host, "from_host")?;
    Ok(headers::mapped(
        &trunk.attributes_to_headers,
        &trunk.headers_to_attributes,
    )?)
}

/// One rule by itself.
pub(super) fn rule(rule: &proto::SipDispatchRuleInfo, limits: Limits) -> Result<(), SipError> {
    use proto::sip_dispatch_rule::Rule as Kind;
    let kind = rule
        .rule
        .as_ref()
        .ok_or(SipError::Invalid("missing rule"))?;
    media(rule.media.as_ref())?;
    match &kind.rule {
        None => {
            let text = "unsupported SIP Dispatch Rule: <nil>";
            return Err(SipError::Invalid(text));
        }
        Some(Kind::DispatchRuleDirect(direct)) if direct.room_name.trim().is_empty() => {
            return Err(SipError::Invalid("dispatch rule has no room name"));
        }
        Some(_) => {}
    }
    sizes::rule(rule, limits)?;
    filled(&rule.inbound_numbers, "inbound_numbers")?;
    filled(&rule.numbers, "numbers")
}

pub(super) fn media(media: Option<&proto::SipMediaConfig>) -> Result<(), SipError> {
    let Some(media) = media else { return Ok(()) };
    for codec in &media.codecs {
        if codec.name.is_empty() {
            return Err(SipError::Invalid("missing codec name"));
        }
        if codec.name.contains([' ', '\t', '\r', '\n']) {
            return Err(SipError::Invalid("invalid codec name"));
        }
        if codec.name.contains('/') {
            return Err(SipError::Invalid("codec name must not contain '/'"));
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

/// No time before now.
pub(super) fn positive(
    time: Option<&pbjson_types::Duration>,
    told: &'static str,
) -> Result<(), SipError> {
    match time {
        Some(time) if time.seconds < 0 || time.nanos < 0 => Err(SipError::Invalid(told)),
        _ => Ok(()),
    }
}

/// A host name or address field that must not carry a URI.
fn host(value: &str, field: &'static str) -> Result<(), SipError> {
    if value.contains("transport=") {
        return Err(SipError::HostTransport { field });
    }
    let is_uri = value.starts_with("sip:") || value.starts_with("sips:");
    if value.contains(['@', ';']) || is_uri {
        return Err(SipError::HostName { field });
    }
    if !value.is_empty() && !is_host_port(value) {
        return Err(SipError::HostPort { field });
    }
    Ok(())
}

fn filled(list: &[String], field: &'static str) -> Result<(), SipError> {
    if list.iter().any(|entry| entry.trim().is_empty()) {
        return Err(SipError::EmptyEntry { field });
    }
    list.iter().try_for_each(|entry| printable(field, entry))
}

/// A number, or whom else SIP names, if there is one.
pub(super) fn number(field: &'static str, text: &str) -> Result<(), SipError> {
    printable(field, text)?;
    if !text.is_empty() && text.trim().is_empty() {
        return Err(SipError::Blank { field });
    }
    Ok(())
}

/// What breaks a line, or ends a text, would be escaped and sent.
pub(super) fn printable(field: &'static str, text: &str) -> Result<(), SipError> {
    match headers::control(text) {
        None => Ok(()),
        Some(flaw) => Err(SipError::Control { field, flaw }),
    }
}

/// Where calls come from. What names nobody would keep everybody out.
fn sources(list: &[String]) -> Result<(), SipError> {
    match list.iter().find(|entry| !is_source(entry)) {
        None => Ok(()),
        Some(entry) => Err(SipError::Source(entry.chars().take(SHOWN).collect())),
    }
}

/// Letters of what is wrong that are told.
const SHOWN: usize = 64;

const OPEN_TRUNK: &str = "for security, one of the fields must be set: \
    AuthUsername+AuthPassword, AllowedAddresses or Numbers";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_goes_to_a_host_and_a_port_that_there_is() {
        for fine in [
            "sip.example.com",
            "192.0.2.7:5080",
            "[2001:db8::7]:5060",
            "pbx_1",
        ] {
            assert!(host(fine, "trunk address").is_ok(), "{fine}");
        }
        for bad in [
            "host:99999",
            "host:0",
            "host:",
            "host:+5",
            "host\r\nVia: x",
            "a b",
            "2001:db8::7",
            "host/path",
        ] {
            let error = host(bad, "trunk address").unwrap_err();
            assert!(matches!(error, SipError::HostPort { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn no_time_is_negative() {
        let mut trunk = proto::SipInboundTrunkInfo {
            numbers: vec!["+15550100".to_owned()],
            ..Default::default()
        };
        assert!(inbound(&trunk).is_ok());
        let before = pbjson_types::Duration {
            seconds: -1,
            nanos: 0,
        };
        trunk.ringing_timeout = Some(before);
        let text = inbound(&trunk).unwrap_err().to_string();
        assert_eq!(text, "ringing_timeout must not be negative");
        trunk.max_call_duration = trunk.ringing_timeout.take();
        assert!(inbound(&trunk).is_err());
    }

    #[test]
    fn junk_among_addresses_is_told_with_what_and_how() {
        let trunk = |entry: &str| proto::SipInboundTrunkInfo {
            allowed_addresses: vec!["203.0.113.0/24".to_owned(), entry.to_owned()],
            ..Default::default()
        };
        assert!(inbound(&trunk("2001:db8::7")).is_ok());
        for junk in ["sip.example.com", "203.0.113.7:5060", "(*)", "0.0.0.0"] {
            let text = inbound(&trunk(junk)).unwrap_err().to_string();
            let parts = ["allowed_addresses", junk, "203.0.113.0/24"];
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
        let long = inbound(&trunk(&"x".repeat(1 << 20))).unwrap_err();
        assert!(long.to_string().len() < 300);
    }

    #[test]
    fn a_direct_rule_names_a_room() {
        let direct = |room: &str| proto::SipDispatchRuleInfo {
            rule: Some(proto::SipDispatchRule {
                rule: Some(proto::sip_dispatch_rule::Rule::DispatchRuleDirect(
                    proto::SipDispatchRuleDirect {
                        room_name: room.to_owned(),
                        ..Default::default()
                    },
                )),
            }),
            ..Default::default()
        };
        let fits = |room: &str| rule(&direct(room), Limits::default()).is_ok();
        assert!(fits("lobby"));
        assert!(!fits("") && !fits(" \t"));
    }
}
