//! What participants may announce and say, and what becomes of it.

use livekit_protocol as proto;
use livekit_protocol::{TrackSource, TrackType};
use trunkline_base::id::ParticipantSid;
use trunkline_rtc::sfu::{AddTrackError, DropReason, Permissions, SfuEvent, Sources};

use super::link::CLEAN;
use super::world::{Name, World};

fn sid(world: &mut World, name: Name) -> ParticipantSid {
    let sid = world.client(name).core.local().unwrap().sid.clone();
    ParticipantSid::parse(sid).unwrap()
}

fn announce(
    world: &mut World,
    name: Name,
    change: impl FnOnce(&mut proto::AddTrackRequest),
) -> Result<(), AddTrackError> {
    let mut request = proto::AddTrackRequest {
        cid: format!("cid {}", world.server.seen.len()),
        r#type: TrackType::Audio.into(),
        source: TrackSource::Microphone.into(),
        ..Default::default()
    };
    change(&mut request);
    let (sid, now) = (sid(world, name), world.now);
    let added = world.server.sfu.add_track(&sid, &request, now);
    world.flush();
    added.map(drop)
}

fn withdrawn(world: &World) -> usize {
    let withdrawn = |e: &&SfuEvent| matches!(e, SfuEvent::TrackUnpublished { revoked: true, .. });
    world.server.seen.iter().filter(withdrawn).count()
}

/// Twenty publications that were given up ended all publishing until the participant came back
/// as new.
#[test]
fn publications_given_up_do_not_end_publishing() {
    let mut world = World::new(CLEAN, 31);
    world.join("ann");
    world.join("bob");
    world.run(2000);
    for n in 0..100 {
        announce(&mut world, "ann", |r| r.cid = format!("given up {n}")).unwrap();
    }
    assert_eq!(
        withdrawn(&world),
        36,
        "the oldest made room, and it was said"
    );
    world.run(31_000);
    assert_eq!(
        withdrawn(&world),
        100,
        "nothing followed, so the others lapsed"
    );
    for n in 0..20 {
        announce(&mut world, "ann", |r| r.cid = format!("again {n}")).unwrap();
    }
    world.talk("ann");
    world.run(2000);
    assert!(world.client("bob").heard_from("ann").len() > 50);
}

/// An announcement waits for a client id that is taken; whoever took it may never come.
#[test]
fn a_client_id_that_was_given_up_is_free_again() {
    let mut world = World::new(CLEAN, 32);
    world.join("ann");
    world.run(2000);
    for n in 0..4 {
        announce(&mut world, "ann", |r| r.cid = "mic".to_owned())
            .unwrap_or_else(|error| assert!(n < 4, "{error}"));
    }
    let full = announce(&mut world, "ann", |r| r.cid = "mic".to_owned());
    assert_eq!(full, Err(AddTrackError::LimitExceeded));
    world.run(31_000);
    announce(&mut world, "ann", |r| r.cid = "mic".to_owned()).unwrap();
}

#[test]
fn video_is_refused_in_words_and_nobody_hears_of_it() {
    let mut world = World::new(CLEAN, 33);
    world.join("ann");
    world.run(2000);
    let camera = announce(&mut world, "ann", |r| {
        r.r#type = TrackType::Video.into();
        r.source = TrackSource::Camera.into();
    });
    assert_eq!(camera, Err(AddTrackError::Video));
    assert!(AddTrackError::Video.to_string().contains("not supported"));
    assert!(
        !world
            .server
            .saw(|e| matches!(e, SfuEvent::TrackPublished { .. }))
    );
}

#[test]
fn an_announcement_of_any_size_is_not_told_to_everybody() {
    let mut world = World::new(CLEAN, 34);
    world.join("ann");
    world.run(2000);
    let long = announce(&mut world, "ann", |r| r.name = "n".repeat(1 << 20));
    assert_eq!(long, Err(AddTrackError::TooLarge));
}

/// A list of sources none of which is known let everything through.
#[test]
fn a_list_that_names_nothing_known_allows_nothing() {
    let mut world = World::new(CLEAN, 35);
    let none = Permissions {
        sources: Sources::Only(Vec::new()),
        ..Permissions::default()
    };
    world.join_with("ann", none);
    world.run(2000);
    for source in [-1, 0, 1, 2, 3, 4, 5, 99] {
        let refused = announce(&mut world, "ann", |r| r.source = source);
        assert_eq!(refused, Err(AddTrackError::NotAllowed), "source {source}");
    }
}

/// One that was waiting in line was let in after the right to publish it had gone.
#[test]
fn what_is_no_longer_allowed_leaves_the_line_too() {
    let mut world = World::new(CLEAN, 36);
    world.join_talking("ann");
    world.run(2000);
    let published = world.server.seen.iter().find_map(|e| match e {
        SfuEvent::TrackPublished { info, .. } => Some(info.codecs[0].cid.clone()),
        _ => None,
    });
    let taken = published.unwrap();
    announce(&mut world, "ann", |r| r.cid = taken).unwrap();
    announce(&mut world, "ann", |r| r.cid = "waiting".to_owned()).unwrap();
    let nothing = Permissions {
        can_publish: false,
        ..Permissions::default()
    };
    let (ann, now) = (sid(&mut world, "ann"), world.now);
    world
        .server
        .sfu
        .set_permissions(&ann, nothing, now)
        .unwrap();
    world.flush();
    assert_eq!(withdrawn(&world), 2, "the track and what was announced");
    assert!(
        !world
            .server
            .saw(|e| matches!(e, SfuEvent::TrackAccepted { .. }))
    );
}

/// In its wrapping a message grew past what a channel takes, and whatever came after it waited for
/// ever.
#[test]
fn a_message_too_long_to_be_passed_on_holds_up_no_other() {
    let mut world = World::new(CLEAN, 37);
    world.join("ann");
    world.join("bob");
    world.run(2000);
    let user = proto::UserPacket {
        payload: vec![b'x'; 65_530],
        ..Default::default()
    };
    let packet = proto::DataPacket {
        value: Some(proto::data_packet::Value::User(user)),
        ..Default::default()
    };
    let now = world.now;
    world.server.sfu.send_data(&packet, true, now);
    assert!(world.say("ann", "after it", true));
    world.run(1000);
    assert_eq!(world.client("bob").texts, ["after it"]);
    assert_eq!(
        world
            .server
            .sfu
            .stats()
            .dropped_for(DropReason::DataTooLarge),
        1
    );
}
