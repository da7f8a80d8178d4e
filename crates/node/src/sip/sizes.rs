//! What of a call or a rule no participant and no room can have, because it is too long: every call
//! would fail, and each with a reason that is nobody's fault.

use std::collections::HashMap;

use livekit_protocol as proto;
use proto::sip_dispatch_rule::Rule as Kind;
use trunkline_sip::uri::LONGEST_NUMBER;

use super::SipError;
use crate::caller::MAX_TOKEN;
use crate::limits::Limits;

/// What a call says of its participant.
pub(super) fn call(
    request: &proto::CreateSipParticipantRequest,
    limits: Limits,
) -> Result<(), SipError> {
    short("room_name", &request.room_name, NAME)?;
    short("participant_identity", &request.participant_identity, NAME)?;
    short(
        "participant_name",
        &request.participant_name,
        limits.name_bytes,
    )?;
    short(
        "participant_metadata",
        &request.participant_metadata,
        limits.metadata_bytes,
    )?;
    attributes(
        "participant_attributes",
        &request.participant_attributes,
        limits,
    )?;
    short("sip_number", &request.sip_number, NUMBER)?;
    short("sip_call_to", &request.sip_call_to, NUMBER)?;
    token([
        ("participant_name", written(&request.participant_name)),
        (
            "participant_metadata",
            written(&request.participant_metadata),
        ),
        (
            "participant_attributes",
            pairs(&request.participant_attributes),
        ),
    ])
}

/// Where a phone is sent to is a header of the message that sends it.
pub(super) fn transfer(request: &proto::TransferSipParticipantRequest) -> Result<(), SipError> {
    short("transfer_to", &request.transfer_to, ADDRESS)
}

/// What a rule gives to rooms and participants.
pub(super) fn rule(rule: &proto::SipDispatchRuleInfo, limits: Limits) -> Result<(), SipError> {
    let kind = rule.rule.as_ref().and_then(|rule| rule.rule.as_ref());
    match kind {
        Some(Kind::DispatchRuleDirect(direct)) => short("room_name", &direct.room_name, NAME)?,
        Some(Kind::DispatchRuleIndividual(own)) => prefix(&own.room_prefix)?,
        Some(Kind::DispatchRuleCallee(callee)) => prefix(&callee.room_prefix)?,
        None => {}
    }
    short("metadata", &rule.metadata, limits.metadata_bytes)?;
    attributes("attributes", &rule.attributes, limits)?;
    token([
        ("metadata", written(&rule.metadata)),
        ("attributes", pairs(&rule.attributes)),
    ])
}

/// All that is said of a participant comes in its token, and the longest of it is what is too long.
fn token<const N: usize>(parts: [(&'static str, usize); N]) -> Result<(), SipError> {
    let bytes: usize = parts.iter().map(|(_, bytes)| bytes).sum();
    let longest = parts.into_iter().max_by_key(|(_, bytes)| *bytes);
    match longest {
        Some((field, _)) if bytes > TOKEN => Err(SipError::TooLongTogether { field, max: TOKEN }),
        _ => Ok(()),
    }
}

/// Bytes of a text as JSON.
fn written(text: &str) -> usize {
    serde_json::to_string(text).map_or(text.len(), |json| json.len())
}

fn pairs(all: &HashMap<String, String>) -> usize {
    let signs = ":,".len();
    all.iter()
        .map(|(k, v)| written(k) + written(v) + signs)
        .sum()
}

fn prefix(text: &str) -> Result<(), SipError> {
    short("room_prefix", text, PREFIX)
}

fn attributes(
    field: &'static str,
    all: &HashMap<String, String>,
    limits: Limits,
) -> Result<(), SipError> {
    let bytes: usize = all.iter().map(|(k, v)| k.len() + v.len()).sum();
    within(field, bytes, limits.attributes_bytes)
}

fn short(field: &'static str, text: &str, max: usize) -> Result<(), SipError> {
    within(field, text.len(), max)
}

const fn within(field: &'static str, bytes: usize, max: usize) -> Result<(), SipError> {
    if bytes <= max {
        Ok(())
    } else {
        Err(SipError::TooLong { field, max })
    }
}

/// A room's or a participant's.
const NAME: usize = 256;

/// A participant on the phone is `sip_` and a number, where no identity is given.
const NUMBER: usize = LONGEST_NUMBER;

/// As long as the longest value of a header.
const ADDRESS: usize = 1024;

/// A token is base64 of its claims; room is left for what the gateway itself says of a call.
const TOKEN: usize = MAX_TOKEN / 4 * 3 - 16 * 1024;

/// Who calls comes behind it.
const PREFIX: usize = 192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_participant_can_have_is_refused_and_named() {
        let long = |bytes: usize| "x".repeat(bytes);
        let told = |change: &dyn Fn(&mut proto::CreateSipParticipantRequest)| {
            let mut request = proto::CreateSipParticipantRequest::default();
            change(&mut request);
            call(&request, Limits::default()).map_err(|error| error.to_string())
        };
        assert_eq!(told(&|r| r.participant_name = long(256)), Ok(()));
        assert_eq!(told(&|r| r.participant_metadata = long(150_000)), Ok(()));
        for (field, refused) in [
            ("room_name", told(&|r| r.room_name = long(257))),
            (
                "participant_identity",
                told(&|r| r.participant_identity = long(257)),
            ),
            (
                "participant_name",
                told(&|r| r.participant_name = long(257)),
            ),
            (
                "participant_metadata",
                told(&|r| r.participant_metadata = long(524_289)),
            ),
            (
                "participant_attributes",
                told(&|r| {
                    r.participant_attributes
                        .insert("a".to_owned(), long(65_536));
                }),
            ),
            ("sip_number", told(&|r| r.sip_number = long(253))),
            ("sip_call_to", told(&|r| r.sip_call_to = long(253))),
        ] {
            let text = refused.unwrap_err();
            assert!(
                text.starts_with(field) && text.contains("at most"),
                "{text}"
            );
        }
    }

    /// The gateway's own join was refused, with words about a token that nobody had seen.
    #[test]
    fn what_no_token_has_room_for_is_refused_and_named() {
        let long = |bytes: usize| "m".repeat(bytes);
        let mut request = proto::CreateSipParticipantRequest {
            participant_metadata: long(200_000),
            ..Default::default()
        };
        let told = |request: &_| call(request, Limits::default()).map_err(|e| e.to_string());
        let text = told(&request).unwrap_err();
        assert!(text.starts_with("participant_metadata is too"), "{text}");
        request.participant_metadata = long(150_000);
        let attribute = ("a".to_owned(), long(60_000));
        request.participant_attributes.extend([attribute]);
        let text = told(&request).unwrap_err();
        assert!(text.starts_with("participant_metadata is too"), "{text}");
        request.participant_metadata = long(10);
        assert_eq!(told(&request), Ok(()));
        // Each of them is six bytes of JSON.
        request.participant_metadata = "\u{1}".repeat(40_000);
        assert!(told(&request).is_err());
        let told = proto::SipDispatchRuleInfo {
            metadata: long(200_000),
            ..Default::default()
        };
        let text = rule(&told, Limits::default()).unwrap_err().to_string();
        assert!(text.starts_with("metadata is too"), "{text}");
    }

    #[test]
    fn a_nodes_own_limits_are_those_that_count() {
        let limits = Limits {
            name_bytes: 3,
            metadata_bytes: 4,
            ..Limits::default()
        };
        let named = |name: &str| proto::CreateSipParticipantRequest {
            participant_name: name.to_owned(),
            ..Default::default()
        };
        assert!(call(&named("Ann"), limits).is_ok());
        assert!(call(&named("Anna"), limits).is_err());
        let told = proto::SipDispatchRuleInfo {
            metadata: "12345".to_owned(),
            ..Default::default()
        };
        assert!(rule(&told, limits).is_err());
        assert!(rule(&told, Limits::default()).is_ok());
    }

    #[test]
    fn a_rule_whose_rooms_nobody_could_join_is_refused() {
        let own = |room_prefix: String| {
            Kind::DispatchRuleIndividual(proto::SipDispatchRuleIndividual {
                room_prefix,
                ..Default::default()
            })
        };
        let of = |kind: Kind| proto::SipDispatchRuleInfo {
            rule: Some(proto::SipDispatchRule { rule: Some(kind) }),
            ..Default::default()
        };
        let checked = |of: &_| rule(of, Limits::default());
        assert!(checked(&of(own("call".to_owned()))).is_ok());
        assert!(checked(&of(own("x".repeat(193)))).is_err());
        let direct = proto::SipDispatchRuleDirect {
            room_name: "x".repeat(257),
            ..Default::default()
        };
        assert!(checked(&of(Kind::DispatchRuleDirect(direct))).is_err());
        let mut told = of(own(String::new()));
        told.attributes.insert("a".to_owned(), "x".repeat(65_536));
        assert!(checked(&told).is_err());
    }
}
