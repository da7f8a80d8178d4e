//! INVITEs whose endpoint dies before they have a final answer.

use super::*;

/// The process dies and comes back: of what rang it has what was written down.
fn reborn(world: &mut World, leg: LegId) {
    let kept = world.endpoint.keep_unanswered(leg).unwrap();
    let written = serde_json::to_string(&kept).unwrap();
    let kept: KeptInvite = serde_json::from_str(&written).unwrap();
    world.endpoint = Endpoint::new(EndpointConfig::new("test"), [9; 32], world.now);
    world.endpoint.know(vec!["192.0.2.0/24".parse().unwrap()]);
    world.now += Duration::from_secs(4);
    let ended = world.endpoint.bring_to_end(&kept, world.now);
    assert!(ended.is_some(), "it is read");
}

#[test]
fn a_caller_who_rang_hears_503_by_the_tag_it_knows_until_it_says_so() {
    let mut world = World::new();
    let extra = "X-Name: J\u{fc}rgen\r\nRecord-Route: <sip:192.0.2.7;lr>\r\n";
    world.say(&message("INVITE", "1", 1, "", extra));
    let (leg, tag) = world.incoming();
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    world.sent();
    assert_eq!(world.endpoint.unanswered(leg).unwrap().0, tag);
    reborn(&mut world, leg);
    let last = world.response();
    assert_eq!(last.status, 503);
    assert_eq!(last.headers.to().unwrap().tag(), Some(tag.as_str()));
    assert_eq!(last.headers.get(name::RETRY_AFTER), Some("1"));
    assert_eq!(last.headers.get(name::CALL_ID), Some("c1"));
    // It is repeated, since a datagram may be lost, and not beyond its ACK.
    world.pass(Duration::from_millis(600));
    assert_eq!(world.statuses(), [503]);
    // So is it where the caller repeats itself; it rings nowhere.
    world.say(&message("INVITE", "1", 1, "", ""));
    assert_eq!(world.statuses(), [503]);
    assert!(world.arrived.is_empty());
    world.say(&message("ACK", "1", 1, &tag, ""));
    world.pass(Duration::from_secs(5));
    assert!(world.sent().is_empty());
}

#[test]
fn whom_we_rang_hears_cancel_and_its_487_is_confirmed() {
    let mut world = World::new();
    let (leg, invite) = world.place(None);
    world.answer(&invite, 180, "far", &[]);
    reborn(&mut world, leg);
    let cancel = world.request();
    assert_eq!(cancel.method, Method::Cancel);
    assert_eq!(
        cancel.headers.via().unwrap().branch(),
        invite.headers.via().unwrap().branch()
    );
    for header in [name::FROM, name::TO, name::CALL_ID] {
        assert_eq!(cancel.headers.get(header), invite.headers.get(header));
    }
    world.answer(&cancel, 200, "", &[]);
    world.answer(&invite, 487, "far", &[]);
    let ack = world.request();
    assert_eq!(ack.method, Method::Ack);
    assert_eq!(world.ended(), EndCause::Local);
    assert_eq!(world.endpoint.calls(), 0);
}

/// It is picked up at that moment: nobody is to be billed for it.
#[test]
fn whoever_picks_up_as_the_call_is_taken_back_hears_ack_and_bye() {
    let mut world = World::new();
    let (leg, invite) = world.place(None);
    reborn(&mut world, leg);
    world.sent();
    world.answer(&invite, 200, "far", &[]);
    assert_eq!(world.words(), ["ACK", "BYE"]);
}

#[test]
fn where_nobody_answers_to_the_cancel_the_call_ends_all_the_same() {
    let mut world = World::new();
    let (leg, _) = world.place(None);
    reborn(&mut world, leg);
    world.pass(Duration::from_secs(40));
    assert!(world.words().iter().all(|word| word == "CANCEL"));
    assert_eq!(world.ended(), EndCause::Local);
    assert_eq!(world.endpoint.calls(), 0);
}

#[test]
fn what_is_answered_or_cannot_be_read_is_left_alone() {
    let mut world = World::new();
    let (leg, _) = world.up();
    assert!(world.endpoint.unanswered(leg).is_none());
    assert!(world.endpoint.keep_unanswered(leg).is_none());
    let (leg, _) = world.place(None);
    let kept = world.endpoint.keep_unanswered(leg).unwrap();
    assert!(
        world.endpoint.bring_to_end(&kept, world.now).is_none(),
        "it is here"
    );
    let text = serde_json::to_string(&kept).unwrap();
    for (good, bad) in [
        ("INVITE", "BYE"),
        ("udp", "dccp"),
        ("SIP/2.0/UDP", "nothing"),
    ] {
        let kept: KeptInvite = serde_json::from_str(&text.replace(good, bad)).unwrap();
        let mut other = Endpoint::new(EndpointConfig::new("test"), [9; 32], world.now);
        assert!(other.bring_to_end(&kept, world.now).is_none(), "{bad}");
        assert!(other.poll_transmit().is_none());
    }
}

/// The process died between writing down the answer and crossing out the question.
#[test]
fn a_call_that_came_back_is_not_turned_down() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (leg, tag) = world.incoming();
    let rang = world.endpoint.keep_unanswered(leg).unwrap();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    let (kept, secrets) = world.endpoint.keep(leg, world.now).unwrap();
    world.endpoint = Endpoint::new(EndpointConfig::new("test"), [9; 32], world.now);
    let away = Duration::from_secs(1);
    world
        .endpoint
        .restore(&kept, secrets, away, world.now)
        .unwrap();
    assert!(world.endpoint.bring_to_end(&rang, world.now).is_none());
    world.say(&message("BYE", "3", 2, &tag, ""));
    assert_eq!(world.statuses(), [200]);
}
