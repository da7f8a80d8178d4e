//! Roles, and what each may do.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, ParticipantKind, SipGrant, VideoGrant};

use super::AuthError;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A person: joins, publishes, subscribes.
    Participant,
    /// Administers: rooms, recordings, trunks and calls; with a room, that room's participants.
    Admin,
    /// Joins and watches; publishes nothing.
    ViewOnly,
    /// An agent in a room; without a room, an agent worker.
    Agent,
    /// A phone call's participant.
    Sip,
    /// A recorder: hidden, subscribes only.
    Recorder,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Participant,
        Self::Admin,
        Self::ViewOnly,
        Self::Agent,
        Self::Sip,
        Self::Recorder,
    ];

    /// Its name on a command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Admin => "admin",
            Self::ViewOnly => "view-only",
            Self::Agent => "agent",
            Self::Sip => "sip",
            Self::Recorder => "recorder",
        }
    }

    const fn needs_room(self) -> bool {
        matches!(
            self,
            Self::Participant | Self::ViewOnly | Self::Sip | Self::Recorder
        )
    }

    const fn kind(self) -> ParticipantKind {
        match self {
            Self::Participant | Self::Admin | Self::ViewOnly => ParticipantKind::Standard,
            Self::Agent => ParticipantKind::Agent,
            Self::Sip => ParticipantKind::Sip,
            Self::Recorder => ParticipantKind::Egress,
        }
    }

    fn grant(self, room: Option<&RoomName>) -> VideoGrant {
        let room_name = room.map(ToString::to_string).unwrap_or_default();
        let join = VideoGrant {
            room_join: room.is_some(),
            room: room_name,
            ..VideoGrant::default()
        };
        match self {
            Self::Participant => join,
            Self::Admin => VideoGrant {
                room_join: false,
                room_create: true,
                room_list: true,
                room_record: true,
                room_admin: room.is_some(),
                ingress_admin: true,
                ..join
            },
            Self::ViewOnly => VideoGrant {
                can_publish: Some(false),
                can_publish_data: Some(false),
                can_subscribe: Some(true),
                ..join
            },
            Self::Agent => VideoGrant {
                agent: true,
                can_update_own_metadata: Some(true),
                ..join
            },
            Self::Sip => VideoGrant {
                can_update_own_metadata: Some(true),
                ..join
            },
            Self::Recorder => VideoGrant {
                recorder: true,
                hidden: true,
                can_publish: Some(false),
                can_publish_data: Some(false),
                can_subscribe: Some(true),
                ..join
            },
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// Not the name of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("role is not one of participant, admin, view-only, agent, sip, recorder")]
pub struct UnknownRole;

/// What a token shall say.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenSpec {
    /// What it is for.
    pub role: Role,
    /// The bearer.
    pub identity: ParticipantIdentity,
    /// The room.
    pub room: Option<RoomName>,
    /// Display name.
    pub name: String,
    /// Metadata.
    pub metadata: String,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// `RoomConfiguration` in protobuf JSON, for a room this join creates.
    pub room_config: Option<serde_json::Value>,
    /// Rights other than the role's own.
    pub grant: Option<VideoGrant>,
}

impl TokenSpec {
    /// A token for `identity` in `role`.
    pub fn new(role: Role, identity: ParticipantIdentity) -> Self {
        Self {
            role,
            identity,
            room: None,
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            room_config: None,
            grant: None,
        }
    }

    /// For this room.
    #[must_use]
    pub fn in_room(mut self, room: RoomName) -> Self {
        self.room = Some(room);
        self
    }

    /// With a display name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// With attributes.
    #[must_use]
    pub fn with_attributes(mut self, attributes: BTreeMap<String, String>) -> Self {
        self.attributes = attributes;
        self
    }

    /// With a configuration for the room this join creates.
    #[must_use]
    pub fn with_room_config(mut self, config: serde_json::Value) -> Self {
        self.room_config = Some(config);
        self
    }

    /// With rights other than the role's own.
    #[must_use]
    pub fn with_grant(mut self, grant: VideoGrant) -> Self {
        self.grant = Some(grant);
        self
    }

    /// The claims at `now`.
    ///
    /// # Errors
    /// [`AuthError::RoomMissing`] where the role needs a room.
    pub fn claims(&self, now: UnixTime, life: Duration) -> Result<Claims, AuthError> {
        if self.role.needs_room() && self.room.is_none() && self.grant.is_none() {
            return Err(AuthError::RoomMissing { role: self.role });
        }
        let grant = self
            .grant
            .clone()
            .unwrap_or_else(|| self.role.grant(self.room.as_ref()));
        let mut claims = Claims::new(self.identity.as_str(), now, life.as_secs())
            .with_video(grant)
            .with_kind(self.role.kind())
            .with_name(self.name.as_str())
            .with_metadata(self.metadata.as_str())
            .with_attributes(self.attributes.clone());
        if self.role == Role::Admin {
            claims = claims.with_sip(SipGrant {
                admin: true,
                call: true,
            });
        }
        claims.room_config.clone_from(&self.room_config);
        Ok(claims)
    }
}
