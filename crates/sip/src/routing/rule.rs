//! Dispatch rules: which room a call goes to.

use std::collections::BTreeMap;

use trunkline_base::id::{RuleId, TrunkId};

use super::Numbers;
use super::trunk::MediaOptions;

/// LiveKit's `SIPDispatchRuleInfo`.
#[derive(Clone, PartialEq)]
pub struct DispatchRule {
    /// Server-made id.
    pub id: RuleId,
    /// What kind of room.
    pub kind: RuleKind,
    /// Trunks this rule serves; empty means every trunk.
    pub trunk_ids: Vec<TrunkId>,
    /// Keep the caller's number out of the room.
    pub hide_phone_number: bool,
    /// Calling numbers; empty means any.
    pub inbound_numbers: Numbers,
    /// Called numbers; empty means any.
    pub numbers: Numbers,
    /// For people.
    pub name: String,
    /// Becomes the participant's metadata.
    pub metadata: String,
    /// Become participant attributes.
    pub attributes: BTreeMap<String, String>,
    /// A named room preset on LiveKit Cloud.
    pub room_preset: String,
    /// `RoomConfiguration` in its JSON form: agents to dispatch, egress, timeouts.
    pub room_config: Option<serde_json::Value>,
    /// Codecs and media limits; they win over the trunk's.
    pub media: MediaOptions,
}

impl DispatchRule {
    /// Bytes of [`Self::metadata`] that a participant's token has room for, beside its attributes. A room
    /// would take four times as much.
    pub const MOST_METADATA: usize = 128 * 1024;

    /// A rule for every trunk and number.
    pub fn new(id: RuleId, kind: RuleKind) -> Self {
        Self {
            id,
            kind,
            trunk_ids: Vec::new(),
            hide_phone_number: false,
            inbound_numbers: Numbers::default(),
            numbers: Numbers::default(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            room_preset: String::new(),
            room_config: None,
            media: MediaOptions::default(),
        }
    }
}

/// How the room's name is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Every caller meets in one room.
    Direct {
        /// Its name.
        room_name: String,
        /// Digits the caller must type; empty means none.
        pin: String,
    },
    /// A room per caller: `[prefix_]caller[_random]`.
    Individual {
        /// Start of the name.
        room_prefix: String,
        /// Digits the caller must type; empty means none.
        pin: String,
        /// Leave out the random end, so that a caller returns to the same room.
        no_randomness: bool,
    },
    /// A room per called number: `[prefix_]called[_random]`.
    Callee {
        /// Start of the name.
        room_prefix: String,
        /// Digits the caller must type; empty means none.
        pin: String,
        /// Add a random end, so that each call has its own room.
        randomize: bool,
    },
}

impl RuleKind {
    /// The digits this rule asks for; empty means none.
    pub fn pin(&self) -> &str {
        match self {
            Self::Direct { pin, .. } | Self::Individual { pin, .. } | Self::Callee { pin, .. } => {
                pin
            }
        }
    }

    /// The room's name or prefix: the last word on ties.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Direct { room_name, .. } => room_name,
            Self::Individual { room_prefix, .. } | Self::Callee { room_prefix, .. } => room_prefix,
        }
    }

    /// LiveKit's order of kinds, lower first.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Direct { .. } => 0,
            Self::Individual { .. } => 1,
            Self::Callee { .. } => 2,
        }
    }

    /// The room for a call. `suffix` is the caller's random text.
    pub(super) fn room(&self, caller: &str, called: &str, suffix: &str) -> String {
        let join = |parts: &[&str]| -> String {
            let parts: Vec<&str> = parts.iter().copied().filter(|p| !p.is_empty()).collect();
            parts.join("_")
        };
        match self {
            Self::Direct { room_name, .. } => room_name.clone(),
            Self::Individual {
                room_prefix,
                no_randomness,
                ..
            } => join(&[
                room_prefix,
                caller,
                if *no_randomness { "" } else { suffix },
            ]),
            Self::Callee {
                room_prefix,
                randomize,
                ..
            } => join(&[room_prefix, called, if *randomize { suffix } else { "" }]),
        }
    }
}
