//! What a token allows. Field names and defaults are LiveKit's `VideoGrant` and `SIPGrant`.

use serde::{Deserialize, Serialize};

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Room rights. An absent optional right takes LiveKit's default, see the `may_*` methods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoGrant {
    /// Create and delete rooms.
    #[serde(skip_serializing_if = "is_false")]
    pub room_create: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub room_list: bool,
    /// Start and stop recordings.
    #[serde(skip_serializing_if = "is_false")]
    pub room_record: bool,
    /// Administer the room named in `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_admin: bool,
    /// Join the room named in `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_join: bool,
    /// The room the rights are for; empty means none named.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub room: String,
    /// Where a participant may be forwarded or moved.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_room: String,
    /// Publish tracks; allowed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// Subscribe to tracks; allowed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// Publish data; as `can_publish` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// Sources that may be published; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    /// Change one's own name, metadata and attributes; not allowed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    /// Manage ingress.
    #[serde(skip_serializing_if = "is_false")]
    pub ingress_admin: bool,
    /// Be invisible to other participants.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub recorder: bool,
    /// Register as an agent worker, or be an agent in the room.
    #[serde(skip_serializing_if = "is_false")]
    pub agent: bool,
    /// Receive metrics; not allowed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe_metrics: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_manage_agent_session: Option<bool>,
}

impl VideoGrant {
    /// Join `room` with the default rights.
    pub fn join(room: impl Into<String>) -> Self {
        Self {
            room_join: true,
            room: room.into(),
            ..Self::default()
        }
    }

    /// Administer `room`.
    pub fn admin(room: impl Into<String>) -> Self {
        Self {
            room_admin: true,
            room: room.into(),
            ..Self::default()
        }
    }

    /// Whether tracks may be published at all.
    pub fn may_publish(&self) -> bool {
        self.can_publish.unwrap_or(true)
    }

    /// Whether tracks of this source (`microphone`, `camera`, …) may be published.
    pub fn may_publish_source(&self, source: &str) -> bool {
        let listed = || {
            self.can_publish_sources
                .iter()
                .any(|allowed| allowed == source)
        };
        self.may_publish() && (self.can_publish_sources.is_empty() || listed())
    }

    /// Whether tracks may be subscribed to.
    pub fn may_subscribe(&self) -> bool {
        self.can_subscribe.unwrap_or(true)
    }

    pub fn may_publish_data(&self) -> bool {
        self.can_publish_data.unwrap_or_else(|| self.may_publish())
    }

    /// Whether one's own metadata may be changed.
    pub fn may_update_own_metadata(&self) -> bool {
        self.can_update_own_metadata.unwrap_or(false)
    }
}

/// Telephony rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SipGrant {
    /// Manage trunks and rules.
    #[serde(skip_serializing_if = "is_false")]
    pub admin: bool,
    /// Place and transfer calls.
    #[serde(skip_serializing_if = "is_false")]
    pub call: bool,
}

/// Agent-management rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentGrant {
    /// Administer agents.
    #[serde(skip_serializing_if = "is_false")]
    pub admin: bool,
    /// Administer simulations.
    #[serde(skip_serializing_if = "is_false")]
    pub simulation_admin: bool,
    /// Administer agents' databases.
    #[serde(skip_serializing_if = "is_false")]
    pub database_admin: bool,
    /// Administer the queue of agent dispatches.
    #[serde(skip_serializing_if = "is_false")]
    pub dispatch_admin: bool,
}

/// Rights to model inference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InferenceGrant {
    /// Use inference.
    #[serde(skip_serializing_if = "is_false")]
    pub perform: bool,
}

/// Rights to report observations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservabilityGrant {
    /// Write observations.
    #[serde(skip_serializing_if = "is_false")]
    pub write: bool,
}
