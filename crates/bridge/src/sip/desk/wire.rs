//! LiveKit's trunks and rules as the matcher wants them.

use livekit_protocol as proto;
use proto::sip_dispatch_rule::Rule;
use std::time::Duration;

use trunkline_base::id::{RuleId, TrunkId};
use trunkline_base::secret::Secret;
use trunkline_sip::routing::{
    DigestLogin, DispatchRule, HeaderOptions, InboundTrunk, MediaOptions, RuleKind, mark,
    read_numbers,
};
use trunkline_sip::sdp::Encryption;

use super::super::config::{OwnSetup, TrunkLine};

impl OwnSetup {
    /// As the matcher wants them.
    pub fn routes(self, lines: &[TrunkLine]) -> (Vec<InboundTrunk>, Vec<DispatchRule>) {
        let mut trunks: Vec<InboundTrunk> = self.trunks.into_iter().filter_map(trunk).collect();
        for trunk in &mut trunks {
            lines.iter().for_each(|line| line.tell(trunk));
        }
        let mut rules: Vec<DispatchRule> = self.rules.into_iter().filter_map(rule).collect();
        read_numbers(&mut trunks, &mut rules);
        (trunks, rules)
    }
}

/// A trunk; `None` if it has no id.
#[expect(deprecated, reason = "servers tell the encryption in either field")]
pub(super) fn trunk(info: proto::SipInboundTrunkInfo) -> Option<InboundTrunk> {
    let include_headers = header_options(info.include_headers());
    let mut trunk = InboundTrunk::new(TrunkId::parse(info.sip_trunk_id).ok()?);
    trunk.name = info.name;
    trunk.metadata = info.metadata;
    trunk.numbers = info.numbers.into();
    trunk.allowed_addresses = info.allowed_addresses;
    trunk.allowed_numbers = info.allowed_numbers.into();
    // Half a login still locks the trunk: nobody knows an empty password's other half by luck.
    trunk.auth = (!info.auth_username.is_empty() || !info.auth_password.is_empty()).then(|| {
        let realm = if info.auth_realm.is_empty() {
            REALM.to_owned()
        } else {
            info.auth_realm
        };
        DigestLogin {
            username: info.auth_username,
            password: Secret::new(info.auth_password),
            realm,
        }
    });
    trunk.headers = info.headers.into_iter().collect();
    trunk.headers_to_attributes = info.headers_to_attributes.into_iter().collect();
    trunk.attributes_to_headers = info.attributes_to_headers.into_iter().collect();
    trunk.include_headers = include_headers;
    trunk.ringing_timeout = duration(info.ringing_timeout.as_ref());
    trunk.max_call_duration = duration(info.max_call_duration.as_ref());
    trunk.media = media_options(info.media);
    trunk.media.encryption = trunk
        .media
        .encryption
        .or_else(|| older(info.media_encryption));
    Some(trunk)
}

/// A rule; `None` if it has no id or no kind.
#[expect(deprecated, reason = "servers tell the encryption in either field")]
pub(super) fn rule(info: proto::SipDispatchRuleInfo) -> Option<DispatchRule> {
    let kind = match info.rule?.rule? {
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
    let mut rule = DispatchRule::new(RuleId::parse(info.sip_dispatch_rule_id).ok()?, kind);
    // An unreadable trunk id must not turn the rule into one for every trunk.
    let ids: Result<Vec<TrunkId>, _> = info.trunk_ids.into_iter().map(TrunkId::parse).collect();
    rule.trunk_ids = ids.ok()?;
    rule.hide_phone_number = info.hide_phone_number;
    rule.inbound_numbers = info.inbound_numbers.into();
    rule.numbers = info.numbers.into();
    rule.name = info.name;
    rule.metadata = mark::unmarked(&info.metadata);
    rule.attributes = info.attributes.into_iter().collect();
    rule.room_preset = info.room_preset;
    rule.room_config = info
        .room_config
        .and_then(|config| serde_json::to_value(config).ok());
    rule.media = media_options(info.media);
    rule.media.encryption = rule
        .media
        .encryption
        .or_else(|| older(info.media_encryption));
    Some(rule)
}

/// Which headers become attributes.
pub(crate) const fn header_options(options: proto::SipHeaderOptions) -> HeaderOptions {
    match options {
        proto::SipHeaderOptions::SipNoHeaders => HeaderOptions::None,
        proto::SipHeaderOptions::SipXHeaders => HeaderOptions::ExtensionsOnly,
        proto::SipHeaderOptions::SipAllHeaders => HeaderOptions::All,
    }
}

/// What is chosen about the sound.
pub(crate) fn media_options(config: Option<proto::SipMediaConfig>) -> MediaOptions {
    let Some(config) = config else {
        return MediaOptions::default();
    };
    MediaOptions {
        only_listed_codecs: config.only_listed_codecs,
        codecs: config.codecs.into_iter().map(|codec| codec.name).collect(),
        media_timeout: duration(config.media_timeout.as_ref()),
        encryption: config.encryption.and_then(encryption),
    }
}

/// The field that servers and clients had before media settings were one; zero is no wish there.
pub(crate) fn older(wire: i32) -> Option<Encryption> {
    encryption(wire).filter(|wish| *wish != Encryption::Disable)
}

/// What is unknown here reads as not said.
fn encryption(wire: i32) -> Option<Encryption> {
    match proto::SipMediaEncryption::try_from(wire).ok()? {
        proto::SipMediaEncryption::SipMediaEncryptDisable => Some(Encryption::Disable),
        proto::SipMediaEncryption::SipMediaEncryptAllow => Some(Encryption::Allow),
        proto::SipMediaEncryption::SipMediaEncryptRequire => Some(Encryption::Require),
    }
}

/// A length of time, a day at most; none where it is zero, and thus not said.
pub(crate) fn duration(value: Option<&pbjson_types::Duration>) -> Option<Duration> {
    let value = value?;
    let seconds = u64::try_from(value.seconds).ok()?;
    let nanos = u32::try_from(value.nanos).ok()?;
    let duration = Duration::new(seconds, nanos).min(LONGEST);
    Some(duration).filter(|duration| !duration.is_zero())
}

/// LiveKit's cap on a call, and ours on whatever else of it is given a time: no clock goes on as
/// far as a number of seconds can be written.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// LiveKit's default.
const REALM: &str = "LiveKit";
