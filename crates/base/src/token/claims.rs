//! The claims of an access token.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::grants::{AgentGrant, SipGrant, VideoGrant};
use crate::time::UnixTime;

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
    /// An agent.
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

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_standard(kind: &ParticipantKind) -> bool {
    *kind == ParticipantKind::Standard
}

/// The claims of an access token. Times are whole seconds since the epoch, as JWT has them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    /// The API key that signs; filled in by signing.
    pub iss: String,
    /// The participant's identity.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sub: String,
    /// When it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// Not valid before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Not valid after.
    pub exp: u64,
    /// Names this token; stands in for an absent `sub`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub jti: String,
    /// The participant's display name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What sort of participant.
    #[serde(skip_serializing_if = "is_standard")]
    pub kind: ParticipantKind,
    /// Finer kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind_details: Vec<String>,
    /// The participant's metadata.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// The participant's attributes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Room rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoGrant>,
    /// Telephony rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip: Option<SipGrant>,
    /// Agent-management rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentGrant>,
    /// `RoomConfiguration` in protobuf JSON, for a room this join creates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_config: Option<serde_json::Value>,
    /// A room configuration by name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub room_preset: String,
    /// Base64 SHA-256 of a webhook body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
}

impl Claims {
    /// Claims for `identity`, valid from `now` for `ttl_secs`.
    pub fn new(identity: impl Into<String>, now: UnixTime, ttl_secs: u64) -> Self {
        let sub = identity.into();
        Self {
            jti: sub.clone(),
            sub,
            iat: Some(now.secs()),
            nbf: Some(now.secs()),
            exp: now.secs().saturating_add(ttl_secs),
            ..Self::default()
        }
    }

    /// With room rights.
    #[must_use]
    pub fn with_video(mut self, grant: VideoGrant) -> Self {
        self.video = Some(grant);
        self
    }

    /// With telephony rights.
    #[must_use]
    pub const fn with_sip(mut self, grant: SipGrant) -> Self {
        self.sip = Some(grant);
        self
    }

    /// With a display name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// As this kind of participant.
    #[must_use]
    pub const fn with_kind(mut self, kind: ParticipantKind) -> Self {
        self.kind = kind;
        self
    }

    /// With participant metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// With participant attributes.
    #[must_use]
    pub fn with_attributes(mut self, attributes: BTreeMap<String, String>) -> Self {
        self.attributes = attributes;
        self
    }

    /// With a room configuration in protobuf JSON.
    #[must_use]
    pub fn with_room_config(mut self, config: serde_json::Value) -> Self {
        self.room_config = Some(config);
        self
    }

    /// Who the bearer is: `sub`, or `jti` where that is absent.
    pub fn identity(&self) -> &str {
        if self.sub.is_empty() {
            &self.jti
        } else {
            &self.sub
        }
    }
}
