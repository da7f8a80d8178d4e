//! Single rights in `lk`'s words, and what role they amount to.

use clap::Args;
use serde_json::{Map, Value};
use trunkline_base::id::RoomName;
use trunkline_base::token::{SipGrant, VideoGrant};
use trunkline_client::auth::Role;
use trunkline_service::config::nearest;

use super::refusal::invalid;
use crate::failure::Failure;

/// LiveKit's names of room rights.
const NAMES: [&str; 18] = [
    "roomCreate",
    "roomList",
    "roomRecord",
    "roomAdmin",
    "roomJoin",
    "room",
    "destinationRoom",
    "canPublish",
    "canSubscribe",
    "canPublishData",
    "canPublishSources",
    "canUpdateOwnMetadata",
    "ingressAdmin",
    "hidden",
    "recorder",
    "agent",
    "canSubscribeMetrics",
    "canManageAgentSession",
];

#[derive(Debug, Args)]
pub(super) struct Rights {
    /// Create and delete rooms
    #[arg(long)]
    create: bool,
    /// List rooms
    #[arg(long)]
    list: bool,
    /// Join the room
    #[arg(long)]
    join: bool,
    /// Administer the room
    #[arg(long)]
    admin: bool,
    /// Start and stop recordings
    #[arg(long)]
    egress: bool,
    /// Manage ingress
    #[arg(long)]
    ingress: bool,
    /// Manage SIP trunks and dispatch rules
    #[arg(long)]
    sip_admin: bool,
    /// Place and transfer phone calls
    #[arg(long)]
    sip_call: bool,
    /// Use model inference
    #[arg(long)]
    pub(super) inference: bool,
    /// Publish only these: camera, microphone, screen_share, screen_share_audio
    #[arg(long = "allow-source", value_name = "SOURCE", value_delimiter = ',')]
    sources: Vec<String>,
    /// Change one's own name, metadata and attributes
    #[arg(long)]
    allow_update_metadata: bool,
    /// More rights, as LiveKit's JSON, such as '{"hidden": true}'
    #[arg(long, value_name = "JSON")]
    grant: Option<String>,
}

impl Rights {
    /// The role, and the rights in place of its own where some were typed.
    pub(super) fn resolve(
        &self,
        role: Option<Role>,
        room: Option<&RoomName>,
    ) -> Result<(Role, Option<VideoGrant>), Failure> {
        if !self.any() {
            return Ok((role.unwrap_or(Role::Participant), None));
        }
        let named = role.map(|role| role.grant(room));
        // Without a role and without a right to join, these only narrow a participant.
        let bare = self.alone().then(VideoGrant::default);
        let mut grant = named
            .or(bare)
            .unwrap_or_else(|| Role::Participant.grant(room));
        if let Some(room) = room.filter(|_| self.join || self.admin) {
            room.as_str().clone_into(&mut grant.room);
        }
        grant.room_create |= self.create;
        grant.room_list |= self.list;
        grant.room_join |= self.join;
        grant.room_admin |= self.admin;
        grant.room_record |= self.egress;
        grant.ingress_admin |= self.ingress;
        if !self.sources.is_empty() {
            grant.can_publish_sources.clone_from(&self.sources);
        }
        if self.allow_update_metadata {
            grant.can_update_own_metadata = Some(true);
        }
        if let Some(text) = &self.grant {
            grant = merged(&grant, text)?;
        }
        Ok((role.unwrap_or_else(|| amounts_to(&grant)), Some(grant)))
    }

    /// The telephony rights, where some were typed.
    pub(super) fn sip(&self) -> Option<SipGrant> {
        let grant = SipGrant {
            admin: self.sip_admin,
            call: self.sip_call,
        };
        (grant.admin || grant.call).then_some(grant)
    }

    fn any(&self) -> bool {
        let narrowed = !self.sources.is_empty() || self.allow_update_metadata;
        self.alone() || narrowed
    }

    /// Rights that make a token by themselves.
    const fn alone(&self) -> bool {
        self.create
            || self.list
            || self.join
            || self.admin
            || self.egress
            || self.ingress
            || self.sip_admin
            || self.sip_call
            || self.inference
            || self.grant.is_some()
    }
}

/// Whoever joins is a client, an agent or a recorder; whoever does not calls the API.
const fn amounts_to(grant: &VideoGrant) -> Role {
    if grant.agent {
        Role::Agent
    } else if grant.recorder {
        Role::Recorder
    } else if grant.room_join {
        Role::Participant
    } else {
        Role::Admin
    }
}

fn merged(grant: &VideoGrant, text: &str) -> Result<VideoGrant, Failure> {
    let more: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        invalid(format!(
            "--grant is not a JSON object of room rights: {error}"
        ))
    })?;
    if let Some(name) = more.keys().find(|name| !NAMES.contains(&name.as_str())) {
        let near = nearest(name, &NAMES);
        return Err(invalid(format!(
            "--grant: there is no right `{name}`; {near}"
        )));
    }
    let mut all = serde_json::to_value(grant).unwrap_or_default();
    if let Some(fields) = all.as_object_mut() {
        fields.extend(more);
    }
    serde_json::from_value(all).map_err(|error| invalid(format!("--grant: {error}")))
}
