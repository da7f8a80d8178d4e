//! What a room is created with: from CreateRoom, or from the token of its first participant.

use std::time::Duration;

use livekit_protocol as proto;
use trunkline_base::id::RoomName;

use super::config::RoomsConfig;
use super::error::RoomError;
use super::handle::JoinParams;
use super::state::RoomSpec;

/// The room a CreateRoom request asks for.
///
/// # Errors
/// Names and texts over the limits.
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
    Ok(RoomSpec {
        name,
        metadata: request.metadata.clone(),
        empty_timeout: or(request.empty_timeout, config.defaults.empty_timeout),
        departure_timeout: or(request.departure_timeout, config.defaults.departure_timeout),
        max_participants: nonzero(request.max_participants, config.defaults.max_participants),
        agents: request.agents.clone(),
    })
}

/// The room a join creates, by the token's `roomConfig` where it has one.
pub(crate) fn from_join(params: &JoinParams, config: &RoomsConfig) -> RoomSpec {
    let wanted = params.claims.room_config.clone().unwrap_or_default();
    let wanted = match serde_json::from_value::<Option<proto::RoomConfiguration>>(wanted) {
        Ok(wanted) => wanted.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, "a token's room configuration cannot be read");
            proto::RoomConfiguration::default()
        }
    };
    let agents = match check_agents(&wanted.agents, config) {
        Ok(()) => wanted.agents,
        Err(error) => {
            tracing::warn!(%error, "a token's agents are left out");
            Vec::new()
        }
    };
    RoomSpec {
        name: params.room.clone(),
        metadata: wanted.metadata,
        empty_timeout: or(wanted.empty_timeout, config.defaults.empty_timeout),
        departure_timeout: or(wanted.departure_timeout, config.defaults.departure_timeout),
        max_participants: nonzero(wanted.max_participants, config.defaults.max_participants),
        agents,
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
        RoomsConfig::new(std::net::SocketAddr::from(([127, 0, 0, 1], 0)), keys, 1)
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
