//! What is known of a call before a word is said.

use std::collections::BTreeMap;

use trunkline_base::id::{CallId, RoomName};
use trunkline_base::secret::Personal;

/// Who is talking to whom.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Where.
    pub room: RoomName,
    /// From the caller's `sip.callID`; a browser has none.
    pub call: Option<CallId>,
    /// The caller's participant.
    pub identity: Personal<String>,
    /// The caller's attributes, such as `sip.phoneNumber`.
    pub attributes: Personal<BTreeMap<String, String>>,
}

impl Facts {
    /// A call of which nothing but its room is known.
    pub fn new(room: RoomName) -> Self {
        Self {
            room,
            call: None,
            identity: Personal::default(),
            attributes: Personal::default(),
        }
    }

    /// A fact by its name: `id`, `room`, `identity`, or an attribute of the caller's.
    pub fn named(&self, name: &str) -> Option<String> {
        match name {
            "id" => self.call.as_ref().map(ToString::to_string),
            "room" => Some(self.room.to_string()),
            "identity" => Some(self.identity.expose().clone()),
            attribute => self.attributes.expose().get(attribute).cloned(),
        }
    }
}
