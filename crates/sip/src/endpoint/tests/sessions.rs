//! Session timers and glare as they look from outside.

use super::*;

const ASKED: &str = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n\
                     Allow: INVITE, ACK, BYE, UPDATE\r\n";

/// A call whose INVITE says this of its timer.
fn up(world: &mut World, extra: &str) -> (LegId, String, Response) {
    world.say(&message("INVITE", "1", 1, "", extra));
    let (leg, tag) = world.incoming();
    world.sent();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    let answer = world.response();
    world.say(&message("ACK", "2", 1, &tag, ""));
    assert!(matches!(world.event(), Event::Confirmed { .. }));
    (leg, tag, answer)
}

#[test]
fn a_call_whose_caller_stops_refreshing_is_hung_up() {
    let mut world = World::new();
    let (_, tag, answer) = up(&mut world, ASKED);
    let said = answer.headers.get(name::SESSION_EXPIRES);
    assert_eq!(said, Some("90;refresher=uac"));
    assert_eq!(answer.headers.get(name::REQUIRE), Some("timer"));
    world.pass(Duration::from_secs(50));
    world.say(&message("UPDATE", "3", 2, &tag, ASKED));
    let refreshed = world.response();
    assert_eq!(refreshed.headers.get(name::SESSION_EXPIRES), said);
    world.pass(Duration::from_secs(59));
    assert!(world.sent().is_empty());
    world.pass(Duration::from_secs(2));
    let bye = world.request();
    let reason = bye.headers.get(name::REASON).unwrap();
    assert!(bye.method == Method::Bye && reason.contains("408"));
    assert_eq!(world.ended(), EndCause::Expired);
}

#[test]
fn who_has_to_refresh_does_so_at_half_and_in_the_way_the_other_side_takes() {
    for (allow, method) in [
        ("Allow: INVITE, BYE, UPDATE\r\n", Method::Update),
        ("Allow: INVITE, BYE\r\n", Method::Invite),
    ] {
        let mut world = World::new();
        let (_, _, answer) = up(&mut world, &format!("Supported: timer\r\n{allow}"));
        let said = answer.headers.get(name::SESSION_EXPIRES);
        assert_eq!(said, Some("1800;refresher=uas"));
        for _ in 0..3 {
            world.pass(Duration::from_secs(899));
            assert!(world.sent().is_empty());
            world.pass(Duration::from_secs(1));
            let refresh = world.request();
            assert_eq!(refresh.method, method);
            let said = refresh.headers.get(name::SESSION_EXPIRES);
            assert_eq!(said, Some("1800;refresher=uac"));
            if method == Method::Invite {
                assert_eq!(refresh.body.as_ref(), b"v=0", "what is in force");
            }
            world.answer(
                &refresh,
                200,
                "",
                &[(name::SESSION_EXPIRES, "1800;refresher=uac")],
            );
            world.sent();
            world.endpoint.poll_event();
        }
        assert_eq!(world.endpoint.calls(), 1);
    }
}

#[test]
fn a_refresh_that_is_not_taken_is_tried_otherwise_and_one_that_finds_nobody_ends_the_call() {
    let mut world = World::new();
    up(&mut world, "Supported: timer\r\nAllow: UPDATE\r\n");
    world.pass(Duration::from_secs(900));
    let update = world.request();
    world.answer(&update, 405, "", &[]);
    world.pass(Duration::from_millis(1));
    let invite = world.request();
    assert_eq!(invite.method, Method::Invite);
    world.answer(&invite, 422, "", &[(name::MIN_SE, "3600")]);
    world.sent();
    world.pass(Duration::from_millis(1));
    let longer = world.request();
    let said = longer.headers.get(name::SESSION_EXPIRES);
    assert_eq!(said, Some("3600;refresher=uac"));
    world.answer(&longer, 481, "", &[]);
    assert_eq!(world.words(), ["ACK", "BYE"]);
    assert_eq!(world.ended(), EndCause::Timeout);
}

#[test]
fn a_call_of_ours_asks_for_a_timer_and_again_where_it_is_too_short() {
    let mut world = World::new();
    let (_, invite) = world.place(None);
    let said = invite.headers.get(name::SESSION_EXPIRES);
    assert_eq!(
        (said, invite.headers.get(name::MIN_SE)),
        (Some("1800"), Some("90"))
    );
    world.answer(&invite, 422, "x", &[(name::MIN_SE, "3600")]);
    let [Message::Request(_), Message::Request(again)] = &world.sent()[..] else {
        panic!("no second try");
    };
    let said = again.headers.get(name::SESSION_EXPIRES);
    assert_eq!(
        (said, again.headers.get(name::MIN_SE)),
        (Some("3600"), Some("3600"))
    );
    assert_eq!(again.headers.cseq().unwrap().number, 2);
    world.answer(again, 422, "x", &[(name::MIN_SE, "3600")]);
    world.sent();
    assert!(matches!(world.event(), Event::Declined { status: 422, .. }));
    assert_eq!(world.ended(), EndCause::Refused(422));
}

/// RFC 3261 14.1: the side that made the Call-ID waits longer.
#[test]
fn a_change_that_meets_one_of_theirs_is_tried_again() {
    for placed in [false, true] {
        let mut world = World::new();
        let leg = if placed {
            world.placed(&[])
        } else {
            up(&mut world, "").0
        };
        world.endpoint.change(leg, "v=1".into(), world.now).unwrap();
        let first = world.request();
        world.answer(&first, 491, "", &[]);
        assert_eq!(world.words(), ["ACK"]);
        let state = Err(CommandError::State);
        assert_eq!(world.endpoint.change(leg, "v=2".into(), world.now), state);
        let (soonest, latest) = if placed { (2099, 4001) } else { (0, 2001) };
        world.pass(Duration::from_millis(soonest));
        assert!(world.sent().is_empty() || !placed);
        world.pass(Duration::from_millis(latest - soonest));
        let again = world.request();
        assert_eq!(again.body.as_ref(), b"v=1");
        world.answer(&again, 200, "", &[]);
        assert!(matches!(
            world.event(),
            Event::Changed { result: Ok(_), .. }
        ));
    }
}

#[test]
fn a_change_that_meets_theirs_time_and_again_is_given_up() {
    let mut world = World::new();
    let leg = world.placed(&[]);
    world.endpoint.change(leg, "v=1".into(), world.now).unwrap();
    for _ in 0..7 {
        let request = world.request();
        world.answer(&request, 491, "", &[]);
        world.sent();
        world.pass(Duration::from_millis(4001));
    }
    assert!(matches!(
        world.event(),
        Event::Changed {
            result: Err(491),
            ..
        }
    ));
    assert!(world.sent().is_empty());
    assert_eq!(world.endpoint.calls(), 1);
}
