//! Roles: what a token is for, what that allows, how long it may last.

use std::fmt;
use std::time::Duration;

use trunkline_base::id::RoomName;
use trunkline_base::token::{ParticipantKind, SipGrant, VideoGrant};

const HOUR: Duration = Duration::from_secs(3600);

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A person: joins, publishes, subscribes.
    Participant,
    /// Administers: rooms, recordings, trunks and calls; with a room, that room's participants.
    Admin,
    /// Administers one room and its participants, from outside it.
    RoomAdmin,
    /// Joins and watches; publishes nothing.
    ViewOnly,
    /// An agent in a room; without a room, an agent worker.
    Agent,
    /// A phone call's participant.
    Sip,
    /// A recorder: hidden, subscribes only.
    Recorder,
    /// Media imported from outside: publishes only.
    Ingress,
    /// Reads participants' metrics: hidden, neither publishes nor subscribes.
    Metrics,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Participant,
        Self::Admin,
        Self::RoomAdmin,
        Self::ViewOnly,
        Self::Agent,
        Self::Sip,
        Self::Recorder,
        Self::Ingress,
        Self::Metrics,
    ];

    /// Its name on a command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Admin => "admin",
            Self::RoomAdmin => "room-admin",
            Self::ViewOnly => "view-only",
            Self::Agent => "agent",
            Self::Sip => "sip",
            Self::Recorder => "recorder",
            Self::Ingress => "ingress",
            Self::Metrics => "metrics",
        }
    }

    /// Who holds such a token.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Participant | Self::ViewOnly => Purpose::Client,
            Self::Admin | Self::RoomAdmin => Purpose::Server,
            Self::Agent => Purpose::Agent,
            Self::Sip | Self::Recorder | Self::Ingress | Self::Metrics => Purpose::Service,
        }
    }

    pub(super) const fn needs_room(self) -> bool {
        !matches!(self, Self::Admin | Self::Agent)
    }

    /// The kind of participant, for roles that join.
    pub const fn kind(self) -> ParticipantKind {
        match self {
            Self::Participant | Self::Admin | Self::RoomAdmin | Self::ViewOnly | Self::Metrics => {
                ParticipantKind::Standard
            }
            Self::Agent => ParticipantKind::Agent,
            Self::Sip => ParticipantKind::Sip,
            Self::Recorder => ParticipantKind::Egress,
            Self::Ingress => ParticipantKind::Ingress,
        }
    }

    /// The role of somebody of this kind in a room.
    pub(super) const fn of_kind(kind: ParticipantKind) -> Self {
        match kind {
            ParticipantKind::Agent => Self::Agent,
            ParticipantKind::Sip => Self::Sip,
            ParticipantKind::Egress => Self::Recorder,
            ParticipantKind::Ingress => Self::Ingress,
            ParticipantKind::Standard | ParticipantKind::Connector | ParticipantKind::Bridge => {
                Self::Participant
            }
        }
    }

    /// Room rights, with a room or without one.
    pub fn grant(self, room: Option<&RoomName>) -> VideoGrant {
        let name = room.map(ToString::to_string).unwrap_or_default();
        let join = VideoGrant {
            room_join: room.is_some(),
            room: name.clone(),
            ..VideoGrant::default()
        };
        let silent = VideoGrant {
            can_publish: Some(false),
            can_publish_data: Some(false),
            ..join.clone()
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
            Self::RoomAdmin => VideoGrant::admin(name),
            Self::ViewOnly => VideoGrant {
                can_subscribe: Some(true),
                ..silent
            },
            Self::Agent => VideoGrant {
                agent: true,
                can_update_own_metadata: room.is_some().then_some(true),
                ..join
            },
            Self::Sip => VideoGrant {
                can_update_own_metadata: Some(true),
                ..join
            },
            Self::Recorder => VideoGrant {
                recorder: true,
                hidden: true,
                can_subscribe: Some(true),
                ..silent
            },
            Self::Ingress => VideoGrant {
                can_subscribe: Some(false),
                ..join
            },
            Self::Metrics => VideoGrant {
                hidden: true,
                can_subscribe: Some(false),
                can_subscribe_metrics: Some(true),
                ..silent
            },
        }
    }

    /// Telephony rights.
    pub(super) fn sip(self) -> Option<SipGrant> {
        (self == Self::Admin).then_some(SipGrant {
            admin: true,
            call: true,
        })
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
#[error(
    "role is not one of participant, admin, room-admin, view-only, agent, sip, recorder, ingress, \
     metrics"
)]
pub struct UnknownRole;

/// Who holds a token, which decides what may stand in it and how long it may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// A person's browser or telephone app: the least trusted place there is.
    Client,
    /// An agent, or a worker that waits for jobs.
    Agent,
    /// A part of the system that joins rooms: gateway, recorder, importer.
    Service,
    /// A caller of the server's API.
    Server,
}

impl Purpose {
    /// The longest life that is signed without being asked for deliberately. LiveKit's own parts
    /// give calls and recordings a day, its SDKs give people six hours, and a token for the API is
    /// best made for one call.
    pub const fn longest(self) -> Duration {
        match self {
            Self::Client | Self::Agent => HOUR.saturating_mul(6),
            Self::Service => HOUR.saturating_mul(24),
            Self::Server => HOUR,
        }
    }

    /// The longest life of any token that is signed without being asked for deliberately.
    pub const LONGEST: Duration = Self::Service.longest();

    /// Its name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Agent => "agent",
            Self::Service => "service",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
