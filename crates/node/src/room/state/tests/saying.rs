//! Requests and their answers.

use proto::request_response::Reason;
use tokio::sync::oneshot;

use super::*;
use crate::room::command::RoomAsk;

fn responses(words: &[Message]) -> Vec<(u32, Reason)> {
    let responses = words.iter().filter_map(|word| match word {
        Message::RequestResponse(response) => Some((response.request_id, response.reason())),
        _ => None,
    });
    responses.collect()
}

fn rename(to: &str) -> Asked {
    Asked::UpdateMetadata(proto::UpdateParticipantMetadata {
        name: to.to_owned(),
        request_id: 9,
        ..proto::UpdateParticipantMetadata::default()
    })
}

#[test]
fn a_ping_of_either_kind_is_answered() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.forget();
    house.ask(&ann, Asked::Ping(1));
    house.ask(
        &ann,
        Asked::PingReq(proto::Ping {
            timestamp: 77,
            rtt: 0,
        }),
    );
    let words = house.heard(&ann);
    assert_eq!(words[0], Message::Pong(1_000_000));
    let Message::PongResp(pong) = &words[1] else {
        panic!("a pong")
    };
    assert_eq!((pong.last_ping_timestamp, pong.timestamp), (77, 1_000_000));
}

#[test]
fn a_new_name_needs_the_right_and_reaches_everybody_with_a_higher_version() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let grant = VideoGrant {
        can_update_own_metadata: Some(true),
        ..VideoGrant::join("lobby")
    };
    let bob = house.join(params("bob", grant));
    let before = house.room.participants[&bob].info().version;
    house.forget();
    house.ask(&ann, rename("Ann"));
    assert_eq!(responses(&house.heard(&ann)), [(9, Reason::NotAllowed)]);
    house.ask(&bob, rename("Bob"));
    let words = house.heard(&bob);
    assert_eq!(responses(&words), [(9, Reason::Ok)]);
    assert!(
        words
            .iter()
            .any(|word| matches!(word, Message::RefreshToken(_)))
    );
    let words = house.heard(&ann);
    let told = updates(&words);
    assert_eq!(told[0].name, "Bob");
    assert!(told[0].version > before);
    house.ask(&bob, rename(&"b".repeat(300)));
    assert_eq!(responses(&house.heard(&bob)), [(9, Reason::LimitExceeded)]);
}

#[test]
fn a_track_is_accepted_at_once_or_refused_with_a_reason() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let mute = params(
        "mum",
        VideoGrant {
            can_publish: Some(false),
            ..VideoGrant::join("lobby")
        },
    );
    let mum = house.join(mute);
    house.forget();
    let request = proto::AddTrackRequest {
        cid: "c1".to_owned(),
        source: proto::TrackSource::Microphone.into(),
        ..proto::AddTrackRequest::default()
    };
    house.ask(&ann, Asked::AddTrack(request.clone()));
    let words = house.heard(&ann);
    let [Message::TrackPublished(published)] = &words[..] else {
        panic!("{words:?}")
    };
    assert_eq!(published.cid, "c1");
    assert!(published.track.as_ref().unwrap().sid.starts_with("TR_AM"));
    assert!(house.heard(&mum).is_empty(), "not before it is negotiated");
    house.ask(&mum, Asked::AddTrack(request));
    assert_eq!(responses(&house.heard(&mum)), [(0, Reason::NotAllowed)]);
}

#[test]
fn muting_what_is_not_there_is_refused() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.forget();
    let mute = proto::MuteTrackRequest {
        sid: "TR_none".to_owned(),
        muted: true,
    };
    house.ask(&ann, Asked::Mute(mute));
    assert_eq!(responses(&house.heard(&ann)), [(0, Reason::NotFound)]);
}

#[test]
fn unreadable_descriptions_end_that_session_only() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let bob = house.join(guest("bob"));
    house.forget();
    let offer = proto::SessionDescription {
        r#type: "offer".to_owned(),
        sdp: "not a description".to_owned(),
        id: 1,
        ..proto::SessionDescription::default()
    };
    house.ask(&ann, Asked::Offer(offer));
    let words = house.heard(&ann);
    let leave = leave(&words).unwrap();
    assert_eq!(leave.action(), proto::leave_request::Action::Reconnect);
    assert_eq!(house.room.occupancy(), 1);
    assert_eq!(updates(&house.heard(&bob))[0].state, 3);
}

#[test]
fn the_api_changes_rights_and_the_participant_learns_of_it() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.forget();
    let request = proto::UpdateParticipantRequest {
        identity: "ann".to_owned(),
        permission: Some(proto::ParticipantPermission {
            can_subscribe: true,
            ..proto::ParticipantPermission::default()
        }),
        ..proto::UpdateParticipantRequest::default()
    };
    let (answer, mut answered) = oneshot::channel();
    let request = Box::new(request);
    house
        .room
        .on_ask(RoomAsk::Update { request, answer }, house.now);
    house.room.give_replies();
    house.gather();
    let info = answered.try_recv().unwrap().unwrap();
    assert!(!info.permission.unwrap().can_publish);
    let words = house.heard(&ann);
    assert!(!updates(&words)[0].permission.as_ref().unwrap().can_publish);
    assert!(
        words
            .iter()
            .any(|word| matches!(word, Message::RefreshToken(_)))
    );
}

#[test]
fn room_metadata_is_told_at_once_and_counts_a_little_later() {
    let mut house = House::new(spec());
    let ann = house.join(JoinParams {
        topology: Topology::Single,
        ..guest("ann")
    });
    house.forget();
    let (answer, _answered) = oneshot::channel();
    house.room.on_ask(
        RoomAsk::Metadata {
            metadata: "m".to_owned(),
            answer,
        },
        house.now,
    );
    house.room.give_replies();
    house.gather();
    let words = house.heard(&ann);
    let [Message::RoomUpdate(update)] = &words[..] else {
        panic!("{words:?}")
    };
    assert_eq!(update.room.as_ref().unwrap().metadata, "m");
    house.pass(Duration::from_secs(5));
    let words = house.heard(&ann);
    assert!(
        words
            .iter()
            .any(|word| matches!(word, Message::RoomUpdate(_))),
        "{words:?}"
    );
}

#[test]
fn a_token_is_refreshed_every_five_minutes() {
    let mut house = House::new(spec());
    let ann = house.join(JoinParams {
        topology: Topology::Single,
        ..guest("ann")
    });
    house
        .room
        .participants
        .get_mut(&ann)
        .unwrap()
        .become_state(proto::participant_info::State::Active);
    house.forget();
    house.pass(Duration::from_secs(299));
    assert!(
        !house
            .heard(&ann)
            .iter()
            .any(|word| matches!(word, Message::RefreshToken(_)))
    );
    house.pass(Duration::from_secs(1));
    assert!(
        house
            .heard(&ann)
            .iter()
            .any(|word| matches!(word, Message::RefreshToken(_)))
    );
}

/// Everybody was said to have an EXCELLENT connection, which nobody had measured.
#[test]
fn no_quality_is_told_that_was_not_measured() {
    let mut house = House::new(spec());
    let everybody = [house.join(guest("ann")), house.join(guest("bob"))];
    for sid in &everybody {
        let participant = house.room.participants.get_mut(sid).unwrap();
        participant.become_state(proto::participant_info::State::Active);
        participant.primary = participant::Primary::Up;
    }
    for _ in 0..20 {
        house.pass(Duration::from_secs(1));
    }
    for sid in &everybody {
        let words = house.heard(sid);
        assert!(
            !words
                .iter()
                .any(|w| matches!(w, Message::ConnectionQuality(_)))
        );
    }
}
