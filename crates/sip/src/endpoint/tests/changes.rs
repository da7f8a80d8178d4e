//! Sessions that change, by INVITE and by UPDATE.

use super::*;

#[test]
fn old_and_overlapping_changes_are_refused() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    world.say(&message("INVITE", "5", 1, &tag, ""));
    assert_eq!(world.statuses(), [500], "an old number");
    world.say(&message("INVITE", "6", 2, &tag, ""));
    assert_eq!(world.statuses(), [100]);
    assert!(matches!(
        world.endpoint.poll_event(),
        Some(Event::Change { .. })
    ));
    world.say(&message("INVITE", "7", 3, &tag, ""));
    assert_eq!(world.statuses(), [500], "one at a time");
    world
        .endpoint
        .answer_change(leg, "v=0".into(), world.now)
        .unwrap();
    assert_eq!(world.statuses(), [200]);
    world.say(&message("ACK", "8", 2, &tag, ""));
    assert!(matches!(
        world.endpoint.poll_event(),
        Some(Event::Confirmed { .. })
    ));
    world.endpoint.change(leg, "v=0".into(), world.now).unwrap();
    assert_eq!(world.request().method, Method::Invite);
    world.say(&message("INVITE", "9", 4, &tag, ""));
    assert_eq!(world.statuses(), [491], "both at once");
}

#[test]
fn a_reinvite_can_be_withdrawn_without_ending_the_call() {
    let mut world = World::new();
    let (_, tag) = world.up();
    world.say(&message("INVITE", "6", 2, &tag, ""));
    world.endpoint.poll_event();
    world.sent();
    world.say(&message("CANCEL", "6", 2, &tag, ""));
    assert_eq!(world.statuses(), [200, 487]);
    assert!(world.endpoint.poll_event().is_none());
    world.say(&message("BYE", "7", 3, &tag, ""));
    assert_eq!(world.statuses(), [200]);
}

/// A phone that holds with UPDATE got 405 and could not hold at all.
#[test]
fn an_update_changes_the_session_without_an_ack() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    let update = |branch: &str, cseq: u32| {
        message(
            "UPDATE",
            branch,
            cseq,
            &tag,
            "Content-Type: application/sdp\r\n",
        )
        .replace("Content-Length: 0\r\n\r\n", "Content-Length: 3\r\n\r\nv=0")
    };
    world.say(&update("3", 2));
    world.say(&update("3", 2));
    let Some(Event::Change { request, .. }) = world.endpoint.poll_event() else {
        panic!("no change");
    };
    assert_eq!(&request.body[..], b"v=0");
    assert!(world.endpoint.poll_event().is_none(), "told once");
    world
        .endpoint
        .answer_change(leg, "v=0".into(), world.now)
        .unwrap();
    let answer = world.response();
    assert_eq!((answer.status, &answer.body[..]), (200, b"v=0".as_slice()));
    assert!(answer.headers.get(name::CONTACT).is_some());
    // Nobody waits for an ACK; the next change may follow at once, and be refused.
    world.say(&update("4", 3));
    assert!(matches!(
        world.endpoint.poll_event(),
        Some(Event::Change { .. })
    ));
    world
        .endpoint
        .refuse_change(leg, &Rejection::status(488), world.now)
        .unwrap();
    assert_eq!(world.statuses(), [488]);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.endpoint.calls(), 1);
    assert_eq!(world.endpoint.transactions(), 0);
}

#[test]
fn an_update_without_an_offer_is_a_sign_of_life_and_one_of_no_call_is_told_so() {
    let mut world = World::new();
    let (_, tag) = world.up();
    world.say(&message("UPDATE", "3", 2, &tag, ""));
    let answer = world.response();
    assert_eq!(answer.status, 200);
    assert!(answer.headers.get(name::CONTACT).is_some());
    assert!(world.endpoint.poll_event().is_none());
    world.say(&message("UPDATE", "4", 3, "nobody", ""));
    assert_eq!(world.statuses(), [481]);
}

#[test]
fn an_offer_in_an_update_waits_until_the_one_before_is_answered() {
    let mut world = World::new();
    let (_, tag) = world.up();
    world.say(&message("INVITE", "3", 2, &tag, ""));
    world.sent();
    let update = message("UPDATE", "4", 3, &tag, "Content-Type: application/sdp\r\n")
        .replace("Content-Length: 0\r\n\r\n", "Content-Length: 3\r\n\r\nv=0");
    world.say(&update);
    assert_eq!(world.statuses(), [500]);
}

/// The 491 to a re-INVITE was lost, and its repeat was an old number: 500.
#[test]
fn a_repeated_change_hears_its_refusal_again() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    world.endpoint.change(leg, "v=1".into(), world.now).unwrap();
    world.sent();
    let theirs = message("INVITE", "5", 2, &tag, "");
    world.say(&theirs);
    world.say(&theirs);
    assert_eq!(world.statuses(), [491, 491]);
    world.say(&message("ACK", "5", 2, &tag, ""));
    world.pass(Duration::from_millis(1200));
    let repeats = world.statuses();
    assert!(repeats.iter().all(|status| *status == 0), "{repeats:?}");
    assert_eq!(world.endpoint.calls(), 1);
}
