//! `livekit.yaml`, section `node`: what the embedded node gives rooms, how much it admits, and
//! where streams are pushed to.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use serde::{Deserialize, Serialize, Serializer};
use trunkline_client::url::{WEB, absolute};
use trunkline_node::{IngressConfig, room};
use trunkline_service::config::{Spanned, or_default};

use super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRooms {
    auto_create: Option<bool>,
    empty_timeout: Option<Spanned<String>>,
    departure_timeout: Option<Spanned<String>>,
    max_participants: Option<Spanned<u64>>,
    enable_remote_unmute: Option<bool>,
    presets: BTreeMap<String, RawPreset>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPreset {
    empty_timeout: Option<Spanned<String>>,
    departure_timeout: Option<Spanned<String>>,
    max_participants: Option<Spanned<u64>>,
    #[serde(deserialize_with = "or_default")]
    metadata: String,
    agents: Vec<RawAgent>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawAgent {
    #[serde(deserialize_with = "or_default")]
    agent_name: String,
    #[serde(deserialize_with = "or_default")]
    metadata: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    rooms: Option<Spanned<u64>>,
    tracks: Option<Spanned<u64>>,
    participants_per_room: Option<Spanned<u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawIngress {
    rtmp_base_url: Option<Spanned<String>>,
    whip_base_url: Option<Spanned<String>>,
}

/// What the section means.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NodeRooms {
    #[serde(serialize_with = "shown")]
    pub(crate) defaults: room::RoomDefaults,
    #[serde(serialize_with = "shown")]
    pub(crate) limits: room::Limits,
    pub(crate) presets: BTreeMap<String, proto::RoomConfiguration>,
    #[serde(serialize_with = "shown")]
    pub(crate) ingress: IngressConfig,
}

pub(super) fn validate(
    rooms: RawRooms,
    limits: &RawLimits,
    ingress: RawIngress,
    judge: &mut Judge<'_>,
) -> NodeRooms {
    let own = room::RoomDefaults::default();
    let empty = rooms.empty_timeout.as_ref();
    let departure = rooms.departure_timeout.as_ref();
    let most = rooms.max_participants.as_ref();
    let defaults = room::RoomDefaults {
        auto_create: rooms.auto_create.unwrap_or(own.auto_create),
        empty_timeout: judge.duration(empty, own.empty_timeout),
        departure_timeout: judge.duration(departure, own.departure_timeout),
        max_participants: people(most, judge),
        remote_unmute: rooms.enable_remote_unmute.unwrap_or(own.remote_unmute),
    };
    let presets = rooms.presets.into_iter().map(|(name, raw)| {
        let preset = preset(&name, raw, judge);
        (name, preset)
    });
    NodeRooms {
        defaults,
        presets: presets.collect(),
        limits: bounds(limits, judge),
        ingress: IngressConfig {
            rtmp_base_url: base(ingress.rtmp_base_url, &["rtmps", "rtmp"], judge),
            whip_base_url: base(ingress.whip_base_url, WEB, judge),
        },
    }
}

/// The address that senders are told; none is an empty one.
fn base(raw: Option<Spanned<String>>, schemes: &[&str], judge: &mut Judge<'_>) -> String {
    let Some(raw) = raw.filter(|raw| !raw.value.is_empty()) else {
        return String::new();
    };
    if let Err(error) = absolute(&raw.value, schemes) {
        judge.blame(&raw, format!("`{}`: {error}", raw.value), None);
    }
    raw.value
}

fn preset(name: &str, raw: RawPreset, judge: &mut Judge<'_>) -> proto::RoomConfiguration {
    let mut seconds = |raw: Option<&Spanned<String>>| {
        let time = judge.duration(raw, std::time::Duration::ZERO);
        u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
    };
    let agents = raw
        .agents
        .into_iter()
        .map(|agent| proto::RoomAgentDispatch {
            agent_name: agent.agent_name,
            metadata: agent.metadata,
            ..Default::default()
        });
    proto::RoomConfiguration {
        name: name.to_owned(),
        empty_timeout: seconds(raw.empty_timeout.as_ref()),
        departure_timeout: seconds(raw.departure_timeout.as_ref()),
        max_participants: people(raw.max_participants.as_ref(), judge),
        metadata: raw.metadata,
        agents: agents.collect(),
        ..Default::default()
    }
}

fn people(raw: Option<&Spanned<u64>>, judge: &mut Judge<'_>) -> u32 {
    u32::try_from(judge.within(raw, 0, MOST, 0)).unwrap_or_default()
}

fn bounds(raw: &RawLimits, judge: &mut Judge<'_>) -> room::Limits {
    let own = room::Limits::default();
    let mut within = |raw: Option<&Spanned<u64>>, default: usize| {
        let default = u64::try_from(default).unwrap_or(MOST);
        usize::try_from(judge.within(raw, 1, MOST, default)).unwrap_or(usize::MAX)
    };
    room::Limits {
        rooms: within(raw.rooms.as_ref(), own.rooms),
        tracks: within(raw.tracks.as_ref(), own.tracks),
        participants_per_room: within(
            raw.participants_per_room.as_ref(),
            own.participants_per_room,
        ),
        ..own
    }
}

/// As the program has it; these types are not the program's to give a written form.
fn shown<T: std::fmt::Debug, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:?}"))
}

/// Far beyond one machine; larger is a slip of the finger.
const MOST: u64 = 1_000_000;
