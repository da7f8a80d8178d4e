//! Dispatch rules: which room a call goes to, and whom it meets there.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as proto;
use serde::{Deserialize, Serialize};
use trunkline_base::id::RoomName;
use trunkline_service::config::{Spanned, nearest, or_default};
use trunkline_sip::routing::{DispatchRule, LONGEST_PIN, mark};

use super::parts::{Media, RawMedia, Stands, Typed, media, numbers, texts, typed, unique};
use crate::settings::raw::Judge;

/// A room made for one call closes this soon after the caller left: nobody comes back to it.
const CALL_ROOM_SECONDS: u32 = 2;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
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
    #[serde(default)]
    callee: Option<RawCallee>,
    #[serde(default, deserialize_with = "or_default")]
    hide_phone_number: bool,
    #[serde(default)]
    agents: Vec<RawAgent>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    room_preset: String,
    #[serde(default)]
    room_config: Option<Spanned<serde_json::Value>>,
    #[serde(default, deserialize_with = "or_default")]
    krisp_enabled: bool,
    #[serde(default)]
    media: RawMedia,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDirect {
    room: Spanned<String>,
    #[serde(default, deserialize_with = "typed")]
    pin: Typed<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIndividual {
    #[serde(default, deserialize_with = "or_default")]
    room_prefix: String,
    #[serde(default, deserialize_with = "typed")]
    pin: Typed<String>,
    #[serde(default, deserialize_with = "or_default")]
    no_randomness: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCallee {
    #[serde(default, deserialize_with = "or_default")]
    room_prefix: String,
    #[serde(default, deserialize_with = "typed")]
    pin: Typed<String>,
    #[serde(default, deserialize_with = "or_default")]
    randomize: bool,
}

/// An agent's name, or more about it.
#[derive(Debug)]
struct RawAgent(Agent);

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
    pub(crate) agents: Vec<Agent>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) metadata: String,
    pub(crate) attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) room_preset: String,
    /// What else is wanted of the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) room_config: Option<proto::RoomConfiguration>,
    pub(crate) krisp_enabled: bool,
    pub(crate) media: Media,
    #[serde(skip)]
    pub(crate) stands: Stands,
}

/// An agent to dispatch; the empty name is the unnamed one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    pub(crate) name: String,
    /// What its job is told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) metadata: String,
}

impl From<&str> for Agent {
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            metadata: String::new(),
        }
    }
}

impl<'de> Deserialize<'de> for RawAgent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = Agent;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an agent's name, or {name: …, metadata: …}")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Agent, E> {
                Ok(Agent::from(name))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Agent, A::Error> {
                Agent::deserialize(serde::de::value::MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_any(Either).map(Self)
    }
}

/// Which room a call goes to. No PIN is an empty one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoomChoice {
    /// One for all.
    Direct {
        room: String,
        #[serde(serialize_with = "hidden")]
        pin: String,
    },
    /// One a caller, or, with a random end, one a call.
    Individual {
        room_prefix: String,
        #[serde(serialize_with = "hidden")]
        pin: String,
        no_randomness: bool,
    },
    /// One a called number.
    Callee {
        room_prefix: String,
        #[serde(serialize_with = "hidden")]
        pin: String,
        randomize: bool,
    },
}

impl RoomChoice {
    pub(crate) fn pin(&self) -> &str {
        match self {
            Self::Direct { pin, .. } | Self::Individual { pin, .. } | Self::Callee { pin, .. } => {
                pin
            }
        }
    }

    /// Whether nobody comes back to a room of this kind.
    const fn is_for_one_call(&self) -> bool {
        match self {
            Self::Direct { .. } => false,
            Self::Individual { no_randomness, .. } => !*no_randomness,
            Self::Callee { randomize, .. } => *randomize,
        }
    }
}

fn hidden<S: serde::Serializer>(pin: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if pin.is_empty() { "" } else { "[redacted]" })
}

pub(super) fn rule(
    raw: RawRule,
    trunks: &BTreeSet<String>,
    keys: &mut BTreeSet<String>,
    judge: &mut Judge<'_>,
) -> Option<Rule> {
    unique(&raw.key, keys, "rule", judge);
    sizes(&raw, judge);
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
    let room_config = raw.room_config.and_then(|typed| config(&typed, judge));
    if let Some(config) = &room_config
        && !config.agents.is_empty()
        && !raw.agents.is_empty()
    {
        let what = format!("rule `{}` names agents in two places", raw.key.value);
        let remedy = "keep `agents`, and take those in `room_config` out".to_owned();
        judge.blame(&raw.key, what, remedy);
    }
    let room = room(&raw.key, (raw.direct, raw.individual, raw.callee), judge);
    let stands = Some(judge.source.origin(&raw.key));
    Some(Rule {
        key: raw.key.value,
        name: raw.name,
        trunks: texts(raw.trunks),
        numbers: numbers(raw.numbers, judge),
        callers: numbers(raw.callers, judge),
        room: room?,
        hide_phone_number: raw.hide_phone_number,
        agents: raw.agents.into_iter().map(|agent| agent.0).collect(),
        metadata: raw.metadata,
        attributes: raw.attributes,
        room_preset: raw.room_preset,
        room_config,
        krisp_enabled: raw.krisp_enabled,
        media: media(raw.media, judge),
        stands,
    })
}

/// What no room and no participant can have: calls would be refused for it, or be told of without it.
fn sizes(raw: &RawRule, judge: &mut Judge<'_>) {
    let individual = raw.individual.iter().map(|one| &one.room_prefix);
    let callee = raw.callee.iter().map(|one| &one.room_prefix);
    let prefix = individual.chain(callee).map(String::len).max();
    let attributes = raw.attributes.iter();
    let attributes = attributes.map(|(key, value)| key.len() + value.len());
    for (what, bytes, most) in [
        ("room_prefix", prefix.unwrap_or_default(), PREFIX),
        ("metadata", raw.metadata.len(), DispatchRule::MOST_METADATA),
        ("attributes", attributes.sum(), ATTRIBUTES),
    ] {
        if bytes > most {
            let key = &raw.key.value;
            let what = format!("`{what}` of rule `{key}` has {bytes} bytes, which is too long");
            judge.blame(&raw.key, what, format!("{most} bytes at the most"));
        }
    }
}

/// Who calls comes behind it, in a name of 256 bytes.
const PREFIX: usize = 192;

/// LiveKit takes 64 kB, and what is known of each call is among it.
const ATTRIBUTES: usize = 60 * 1024;

fn room(
    key: &Spanned<String>,
    typed: (Option<RawDirect>, Option<RawIndividual>, Option<RawCallee>),
    judge: &mut Judge<'_>,
) -> Option<RoomChoice> {
    Some(match typed {
        (Some(direct), None, None) => RoomChoice::Direct {
            room: named(direct.room, judge),
            pin: pin(direct.pin, judge),
        },
        (None, Some(one), None) => RoomChoice::Individual {
            room_prefix: one.room_prefix,
            pin: pin(one.pin, judge),
            no_randomness: one.no_randomness,
        },
        (None, None, Some(one)) => RoomChoice::Callee {
            room_prefix: one.room_prefix,
            pin: pin(one.pin, judge),
            randomize: one.randomize,
        },
        _ => {
            let what = format!("rule `{}` must say which room", key.value);
            let remedy = "give it exactly one of `direct`, `individual` and `callee`".to_owned();
            judge.blame(key, what, remedy);
            return None;
        }
    })
}

fn named(room: Spanned<String>, judge: &mut Judge<'_>) -> String {
    if room.value.trim().is_empty() {
        let remedy = "give it a name, such as lobby".to_owned();
        judge.blame(&room, "the room has no name".to_owned(), remedy);
    } else if let Err(error) = RoomName::parse(room.value.as_str()) {
        judge.blame(
            &room,
            error.to_string(),
            "give it a shorter name".to_owned(),
        );
    }
    room.value
}

/// A PIN that is there and says nothing would open the room to everybody.
fn pin(raw: Typed<String>, judge: &mut Judge<'_>) -> String {
    let Some(raw) = raw else {
        return String::new();
    };
    let pin = raw.value.as_deref().unwrap_or_default();
    let wrong = if pin.is_empty() {
        let remedy = "give it digits, in quotes, or take `pin` out for a room that is open to all";
        Some(("the PIN is empty".to_owned(), remedy.to_owned()))
    } else if pin.chars().any(|c| !c.is_ascii_digit()) {
        let remedy = "digits only, in quotes".to_owned();
        Some(("a PIN is typed on a telephone".to_owned(), remedy))
    } else if pin.len() > LONGEST_PIN {
        let what = format!("a PIN of {} digits cannot be typed", pin.len());
        Some((what, format!("{LONGEST_PIN} at the most")))
    } else {
        None
    };
    if let Some((what, remedy)) = wrong {
        judge.blame(&raw, what, remedy);
    }
    raw.value.unwrap_or_default()
}

fn config(
    typed: &Spanned<serde_json::Value>,
    judge: &mut Judge<'_>,
) -> Option<proto::RoomConfiguration> {
    match serde_json::from_value(typed.value.clone()) {
        Ok(config) => Some(config),
        Err(error) => {
            let what = format!("`room_config` is not LiveKit's: {error}");
            let remedy =
                "its keys are those of RoomConfiguration, such as empty_timeout".to_owned();
            judge.blame(typed, what, remedy);
            None
        }
    }
}

impl Rule {
    /// A rule for every trunk and number.
    pub(crate) fn new(key: &str, room: RoomChoice) -> Self {
        Self {
            key: key.to_owned(),
            name: String::new(),
            trunks: Vec::new(),
            numbers: Vec::new(),
            callers: Vec::new(),
            room,
            hide_phone_number: false,
            agents: Vec::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            room_preset: String::new(),
            room_config: None,
            krisp_enabled: false,
            media: Media::default(),
            stands: None,
        }
    }

    /// As LiveKit's API takes it; `ids` maps trunk keys to the server's ids.
    pub(crate) fn to_proto(&self, ids: &BTreeMap<String, String>) -> proto::SipDispatchRuleInfo {
        proto::SipDispatchRuleInfo {
            rule: Some(proto::SipDispatchRule {
                rule: Some(self.kind()),
            }),
            name: self.name.clone(),
            metadata: mark::mark(&self.key, &self.metadata),
            trunk_ids: self
                .trunks
                .iter()
                .filter_map(|key| ids.get(key).cloned())
                .collect(),
            numbers: self.numbers.clone(),
            inbound_numbers: self.callers.clone(),
            hide_phone_number: self.hide_phone_number,
            attributes: self.attributes.clone().into_iter().collect(),
            room_preset: self.room_preset.clone(),
            room_config: Some(self.config()),
            krisp_enabled: self.krisp_enabled,
            media: self.media.to_proto(),
            ..Default::default()
        }
    }

    fn kind(&self) -> proto::sip_dispatch_rule::Rule {
        use proto::sip_dispatch_rule::Rule as Kind;
        match self.room.clone() {
            RoomChoice::Direct { room, pin } => {
                Kind::DispatchRuleDirect(proto::SipDispatchRuleDirect {
                    room_name: room,
                    pin,
                })
            }
            RoomChoice::Individual {
                room_prefix,
                pin,
                no_randomness,
            } => Kind::DispatchRuleIndividual(proto::SipDispatchRuleIndividual {
                room_prefix,
                pin,
                no_randomness,
            }),
            RoomChoice::Callee {
                room_prefix,
                pin,
                randomize,
            } => Kind::DispatchRuleCallee(proto::SipDispatchRuleCallee {
                room_prefix,
                pin,
                randomize,
            }),
        }
    }

    fn config(&self) -> proto::RoomConfiguration {
        let mut config = self.room_config.clone().unwrap_or_default();
        if config.departure_timeout == 0 && self.room.is_for_one_call() {
            config.departure_timeout = CALL_ROOM_SECONDS;
        }
        let agents = self.agents.iter().map(|agent| proto::RoomAgentDispatch {
            agent_name: agent.name.clone(),
            metadata: agent.metadata.clone(),
            ..Default::default()
        });
        config.agents.extend(agents);
        config
    }
}
