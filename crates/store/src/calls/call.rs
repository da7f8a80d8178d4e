//! What a call is, in words.

use serde::{Deserialize, Serialize};
use trunkline_base::id::{CallId, RoomName};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;

/// Which way a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Someone phoned us.
    Inbound,
    /// We phoned someone.
    Outbound,
}

impl Direction {
    /// As stored and told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    pub(super) fn from_word(word: &str) -> Self {
        if word == "outbound" {
            Self::Outbound
        } else {
            Self::Inbound
        }
    }
}

/// Who tells of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallSource {
    /// Our own gateway, which sees all of it.
    Gateway,
    /// The events of a server whose gateway is not ours.
    Webhooks,
}

impl CallSource {
    pub(super) fn from_word(word: &str) -> Self {
        if word == "webhooks" {
            Self::Webhooks
        } else {
            Self::Gateway
        }
    }
}

/// What is known when a call begins.
#[derive(Clone, Debug)]
pub struct CallStart {
    pub call_id: CallId,
    /// The room it becomes a participant of, once that is known.
    pub room: Option<RoomName>,
    /// Which way.
    pub direction: Direction,
    /// Calling number.
    pub caller: Personal<String>,
    /// Called number.
    pub called: Personal<String>,
    /// Trunk it came over.
    pub trunk_id: String,
    /// Rule that placed it.
    pub rule_id: String,
    pub at: UnixTime,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EndedBy {
    /// Who phoned.
    Caller,
    /// Who was phoned, by hanging up or by refusing.
    Callee,
    /// Who talked to them in the room.
    Agent,
    /// We: nobody was there, something broke, the process ends.
    Gateway,
    /// Somebody removed the phone from the room, or ended it.
    Room,
    /// Nobody, for too long.
    Timeout,
}

impl EndedBy {
    /// As stored and told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Agent => "agent",
            Self::Gateway => "gateway",
            Self::Room => "room",
            Self::Timeout => "timeout",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::Caller,
            Self::Callee,
            Self::Agent,
            Self::Gateway,
            Self::Room,
            Self::Timeout,
        ];
        all.into_iter().find(|by| by.as_str() == word)
    }
}

/// What a call comes to in money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Seconds that count, by the tariff's increments where there is one.
    pub seconds: u64,
    /// An amount in decimals, where a tariff has a price for the number.
    pub cost: Option<String>,
    /// Of what.
    pub currency: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct CallEnd {
    pub at: UnixTime,
    /// In a word, such as `caller_hung_up`.
    pub reason: String,
    /// The SIP status that says it, where there is one.
    pub sip_status: Option<u16>,
    /// The cause of ISDN that says it.
    pub q850: Option<u8>,
    /// Who ended it.
    pub by: Option<EndedBy>,
    /// What it costs; nothing for one that nobody answered.
    pub bill: Option<Bill>,
    /// Media figures and the like.
    pub summary: serde_json::Value,
}

/// From when, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment that belongs to it.
    pub since: UnixTime,
    /// The first that does not.
    pub until: UnixTime,
}

/// What an event tells of a call: at least that it is there.
#[derive(Clone, Debug)]
pub struct Sighting {
    pub start: CallStart,
    /// When it was answered, once that is known.
    pub answered_at: Option<UnixTime>,
    /// How it ended, once it did.
    pub end: Option<CallEnd>,
}

/// A call as stored.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    pub call_id: String,
    /// Empty for a caller who was asked for a PIN and came to no room.
    pub room: String,
    /// Which way.
    pub direction: Direction,
    /// Calling number.
    pub caller: Personal<String>,
    /// Called number.
    pub called: Personal<String>,
    /// Trunk it came over.
    pub trunk_id: String,
    /// Rule that placed it.
    pub rule_id: String,
    /// First ring.
    pub started_at: UnixTime,
    pub answered_at: Option<UnixTime>,
    pub ended_at: Option<UnixTime>,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// SIP status of the end.
    pub sip_status: Option<u16>,
    /// Cause of the end, in the words of ISDN.
    pub q850: Option<u8>,
    /// Who ended it.
    pub ended_by: Option<EndedBy>,
    /// Seconds that count.
    pub billed_seconds: Option<u64>,
    /// An amount in decimals.
    pub cost: Option<String>,
    pub currency: Option<String>,
    /// Media figures and the like.
    pub summary: Option<serde_json::Value>,
    /// Who told of it.
    pub source: CallSource,
}
