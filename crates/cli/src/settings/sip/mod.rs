//! `livekit-sip-correct.yaml`: the gateway, and trunks and dispatch rules as they shall stand on
//! the server. Each of those has a key of its own, since LiveKit's names are not unique and its ids
//! are made by the server.

pub(crate) mod gateway;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use livekit_protocol as proto;
use serde::{Deserialize, Serialize};
use trunkline_base::secret::Secret;
use trunkline_service::config::{Environment, Report, Source, Spanned, nearest, or_default};
use trunkline_sip::routing::called::{ATTRIBUTE, HEADERS};
use trunkline_sip::sdp::Encryption;

use self::gateway::{Layer, Layers, RawGateway};
use super::home::{Home, SIP, shipped};
use super::raw::{Judge, filled, redacted};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    gateway: RawGateway,
    trunks: Vec<RawTrunk>,
    rules: Vec<RawRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrunk {
    key: Spanned<String>,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default)]
    numbers: Vec<Spanned<String>>,
    #[serde(default)]
    allowed_addresses: Vec<Spanned<String>>,
    #[serde(default)]
    allowed_numbers: Vec<Spanned<String>>,
    #[serde(default)]
    called_number_from: Vec<Spanned<String>>,
    #[serde(default)]
    auth: Option<RawAuth>,
    #[serde(default)]
    encryption: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAuth {
    username: Spanned<String>,
    password: Spanned<Secret<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    key: Spanned<String>,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default)]
    trunks: Vec<Spanned<String>>,
    #[serde(default)]
    numbers: Vec<Spanned<String>>,
    #[serde(default)]
    callers: Vec<Spanned<String>>,
    #[serde(default)]
    direct: Option<RawDirect>,
    #[serde(default)]
    individual: Option<RawIndividual>,
    #[serde(default, deserialize_with = "or_default")]
    hide_phone_number: bool,
    #[serde(default)]
    agents: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDirect {
    room: String,
    #[serde(default, deserialize_with = "or_default")]
    pin: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIndividual {
    #[serde(default, deserialize_with = "or_default")]
    room_prefix: String,
    #[serde(default, deserialize_with = "or_default")]
    pin: String,
}

/// A room made for one call closes this soon after the caller left: nobody comes back to it.
const CALL_ROOM_SECONDS: u32 = 2;

/// What `livekit-sip-correct.yaml` means.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SipSetup {
    pub(crate) trunks: Vec<Trunk>,
    pub(crate) rules: Vec<Rule>,
}

/// An inbound trunk.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Trunk {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) numbers: Vec<String>,
    pub(crate) allowed_addresses: Vec<String>,
    pub(crate) allowed_numbers: Vec<String>,
    /// Headers that name the called number, in their usual spelling.
    pub(crate) called_number_from: Vec<String>,
    pub(crate) username: String,
    #[serde(serialize_with = "redacted")]
    pub(crate) password: Secret<String>,
    /// Whether its audio is encrypted, if it says.
    #[serde(serialize_with = "wish", skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<Encryption>,
}

fn wish<S: serde::Serializer>(wish: &Option<Encryption>, to: S) -> Result<S::Ok, S::Error> {
    wish.map(Encryption::as_str).serialize(to)
}

/// A dispatch rule.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rule {
    pub(crate) key: String,
    pub(crate) name: String,
    /// Keys of trunks.
    pub(crate) trunks: Vec<String>,
    pub(crate) numbers: Vec<String>,
    pub(crate) callers: Vec<String>,
    pub(crate) room: RoomChoice,
    pub(crate) hide_phone_number: bool,
    /// Names of agents to dispatch; the empty name is the unnamed one.
    pub(crate) agents: Vec<String>,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Which room a call goes to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoomChoice {
    /// One for all.
    Direct { room: String, pin: String },
    /// One a call.
    Individual { room_prefix: String, pin: String },
}

pub(super) fn validate(
    source: &Source,
    raw: Raw,
    report: &mut Report,
) -> Option<(SipSetup, Layer)> {
    let mut judge = Judge { source, report };
    let mut keys = BTreeSet::new();
    let trunks: Vec<Trunk> = raw
        .trunks
        .into_iter()
        .map(|raw| trunk(raw, &mut keys, &mut judge))
        .collect();
    let mut rule_keys = BTreeSet::new();
    let rules = raw
        .rules
        .into_iter()
        .filter_map(|raw| rule(raw, &keys, &mut rule_keys, &mut judge))
        .collect();
    let gateway = Layer {
        source: source.clone(),
        raw: raw.gateway,
    };
    Some((SipSetup { trunks, rules }, gateway))
}

/// Where each key of the gateway is looked for.
pub(super) fn layers(
    here: Option<Layer>,
    old: Option<Layer>,
    env: &Environment,
    report: &mut Report,
) -> Layers {
    let source = Source::new(Home::BuiltIn.path(SIP), shipped(SIP));
    let raw: Option<Raw> = source.parse(env, report);
    let raw = raw.unwrap_or_default().gateway;
    Layers::new(here, old, Layer { source, raw })
}

fn trunk(raw: RawTrunk, keys: &mut BTreeSet<String>, judge: &mut Judge<'_>) -> Trunk {
    unique(&raw.key, keys, "trunk", judge);
    for entry in &raw.allowed_addresses {
        let is_network = entry.value.parse::<IpNet>().is_ok();
        if !is_network && entry.value.parse::<std::net::IpAddr>().is_err() {
            let what = format!("`{}` is neither an IP address nor a network", entry.value);
            judge.blame(
                entry,
                what,
                "write it like 203.0.113.7 or 203.0.113.0/24".to_owned(),
            );
        }
    }
    let (username, password) = raw
        .auth
        .map(|auth| (auth.username.value, auth.password.value))
        .unwrap_or_default();
    if username.is_empty() && raw.allowed_addresses.is_empty() {
        let what = format!(
            "trunk `{}` lets anyone on the network call in",
            raw.key.value
        );
        let remedy = "give it allowed_addresses, or auth with username and password".to_owned();
        judge.blame(&raw.key, what, remedy);
    }
    Trunk {
        encryption: gateway::encryption(filled(raw.encryption.as_ref()), judge),
        key: raw.key.value,
        name: raw.name,
        numbers: values(raw.numbers, "number", judge),
        allowed_addresses: raw
            .allowed_addresses
            .into_iter()
            .map(|entry| entry.value)
            .collect(),
        allowed_numbers: values(raw.allowed_numbers, "number", judge),
        called_number_from: headers_of(&raw.called_number_from, judge),
        username,
        password,
    }
}

fn rule(
    raw: RawRule,
    trunks: &BTreeSet<String>,
    keys: &mut BTreeSet<String>,
    judge: &mut Judge<'_>,
) -> Option<Rule> {
    unique(&raw.key, keys, "rule", judge);
    for trunk in &raw.trunks {
        if !trunks.contains(&trunk.value) {
            let known: Vec<&str> = trunks.iter().map(String::as_str).collect();
            let what = format!(
                "rule names trunk `{}`, which is not in this file",
                trunk.value
            );
            judge.blame(trunk, what, nearest(&trunk.value, &known));
        }
    }
    let room = match (raw.direct, raw.individual) {
        (Some(direct), None) => RoomChoice::Direct {
            room: direct.room,
            pin: direct.pin,
        },
        (None, Some(one)) => RoomChoice::Individual {
            room_prefix: one.room_prefix,
            pin: one.pin,
        },
        (Some(_), Some(_)) | (None, None) => {
            let what = format!("rule `{}` must say which room", raw.key.value);
            let remedy = "give it exactly one of `direct` and `individual`".to_owned();
            judge.blame(&raw.key, what, remedy);
            return None;
        }
    };
    Some(Rule {
        key: raw.key.value,
        name: raw.name,
        trunks: raw.trunks.into_iter().map(|trunk| trunk.value).collect(),
        numbers: values(raw.numbers, "number", judge),
        callers: values(raw.callers, "number", judge),
        room,
        hide_phone_number: raw.hide_phone_number,
        agents: raw.agents,
        attributes: raw.attributes,
    })
}

/// Headers that may name the called number.
fn headers_of(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<String> {
    let mut known = Vec::new();
    for entry in raw {
        let named = |header: &&str| header.eq_ignore_ascii_case(&entry.value);
        match HEADERS.into_iter().find(named) {
            Some(header) => known.push(header.to_owned()),
            None => {
                let what = format!("no called number is read from `{}`", entry.value);
                let remedy = format!("choose from {}", HEADERS.join(", "));
                judge.blame(entry, what, remedy);
            }
        }
    }
    known
}

fn unique(key: &Spanned<String>, keys: &mut BTreeSet<String>, what: &str, judge: &mut Judge<'_>) {
    if filled(Some(key)).is_none() {
        judge.blame(
            key,
            format!("a {what}'s key is empty"),
            "give it a short name".to_owned(),
        );
    } else if !keys.insert(key.value.clone()) {
        let remedy = "each key stands for one thing; rename one of them".to_owned();
        judge.blame(
            key,
            format!("there are two {what}s with the key `{}`", key.value),
            remedy,
        );
    }
}

fn values(raw: Vec<Spanned<String>>, what: &str, judge: &mut Judge<'_>) -> Vec<String> {
    for entry in &raw {
        if entry.value.trim().is_empty() {
            judge.blame(
                entry,
                format!("a {what} is empty"),
                "remove the entry".to_owned(),
            );
        }
    }
    raw.into_iter().map(|entry| entry.value).collect()
}

/// The demonstration's set-up: whoever phones from this machine reaches the agent.
pub(crate) fn demo() -> SipSetup {
    let trunk = Trunk {
        encryption: None,
        key: "demo".to_owned(),
        name: "Phones on this machine".to_owned(),
        numbers: Vec::new(),
        allowed_addresses: vec!["127.0.0.0/8".to_owned()],
        allowed_numbers: Vec::new(),
        called_number_from: Vec::new(),
        username: String::new(),
        password: Secret::default(),
    };
    let rule = Rule {
        key: "demo".to_owned(),
        name: "One room a call".to_owned(),
        trunks: vec![trunk.key.clone()],
        numbers: Vec::new(),
        callers: Vec::new(),
        room: RoomChoice::Individual {
            room_prefix: "call".to_owned(),
            pin: String::new(),
        },
        hide_phone_number: false,
        agents: vec!["trunkline".to_owned()],
        attributes: BTreeMap::new(),
    };
    SipSetup {
        trunks: vec![trunk],
        rules: vec![rule],
    }
}

/// What marks a trunk or rule as this file's, in its metadata.
pub(crate) fn mark(key: &str) -> String {
    serde_json::json!({ MARK: key }).to_string()
}

/// The key of something with such a mark.
pub(crate) fn marked(metadata: &str) -> Option<String> {
    let mark: BTreeMap<String, String> = serde_json::from_str(metadata).ok()?;
    (mark.len() == 1).then(|| mark.get(MARK).cloned()).flatten()
}

/// The mark's only field.
const MARK: &str = "trunkline";

impl Trunk {
    /// As LiveKit's API takes it.
    pub(crate) fn to_proto(&self) -> proto::SipInboundTrunkInfo {
        proto::SipInboundTrunkInfo {
            name: self.name.clone(),
            metadata: mark(&self.key),
            numbers: self.numbers.clone(),
            allowed_addresses: self.allowed_addresses.clone(),
            allowed_numbers: self.allowed_numbers.clone(),
            headers_to_attributes: self
                .called_number_from
                .iter()
                .map(|header| (header.clone(), ATTRIBUTE.to_owned()))
                .collect(),
            auth_username: self.username.clone(),
            auth_password: self.password.expose().clone(),
            media: self.encryption.map(|wish| proto::SipMediaConfig {
                encryption: Some(match wish {
                    Encryption::Disable => proto::SipMediaEncryption::SipMediaEncryptDisable.into(),
                    Encryption::Allow => proto::SipMediaEncryption::SipMediaEncryptAllow.into(),
                    Encryption::Require => proto::SipMediaEncryption::SipMediaEncryptRequire.into(),
                }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

impl Rule {
    /// As LiveKit's API takes it; `ids` maps trunk keys to the server's ids.
    pub(crate) fn to_proto(&self, ids: &BTreeMap<String, String>) -> proto::SipDispatchRuleInfo {
        use proto::sip_dispatch_rule::Rule as Kind;
        let kind = match self.room.clone() {
            RoomChoice::Direct { room, pin } => {
                Kind::DispatchRuleDirect(proto::SipDispatchRuleDirect {
                    room_name: room,
                    pin,
                })
            }
            RoomChoice::Individual { room_prefix, pin } => {
                Kind::DispatchRuleIndividual(proto::SipDispatchRuleIndividual {
                    room_prefix,
                    pin,
                    ..Default::default()
                })
            }
        };
        let agents = self.agents.iter().map(|name| proto::RoomAgentDispatch {
            agent_name: name.clone(),
            ..Default::default()
        });
        proto::SipDispatchRuleInfo {
            rule: Some(proto::SipDispatchRule { rule: Some(kind) }),
            name: self.name.clone(),
            metadata: mark(&self.key),
            trunk_ids: self
                .trunks
                .iter()
                .filter_map(|key| ids.get(key).cloned())
                .collect(),
            numbers: self.numbers.clone(),
            inbound_numbers: self.callers.clone(),
            hide_phone_number: self.hide_phone_number,
            attributes: self.attributes.clone().into_iter().collect(),
            room_config: Some(proto::RoomConfiguration {
                departure_timeout: match self.room {
                    RoomChoice::Direct { .. } => 0,
                    RoomChoice::Individual { .. } => CALL_ROOM_SECONDS,
                },
                agents: agents.collect(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}
