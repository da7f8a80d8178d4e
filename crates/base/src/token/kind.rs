//! The sorts of participant that LiveKit knows.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What sort of participant a token makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ParticipantKind {
    /// A person with a client.
    #[default]
    Standard,
    /// Media imported from outside.
    Ingress,
    /// A recorder.
    Egress,
    /// A phone call.
    Sip,
    Agent,
    /// A call from a messenger.
    Connector,
    /// A bridge to another system.
    Bridge,
}

impl ParticipantKind {
    const ALL: [Self; 7] = [
        Self::Standard,
        Self::Ingress,
        Self::Egress,
        Self::Sip,
        Self::Agent,
        Self::Connector,
        Self::Bridge,
    ];

    /// LiveKit's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
            Self::Sip => "sip",
            Self::Agent => "agent",
            Self::Connector => "connector",
            Self::Bridge => "bridge",
        }
    }

    /// Number in LiveKit's `ParticipantInfo.Kind`.
    pub const fn wire(self) -> i32 {
        match self {
            Self::Standard => 0,
            Self::Ingress => 1,
            Self::Egress => 2,
            Self::Sip => 3,
            Self::Agent => 4,
            Self::Connector => 7,
            Self::Bridge => 8,
        }
    }

    /// From LiveKit's number; an unknown one is a standard participant, as upstream treats it.
    pub fn from_wire(number: i32) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.wire() == number)
            .unwrap_or_default()
    }

    /// From LiveKit's word; an unknown one is a standard participant, as upstream treats it.
    pub fn from_word(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or_default()
    }

    /// Agents and recorders neither keep a room open nor count against its size.
    pub const fn is_dependent(self) -> bool {
        matches!(self, Self::Agent | Self::Egress)
    }
}

impl Serialize for ParticipantKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ParticipantKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::from_word(&word))
    }
}
