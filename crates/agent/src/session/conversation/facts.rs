//! What a conversation is, before a word is said.

use trunkline_base::id::{CallId, RoomName};

/// Who is talking to whom.
#[derive(Clone, Debug)]
pub(in crate::session) struct Facts {
    pub(in crate::session) room: RoomName,
    /// From the caller's `sip.callID`; a browser has none.
    pub(in crate::session) call: Option<CallId>,
}
