//! The token an agent joins its room with.

use livekit_protocol as proto;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, KeyRing, ParticipantKind, SignError, VideoGrant, sign};

use super::book::Assignment;
use crate::signal::sources::Sources;

/// Signs the token of an accepted job, with the key the worker itself uses.
pub(super) fn sign_job(
    assignment: &Assignment,
    keys: &KeyRing,
    now: UnixTime,
) -> Result<String, SignError> {
    let key = keys
        .find(&assignment.api_key)
        .unwrap_or_else(|| keys.active());
    sign(&claims(assignment, now), &key)
}

fn claims(assignment: &Assignment, now: UnixTime) -> Claims {
    let Assignment {
        job,
        answer,
        permissions,
        ..
    } = assignment;
    let identity = match answer.participant_identity.as_str() {
        "" => format!("agent-{}", job.id),
        chosen => chosen.to_owned(),
    };
    let mut attributes: std::collections::BTreeMap<_, _> =
        answer.participant_attributes.clone().into_iter().collect();
    attributes.insert(AGENT_NAME.to_owned(), job.agent_name.clone());
    let room = job
        .room
        .as_ref()
        .map(|room| room.name.clone())
        .unwrap_or_default();
    Claims::new(identity, now, VALID_SECS)
        .with_name(answer.participant_name.clone())
        .with_kind(ParticipantKind::Agent)
        .with_metadata(answer.participant_metadata.clone())
        .with_attributes(attributes)
        .with_video(grant(room, permissions))
}

fn grant(room: String, permissions: &proto::ParticipantPermission) -> VideoGrant {
    let sources = Sources::from_wire(&permissions.can_publish_sources);
    VideoGrant {
        agent: true,
        can_publish: Some(permissions.can_publish),
        can_subscribe: Some(permissions.can_subscribe),
        can_publish_data: Some(permissions.can_publish_data),
        can_update_own_metadata: Some(permissions.can_update_metadata),
        can_subscribe_metrics: Some(permissions.can_subscribe_metrics),
        can_publish_sources: sources.words(),
        hidden: permissions.hidden,
        ..VideoGrant::join(room)
    }
}

/// The attribute upstream adds to every agent.
const AGENT_NAME: &str = "lk.agent_name";
/// Joining must happen within this; the session itself is refreshed by the room.
const VALID_SECS: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_base::id::WorkerId;
    use trunkline_base::token::ApiKey;

    #[test]
    fn the_agent_gets_what_its_worker_registered_and_answered() {
        let assignment = Assignment {
            worker: WorkerId::parse("AW_1").unwrap(),
            api_key: "second".to_owned(),
            permissions: proto::ParticipantPermission {
                can_publish: true,
                can_publish_sources: vec![i32::from(proto::TrackSource::Microphone), 99],
                hidden: true,
                ..Default::default()
            },
            job: proto::Job {
                id: "AJ_1".to_owned(),
                agent_name: "bot".to_owned(),
                room: Some(proto::Room {
                    name: "lobby".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            },
            answer: proto::AvailabilityResponse {
                participant_name: "Bot".to_owned(),
                participant_metadata: "m".to_owned(),
                ..Default::default()
            },
        };
        let keys = KeyRing::new(ApiKey::new("first", "a"), [ApiKey::new("second", "b")]);
        let now = UnixTime::from_secs(1_800_000_000);
        let token = sign_job(&assignment, &keys, now).unwrap();
        let claims = keys.verify(&token, now).unwrap();
        assert_eq!(
            (claims.iss.as_str(), claims.identity()),
            ("second", "agent-AJ_1")
        );
        assert_eq!(
            (claims.kind, claims.name.as_str()),
            (ParticipantKind::Agent, "Bot")
        );
        assert_eq!(claims.attributes["lk.agent_name"], "bot");
        let video = claims.video.unwrap();
        assert!(video.room_join && video.agent && video.hidden && !video.may_subscribe());
        assert!(video.may_publish_source("microphone") && !video.may_publish_source("camera"));
        assert_eq!(
            (video.room.as_str(), claims.exp),
            ("lobby", now.secs() + 3600)
        );
    }
}
