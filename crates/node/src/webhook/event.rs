//! What becomes a webhook, and how it is written.

use livekit_protocol as proto;
use rand::RngCore;
use trunkline_base::id::EventId;
use trunkline_base::time::UnixTime;

use crate::room::RoomNotice;

/// The webhook of a room notice; `None` for notices only dispatch cares about.
pub(crate) fn of_notice(notice: RoomNotice) -> Option<proto::WebhookEvent> {
    Some(match notice {
        RoomNotice::RoomStarted { room, .. } => named("room_started", room),
        RoomNotice::RoomFinished { room, reason } => proto::WebhookEvent {
            room_end_reason: i32::from(reason),
            ..named("room_finished", room)
        },
        RoomNotice::ParticipantEntered { .. } => return None,
        RoomNotice::ParticipantJoined { room, participant } => {
            with_participant("participant_joined", room, participant)
        }
        RoomNotice::ParticipantLeft { room, participant } => {
            with_participant("participant_left", room, participant)
        }
        RoomNotice::ConnectionAborted { room, participant } => {
            with_participant("participant_connection_aborted", room, participant)
        }
        RoomNotice::TrackPublished {
            room,
            participant,
            track,
            ..
        } => with_track("track_published", room, participant, track),
        RoomNotice::TrackUnpublished {
            room,
            participant,
            track,
        } => with_track("track_unpublished", room, participant, track),
    })
}

/// Gives an event the id and time it still lacks.
pub(crate) fn stamp(event: &mut proto::WebhookEvent, now: UnixTime, rng: &mut impl RngCore) {
    if event.id.is_empty() {
        event.id = String::from(EventId::generate(rng));
    }
    if event.created_at == 0 {
        event.created_at = now.secs_i64();
    }
}

/// Events about one thing are delivered in order: the room's name, or the egress or ingress id.
pub(crate) fn resource(event: &proto::WebhookEvent) -> String {
    if let Some(egress) = &event.egress_info {
        return egress.egress_id.clone();
    }
    if let Some(ingress) = &event.ingress_info {
        return ingress.ingress_id.clone();
    }
    event
        .room
        .as_ref()
        .map(|room| room.name.clone())
        .unwrap_or_default()
}

fn named(event: &str, room: proto::Room) -> proto::WebhookEvent {
    proto::WebhookEvent {
        event: event.to_owned(),
        room: Some(room),
        ..Default::default()
    }
}

fn with_participant(
    event: &str,
    room: proto::Room,
    participant: proto::ParticipantInfo,
) -> proto::WebhookEvent {
    proto::WebhookEvent {
        participant: Some(participant),
        ..named(event, room)
    }
}

/// Track events name room and participant only, as upstream sends them.
fn with_track(
    event: &str,
    room: proto::Room,
    participant: proto::ParticipantInfo,
    track: proto::TrackInfo,
) -> proto::WebhookEvent {
    let room = proto::Room {
        sid: room.sid,
        name: room.name,
        ..Default::default()
    };
    let participant = proto::ParticipantInfo {
        sid: participant.sid,
        identity: participant.identity,
        ..Default::default()
    };
    proto::WebhookEvent {
        track: Some(track),
        ..with_participant(event, room, participant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn room() -> proto::Room {
        proto::Room {
            sid: "RM_1".to_owned(),
            name: "lobby".to_owned(),
            empty_timeout: 300,
            creation_time_ms: 1_800_000_000_123,
            ..Default::default()
        }
    }

    #[test]
    fn it_is_written_as_proto_json() {
        let mut event = of_notice(RoomNotice::RoomFinished {
            room: room(),
            reason: proto::RoomEndReason::default(),
        })
        .unwrap();
        let mut rng = rand::rngs::SmallRng::seed_from_u64(7);
        stamp(&mut event, UnixTime::from_secs(1_800_000_000), &mut rng);
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["event"], "room_finished");
        assert_eq!(json["createdAt"], "1800000000");
        assert_eq!(json["room"]["emptyTimeout"], 300);
        assert_eq!(json["room"]["creationTimeMs"], "1800000000123");
        assert!(json["room"].get("metadata").is_none() && json.get("participant").is_none());
        assert!(json["id"].as_str().unwrap().starts_with("EV_"));
    }

    #[test]
    fn a_track_event_names_room_and_participant_only() {
        let participant = proto::ParticipantInfo {
            sid: "PA_1".to_owned(),
            identity: "alice".to_owned(),
            metadata: "m".to_owned(),
            ..Default::default()
        };
        let track = proto::TrackInfo {
            sid: "TR_1".to_owned(),
            ..Default::default()
        };
        let notice = RoomNotice::TrackPublished {
            room: room(),
            participant,
            track,
            first: true,
        };
        let event = of_notice(notice).unwrap();
        assert_eq!(event.room.as_ref().unwrap().empty_timeout, 0);
        assert_eq!(event.participant.as_ref().unwrap().metadata, "");
        assert_eq!(event.track.as_ref().unwrap().sid, "TR_1");
        assert_eq!(resource(&event), "lobby");
    }
}
