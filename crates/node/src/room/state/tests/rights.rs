//! What participants may publish, and to whom.

use proto::TrackSource;
use proto::request_response::Reason;
use tokio::sync::oneshot;

use super::*;
use crate::room::command::RoomAsk;

fn announced(house: &mut House, by: &ParticipantSid, request: proto::AddTrackRequest) -> Message {
    house.forget();
    house.ask(by, Asked::AddTrack(request));
    let mut words = house.heard(by);
    assert_eq!(words.len(), 1, "{words:?}");
    words.remove(0)
}

fn from_source(source: i32) -> proto::AddTrackRequest {
    proto::AddTrackRequest {
        cid: format!("c{source}"),
        source,
        ..proto::AddTrackRequest::default()
    }
}

fn refused(word: &Message) -> Option<(Reason, &str)> {
    match word {
        Message::RequestResponse(response) => Some((response.reason(), &response.message)),
        _ => None,
    }
}

const CLAIMS: [i32; 8] = [-1, 0, 1, 2, 3, 4, 5, 99];

/// `canPublishSources: ["mic"]` accepted a screen share.
#[test]
fn a_token_that_names_no_known_source_publishes_nothing() {
    let mut house = House::new(spec());
    let grant = VideoGrant {
        can_publish_sources: vec!["mic".to_owned()],
        ..VideoGrant::join("lobby")
    };
    let ann = house.join(params("ann", grant));
    let told = house.room.participants[&ann].info().permission.unwrap();
    assert_eq!(told.can_publish_sources, [0]);
    for source in CLAIMS {
        let word = announced(&mut house, &ann, from_source(source));
        assert_eq!(
            refused(&word).map(|r| r.0),
            Some(Reason::NotAllowed),
            "source {source}"
        );
    }
}

#[test]
fn the_api_restricts_by_numbers_nobody_knows_and_the_next_token_does_too() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.forget();
    let request = proto::UpdateParticipantRequest {
        identity: "ann".to_owned(),
        permission: Some(proto::ParticipantPermission {
            can_publish: true,
            can_subscribe: true,
            can_publish_sources: vec![99],
            ..proto::ParticipantPermission::default()
        }),
        ..proto::UpdateParticipantRequest::default()
    };
    let (answer, _answered) = oneshot::channel();
    let request = Box::new(request);
    house
        .room
        .on_ask(RoomAsk::Update { request, answer }, house.now);
    house.gather();
    let token = house.heard(&ann).into_iter().find_map(|word| match word {
        Message::RefreshToken(token) => Some(token),
        _ => None,
    });
    for source in CLAIMS {
        let word = announced(&mut house, &ann, from_source(source));
        assert_eq!(
            refused(&word).map(|r| r.0),
            Some(Reason::NotAllowed),
            "source {source}"
        );
    }
    let claims = config()
        .keys
        .verify(&token.unwrap(), house.now.unix)
        .unwrap();
    let again = house.join(params("bob", claims.video.unwrap()));
    let word = announced(&mut house, &again, from_source(TrackSource::Camera.into()));
    assert_eq!(refused(&word).map(|r| r.0), Some(Reason::NotAllowed));
}

/// Video was announced to everybody and then forwarded to nobody.
#[test]
fn video_is_refused_in_words() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let bob = house.join(guest("bob"));
    let camera = proto::AddTrackRequest {
        r#type: proto::TrackType::Video.into(),
        ..from_source(TrackSource::Camera.into())
    };
    let word = announced(&mut house, &ann, camera);
    let (reason, text) = refused(&word).unwrap();
    assert_eq!(reason, Reason::UnsupportedType);
    assert!(text.contains("video is not supported"), "{text}");
    assert!(house.heard(&bob).is_empty());
}

/// A client said it would publish, gave up, and said nothing: twenty of those ended publishing.
#[test]
fn an_announcement_that_nothing_follows_lapses() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    for n in 0..60 {
        let request = proto::AddTrackRequest {
            cid: format!("given up {n}"),
            ..from_source(TrackSource::Microphone.into())
        };
        let word = announced(&mut house, &ann, request);
        assert!(matches!(word, Message::TrackPublished(_)), "{word:?}");
    }
    house.forget();
    // Within a session that has come to life.
    let participant = house.room.participants.get_mut(&ann).unwrap();
    participant.become_state(proto::participant_info::State::Active);
    house.pass(Duration::from_secs(31));
    let words = house.heard(&ann);
    let lapsed = words
        .iter()
        .filter(|w| matches!(w, Message::TrackUnpublished(_)));
    assert_eq!(lapsed.count(), 60);
    let word = announced(
        &mut house,
        &ann,
        from_source(TrackSource::Microphone.into()),
    );
    assert!(matches!(word, Message::TrackPublished(_)));
}

/// A list too long to be read left everybody in.
#[test]
fn an_audience_too_long_to_be_read_is_no_open_door() {
    let entry = |n: usize| proto::TrackPermission {
        participant_identity: format!("guest {n}"),
        all_tracks: true,
        ..proto::TrackPermission::default()
    };
    let permission = proto::SubscriptionPermission {
        all_participants: false,
        track_permissions: (0..5_000).map(entry).collect(),
    };
    let trunkline_rtc::sfu::Audience::Only(listeners) = requests::audience(permission) else {
        panic!("open to all")
    };
    assert_eq!(listeners.len(), 1_024);
}
