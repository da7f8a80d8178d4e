//! What a room is created with: from CreateRoom, or from the token of its first participant.

use std::time::Duration;

use livekit_protocol as proto;
use trunkline_base::id::{RoomName, RoomSid};
use trunkline_base::time::UnixTime;

use super::config::RoomsConfig;
use super::error::{JoinError, RoomError};
use super::join::JoinParams;

/// What a room is created with.
#[derive(Debug, Clone)]
pub(crate) struct RoomSpec {
    pub(crate) name: RoomName,
    pub(crate) metadata: String,
    pub(crate) empty_timeout: Duration,
    pub(crate) departure_timeout: Duration,
    pub(crate) max_participants: u32,
    pub(crate) agents: Vec<proto::RoomAgentDispatch>,
    /// The life this one goes on with.
    pub(crate) before: Option<Before>,
}

/// What a room keeps from its life in a process before this one.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    pub(crate) sid: RoomSid,
    pub(crate) created: UnixTime,
    pub(crate) dispatches: Vec<proto::AgentDispatch>,
    /// How long it waits for somebody to come back.
    pub(crate) patience: Duration,
}

/// A room of a process before this one, as it was remembered.
#[derive(Debug, Clone)]
pub(crate) struct Revived {
    pub(crate) room: proto::Room,
    pub(crate) dispatches: Vec<proto::AgentDispatch>,
}

/// The room a CreateRoom request asks for.
///
/// # Errors
/// Names and texts over the limits, a preset nobody configured.
pub(crate) fn from_request(
    request: &proto::CreateRoomRequest,
    config: &RoomsConfig,
) -> Result<RoomSpec, RoomError> {
    if request.name.is_empty() {
        return Err(RoomError::NoName);
    }
    let name = RoomName::parse(request.name.as_str()).map_err(|_| RoomError::NameTooLong)?;
    if request.metadata.len() > config.limits.metadata_bytes {
        return Err(RoomError::MetadataTooLarge);
    }
    check_agents(&request.agents, config)?;
    let wanted = proto::RoomConfiguration {
        empty_timeout: request.empty_timeout,
        departure_timeout: request.departure_timeout,
        max_participants: request.max_participants,
        metadata: request.metadata.clone(),
        agents: request.agents.clone(),
        ..Default::default()
    };
    let wanted = with_preset(wanted, &request.room_preset, config)?;
    Ok(spec_of(name, wanted, config))
}

/// The room a join creates, by the token's `roomConfig` and `roomPreset` where it has them.
///
/// # Errors
/// A configuration that cannot be read or is over a limit, or a preset nobody configured.
pub(crate) fn from_join(params: &JoinParams, config: &RoomsConfig) -> Result<RoomSpec, JoinError> {
    let wanted = params.claims.room_config.clone().unwrap_or_default();
    let wanted = serde_json::from_value::<Option<proto::RoomConfiguration>>(wanted);
    // What cannot be carried out is not left out: no limit would mean any number of people, and
    // no agents every agent without a name.
    let wanted = wanted
        .map_err(|_| JoinError::RoomConfig)?
        .unwrap_or_default();
    check_agents(&wanted.agents, config).map_err(|error| match error {
        RoomError::AttributesTooLarge => JoinError::AttributesTooLarge,
        _ => JoinError::MetadataTooLarge,
    })?;
    let wanted = with_preset(wanted, &params.claims.room_preset, config)
        .map_err(|_| JoinError::UnknownPreset)?;
    Ok(spec_of(params.room.clone(), wanted, config))
}

/// The room as it was remembered.
///
/// # Errors
/// A name or sid that is none.
pub(crate) fn from_revived(revived: Revived) -> Result<RoomSpec, RoomError> {
    let Revived { room, dispatches } = revived;
    let seconds = |count: u32| Duration::from_secs(count.into());
    let created = u64::try_from(room.creation_time_ms / 1000).unwrap_or_default();
    let rest = u64::try_from(room.creation_time_ms % 1000).unwrap_or_default();
    let waits = seconds(room.empty_timeout);
    let before = Before {
        patience: match room.num_participants {
            0 => waits,
            _ => waits.min(seconds(room.departure_timeout).max(COMING_BACK)),
        },
        sid: RoomSid::parse(room.sid).map_err(|_| RoomError::NotFound)?,
        created: UnixTime::from_secs(created).plus(Duration::from_millis(rest)),
        dispatches,
    };
    Ok(RoomSpec {
        name: RoomName::parse(room.name).map_err(|_| RoomError::NoName)?,
        metadata: room.metadata,
        empty_timeout: seconds(room.empty_timeout),
        departure_timeout: seconds(room.departure_timeout),
        max_participants: room.max_participants,
        agents: Vec::new(),
        before: Some(before),
    })
}

/// Clients seek a server that has gone for less than a minute.
const COMING_BACK: Duration = Duration::from_secs(60);

/// What was not asked for is as the preset has it.
fn with_preset(
    mut wanted: proto::RoomConfiguration,
    name: &str,
    config: &RoomsConfig,
) -> Result<proto::RoomConfiguration, RoomError> {
    if name.is_empty() {
        return Ok(wanted);
    }
    let preset = config.presets.get(name).ok_or(RoomError::UnknownPreset)?;
    wanted.empty_timeout = nonzero(wanted.empty_timeout, preset.empty_timeout);
    wanted.departure_timeout = nonzero(wanted.departure_timeout, preset.departure_timeout);
    wanted.max_participants = nonzero(wanted.max_participants, preset.max_participants);
    if wanted.agents.is_empty() {
        wanted.agents.clone_from(&preset.agents);
    }
    if wanted.metadata.is_empty() {
        wanted.metadata.clone_from(&preset.metadata);
    }
    Ok(wanted)
}

/// What is still not said is the node's default.
fn spec_of(name: RoomName, wanted: proto::RoomConfiguration, config: &RoomsConfig) -> RoomSpec {
    RoomSpec {
        name,
        metadata: wanted.metadata,
        empty_timeout: or(wanted.empty_timeout, config.defaults.empty_timeout),
        departure_timeout: or(wanted.departure_timeout, config.defaults.departure_timeout),
        max_participants: nonzero(wanted.max_participants, config.defaults.max_participants),
        agents: wanted.agents,
        before: None,
    }
}

fn check_agents(
    agents: &[proto::RoomAgentDispatch],
    config: &RoomsConfig,
) -> Result<(), RoomError> {
    for agent in agents {
        if agent.metadata.len() > config.limits.metadata_bytes {
            return Err(RoomError::MetadataTooLarge);
        }
        let attributes: usize = agent
            .attributes
            .iter()
            .map(|(k, v)| k.len() + v.len())
            .sum();
        if attributes > config.limits.attributes_bytes {
            return Err(RoomError::AttributesTooLarge);
        }
    }
    Ok(())
}

fn or(seconds: u32, default: Duration) -> Duration {
    if seconds == 0 {
        default
    } else {
        Duration::from_secs(seconds.into())
    }
}

const fn nonzero(value: u32, default: u32) -> u32 {
    if value == 0 { default } else { value }
}

#[cfg(test)]
mod tests {
    use trunkline_base::token::{ApiKey, KeyRing};

    use super::*;

    fn config() -> RoomsConfig {
        let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
        RoomsConfig::new(
            std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
            keys,
            [1; 32],
        )
    }

    #[test]
    fn zero_means_the_default() {
        let request = proto::CreateRoomRequest {
            name: "r".to_owned(),
            departure_timeout: 7,
            ..Default::default()
        };
        let spec = from_request(&request, &config()).unwrap();
        assert_eq!(spec.empty_timeout, Duration::from_secs(300));
        assert_eq!(spec.departure_timeout, Duration::from_secs(7));
    }

    #[test]
    fn a_preset_fills_what_was_not_asked_for() {
        let preset = proto::RoomConfiguration {
            empty_timeout: 60,
            departure_timeout: 5,
            max_participants: 2,
            metadata: "preset".to_owned(),
            agents: vec![proto::RoomAgentDispatch::default()],
            ..Default::default()
        };
        let config = RoomsConfig {
            presets: [("call".to_owned(), preset)].into(),
            ..config()
        };
        let mut request = proto::CreateRoomRequest {
            name: "r".to_owned(),
            room_preset: "call".to_owned(),
            max_participants: 9,
            ..Default::default()
        };
        let spec = from_request(&request, &config).unwrap();
        assert_eq!(spec.empty_timeout, Duration::from_secs(60));
        assert_eq!((spec.max_participants, spec.agents.len()), (9, 1));
        assert_eq!(spec.metadata, "preset");
        request.room_preset = "none".to_owned();
        let refused = from_request(&request, &config).unwrap_err();
        assert_eq!(refused, RoomError::UnknownPreset);
    }

    fn joining(room_config: serde_json::Value) -> JoinParams {
        let now = UnixTime::from_secs(1_000);
        let mut claims = trunkline_base::token::Claims::new("ann", now, 60);
        claims.room_config = Some(room_config);
        let room = RoomName::parse("r").unwrap();
        JoinParams::new(room, claims, proto::ClientInfo::default())
    }

    /// A limit that could not be read was none, and agents over a limit became every agent.
    #[test]
    fn what_a_token_says_of_its_room_is_never_left_out() {
        let refused = |value| from_join(&joining(value), &config()).unwrap_err();
        let unreadable = serde_json::json!({"maxParticipants": "few"});
        assert_eq!(refused(unreadable), JoinError::RoomConfig);
        let large =
            serde_json::json!({"agents": [{"agentName": "bot", "metadata": "m".repeat(524_289)}]});
        assert_eq!(refused(large), JoinError::MetadataTooLarge);
        let fine =
            serde_json::json!({"maxParticipants": 2, "agents": [{"agentName": "bot"}], "later": 1});
        let spec = from_join(&joining(fine), &config()).unwrap();
        assert_eq!((spec.max_participants, spec.agents.len()), (2, 1));
    }

    #[test]
    fn a_room_somebody_was_in_waits_as_long_as_clients_come_back() {
        let patience = |num_participants, departure_timeout| {
            let room = proto::Room {
                sid: "RM_1".to_owned(),
                name: "r".to_owned(),
                empty_timeout: 300,
                departure_timeout,
                num_participants,
                ..Default::default()
            };
            let revived = Revived {
                room,
                dispatches: Vec::new(),
            };
            from_revived(revived)
                .unwrap()
                .before
                .unwrap()
                .patience
                .as_secs()
        };
        assert_eq!(patience(0, 20), 300);
        assert_eq!(patience(2, 20), 60);
        assert_eq!(patience(2, 120), 120);
    }

    #[test]
    fn limits_are_named() {
        let refused =
            |request: proto::CreateRoomRequest| from_request(&request, &config()).unwrap_err();
        assert_eq!(
            refused(proto::CreateRoomRequest::default()),
            RoomError::NoName
        );
        let long = proto::CreateRoomRequest {
            name: "r".repeat(257),
            ..Default::default()
        };
        assert_eq!(refused(long), RoomError::NameTooLong);
        let large = proto::CreateRoomRequest {
            name: "r".to_owned(),
            metadata: "m".repeat(524_289),
            ..Default::default()
        };
        assert_eq!(refused(large), RoomError::MetadataTooLarge);
    }
}
