//! Rooms and participants as they are named in requests.

use trunkline_base::id::{ParticipantIdentity, RoomName};

use crate::room::RoomError;

/// A room that cannot have this name is not there.
pub(super) fn room_name(name: &str) -> Result<RoomName, RoomError> {
    RoomName::parse(name).map_err(|_| RoomError::NotFound)
}

/// Somebody in a room: nobody has a name that cannot be one.
pub(super) fn somebody(
    room: &str,
    identity: &str,
) -> Result<(RoomName, ParticipantIdentity), RoomError> {
    let nobody = |_| RoomError::ParticipantNotFound;
    let room = RoomName::parse(room).map_err(nobody)?;
    Ok((room, ParticipantIdentity::parse(identity).map_err(nobody)?))
}

/// Asked for somebody in a room that does not exist, the official server misses the participant.
pub(super) fn as_participant(error: RoomError) -> RoomError {
    match error {
        RoomError::NotFound => RoomError::ParticipantNotFound,
        other => other,
    }
}
