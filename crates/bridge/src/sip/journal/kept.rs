//! A call as it is written down, but for its dialog.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_base::time::UnixTime;
use trunkline_store::Direction;

use super::super::media::Place;
use super::sound::KeptLocal;

/// All that a call needs besides its dialog. It names people and holds keys: it is written sealed,
/// and printed nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptCall {
    /// Who called.
    pub(crate) direction: Direction,
    pub(crate) room: String,
    pub(crate) identity: String,
    pub(crate) name: String,
    pub(crate) metadata: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// What the room is made of where it has to be made again, the agents it wants among it.
    pub(crate) room_config: Option<serde_json::Value>,
    pub(crate) attributes_to_headers: BTreeMap<String, String>,
    pub(crate) caller: String,
    pub(crate) called: String,
    pub(crate) trunk_id: String,
    /// The trunk's own key, or the metadata that has it, for those who come in.
    pub(crate) trunk_mark: String,
    pub(crate) rule_id: String,
    /// From where the other side's signalling comes.
    pub(crate) source: IpAddr,
    pub(crate) began: UnixTime,
    pub(crate) answered: UnixTime,
    /// How long it may last.
    pub(crate) longest_ms: u64,
    pub(crate) media_timeout_ms: u64,
    /// The tag of its phone's dialog, where that is not the call's own: another phone has taken the place
    /// of the first.
    #[serde(default)]
    pub(crate) dialog: Option<String>,
    /// What is open in the books for a phone that was dialled in the place of another.
    #[serde(default)]
    pub(crate) account: Option<KeptAccount>,
    pub(crate) sound: Option<KeptSound>,
}

/// A phone that was dialled in the place of another: a call of its own in the books.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptAccount {
    pub(crate) call: String,
    /// What the guard counts it by.
    pub(crate) trunk: String,
    /// What was asked for; what was sent.
    #[serde(default)]
    pub(crate) asked: String,
    pub(crate) number: String,
    pub(crate) began: UnixTime,
    pub(crate) answered: UnixTime,
}

/// The phone that is the call's now.
pub(crate) struct KeptPhone {
    pub(crate) dialog: String,
    pub(crate) source: IpAddr,
    pub(crate) account: Option<KeptAccount>,
}

/// A call's sound.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptSound {
    pub(crate) local: KeptLocal,
    pub(crate) held_since: Option<UnixTime>,
    pub(crate) place: Place,
}
