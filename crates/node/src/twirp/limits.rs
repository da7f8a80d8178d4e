//! What is too long for the API, in the official server's words.

use std::collections::HashMap;

use livekit_protocol as proto;

use super::error::TwirpError;
use crate::room::{Limits, RoomError};

/// Metadata of a room, a participant or an agent.
pub(super) fn metadata(text: &str, limits: &Limits) -> Result<(), TwirpError> {
    let limit = limits.metadata_bytes;
    if text.len() <= limit {
        return Ok(());
    }
    Err(TwirpError::argument(
        &RoomError::MetadataTooLarge,
        &limit.to_string(),
    ))
}

/// Attributes of a participant or an agent, keys and values together.
pub(super) fn attributes(
    attributes: &HashMap<String, String>,
    limits: &Limits,
) -> Result<(), TwirpError> {
    let limit = limits.attributes_bytes;
    if size(attributes) <= limit {
        return Ok(());
    }
    Err(TwirpError::argument(
        &RoomError::AttributesTooLarge,
        &limit.to_string(),
    ))
}

/// A participant's display name.
pub(super) fn name(name: &str, limits: &Limits) -> Result<(), TwirpError> {
    let limit = limits.name_bytes;
    if name.len() <= limit {
        return Ok(());
    }
    Err(TwirpError::argument(
        &RoomError::ParticipantNameTooLong,
        &limit.to_string(),
    ))
}

/// The name of a room to be created.
pub(super) fn room_name(name: &str) -> Result<(), TwirpError> {
    if name.len() <= MAX_ROOM_NAME {
        return Ok(());
    }
    let text = format!("{}: max length {MAX_ROOM_NAME}", RoomError::NameTooLong);
    Err(TwirpError::invalid(text))
}

/// The agents asked for with a room.
pub(super) fn agents(
    agents: &[proto::RoomAgentDispatch],
    limits: &Limits,
) -> Result<(), TwirpError> {
    agents.iter().try_for_each(|agent| {
        metadata(&agent.metadata, limits)?;
        attributes(&agent.attributes, limits)
    })
}

/// Bytes of keys and values.
pub(super) fn size(attributes: &HashMap<String, String>) -> usize {
    attributes.iter().map(|(k, v)| k.len() + v.len()).sum()
}

const MAX_ROOM_NAME: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twirp::error::Code;

    #[test]
    fn the_limit_is_named_and_the_argument_is_in_the_meta() {
        let limits = Limits::default();
        assert!(metadata(&"m".repeat(524_288), &limits).is_ok());
        let error = metadata(&"m".repeat(524_289), &limits).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert_eq!(error.msg, "metadata size exceeds limits 524288");
        assert_eq!(error.meta["argument"], "metadata size exceeds limits");
        let error = room_name(&"r".repeat(257)).unwrap_err();
        assert_eq!(error.msg, "room name length exceeds limits: max length 256");
        let many = HashMap::from([("k".to_owned(), "v".repeat(65_536))]);
        let error = attributes(&many, &limits).unwrap_err();
        assert_eq!(error.msg, "attribute size exceeds limits 65536");
        let error = name(&"n".repeat(257), &limits).unwrap_err();
        assert_eq!(error.msg, "name length exceeds limits 256");
    }
}
