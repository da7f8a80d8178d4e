//! One participant as the room knows it.

use std::time::Instant;

use livekit_protocol as proto;
use proto::participant_info::{KindDetail, State};
use trunkline_base::id::{ParticipantIdentity, ParticipantSid};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, ParticipantKind};
use trunkline_rtc::sfu::Topology;

use super::now::Now;
use super::tracks::Tracks;
use crate::room::join::JoinParams;
use crate::signal::metadata::Profile;
use crate::signal::permission::Permission;
use crate::signal::protocol::Protocol;
use crate::signal::refresh;

/// A session in a room, from its admission to its end.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) sid: ParticipantSid,
    pub(crate) identity: ParticipantIdentity,
    pub(crate) kind: ParticipantKind,
    pub(crate) profile: Profile,
    pub(crate) permission: Permission,
    pub(crate) claims: Claims,
    pub(crate) client: proto::ClientInfo,
    pub(crate) topology: Topology,
    pub(crate) state: State,
    pub(crate) joined_at: UnixTime,
    pub(crate) tracks: Tracks,
    pub(crate) signal: Signal,
    pub(crate) primary: Primary,
    pub(crate) refresh_at: Instant,
    /// Those who left while the signal was away, for the resume.
    pub(crate) missed: Vec<proto::ParticipantInfo>,
    /// Test hooks of the SDKs: what to do to the next resumes.
    pub(crate) sabotage: Option<Sabotage>,
    entered: Instant,
    version: u32,
    was_active: bool,
    is_publisher: bool,
}

/// The signalling socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Open,
    Lost,
}

/// The media connection that decides whether the participant is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Primary {
    /// Never connected yet.
    Connecting,
    Up,
    /// Failed a moment ago. A client that leaves closes its media first and says so next; only
    /// when it says nothing is it asked to resume.
    Failed {
        speak: Instant,
    },
    /// Failed and said so; given up at this time unless it comes back.
    Down {
        until: Instant,
    },
}

/// How a simulated fault treats resumes until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sabotage {
    pub(crate) until: Instant,
    /// Closed before any message, this many times; else after the messages.
    pub(crate) silent: Option<u8>,
}

impl Participant {
    pub(crate) fn new(
        sid: ParticipantSid,
        identity: ParticipantIdentity,
        params: &JoinParams,
        now: Now,
    ) -> Self {
        let claims = params.claims.clone();
        let permission = Permission::from_grant(&claims.video.clone().unwrap_or_default());
        let mut attributes = claims.attributes.clone();
        attributes.extend(
            params
                .attributes
                .iter()
                .filter(|(_, v)| !v.is_empty())
                .map(|(k, v)| (k.clone(), v.clone())),
        );
        let metadata = params.metadata.clone().filter(|text| !text.is_empty());
        let profile = Profile {
            name: claims.name.clone(),
            metadata: metadata.unwrap_or_else(|| claims.metadata.clone()),
            attributes,
        };
        Self {
            sid,
            identity,
            kind: claims.kind,
            profile,
            permission,
            claims,
            client: params.client.clone(),
            topology: params.topology,
            state: State::Joining,
            joined_at: now.unix,
            tracks: Tracks::default(),
            signal: Signal::Open,
            primary: Primary::Connecting,
            refresh_at: now.instant + refresh::EVERY,
            missed: Vec::new(),
            sabotage: None,
            entered: now.instant,
            version: 1,
            was_active: false,
            is_publisher: false,
        }
    }

    pub(crate) const fn protocol(&self) -> Protocol {
        Protocol(self.client.protocol)
    }

    /// Agents and recorders: they neither keep a room open nor count against its size.
    pub(crate) const fn is_dependent(&self) -> bool {
        self.kind.is_dependent() || self.permission.recorder || self.permission.agent
    }

    pub(crate) fn is_agent(&self) -> bool {
        self.kind == ParticipantKind::Agent || self.permission.agent
    }

    /// Whether the subscriber connection decides that the participant is there.
    pub(crate) fn subscriber_primary(&self) -> bool {
        self.topology == Topology::Dual
            && self.permission.subscribe
            && self.protocol().subscriber_primary()
    }

    pub(crate) const fn was_active(&self) -> bool {
        self.was_active
    }

    pub(crate) const fn is_publisher(&self) -> bool {
        self.is_publisher
    }

    /// Moves on; `true` when this is the first time the participant is ACTIVE.
    pub(crate) fn become_state(&mut self, state: State) -> bool {
        if self.state == state {
            return false;
        }
        self.state = state;
        self.changed();
        let first = state == State::Active && !self.was_active;
        self.was_active |= state == State::Active;
        first
    }

    /// Marks the first publication; `true` when it is the first.
    pub(crate) const fn become_publisher(&mut self) -> bool {
        let first = !self.is_publisher;
        self.is_publisher = true;
        first
    }

    /// Everything others see has changed: clients drop what is not newer.
    pub(crate) const fn changed(&mut self) {
        self.version = self.version.wrapping_add(1);
    }

    /// When to give up waiting for the first connection.
    pub(crate) fn join_deadline(&self, limit: std::time::Duration) -> Option<Instant> {
        (!self.was_active).then(|| self.entered + limit)
    }

    /// What others, and the participant itself, are told.
    pub(crate) fn info(&self) -> proto::ParticipantInfo {
        proto::ParticipantInfo {
            sid: self.sid.to_string(),
            identity: self.identity.to_string(),
            state: self.state.into(),
            tracks: self.tracks.public().cloned().collect(),
            metadata: self.profile.metadata.clone(),
            joined_at: self.joined_at.secs_i64(),
            joined_at_ms: self.joined_at.millis_i64(),
            name: self.profile.name.clone(),
            version: self.version,
            permission: Some(self.permission.to_wire()),
            region: String::new(),
            is_publisher: self.is_publisher,
            kind: self.kind.wire(),
            attributes: self.profile.attributes.clone().into_iter().collect(),
            disconnect_reason: 0,
            kind_details: self.kind_details(),
            data_tracks: Vec::new(),
            client_protocol: self.client.client_protocol,
            capabilities: self.client.capabilities.clone(),
        }
    }

    /// What is kept of a participant that has gone, for those whose socket is away.
    pub(crate) fn trace(&self, disconnect_reason: i32) -> proto::ParticipantInfo {
        proto::ParticipantInfo {
            sid: self.sid.to_string(),
            identity: self.identity.to_string(),
            state: self.state.into(),
            version: self.version,
            disconnect_reason,
            ..proto::ParticipantInfo::default()
        }
    }

    fn kind_details(&self) -> Vec<i32> {
        let words = self.claims.kind_details.iter();
        words
            .filter_map(|word| KindDetail::from_str_name(&word.to_ascii_uppercase()))
            .map(i32::from)
            .collect()
    }
}
