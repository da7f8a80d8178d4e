//! Requests inside a call, in numbers.

use super::*;

fn info(n: u32, tag: &str) -> String {
    message("INFO", &format!("i{n}"), n, tag, "")
}

fn offer(n: u32, tag: &str) -> String {
    message(
        "UPDATE",
        &format!("u{n}"),
        n,
        tag,
        "Content-Type: application/sdp\r\n",
    )
    .replace("Content-Length: 0\r\n\r\n", "Content-Length: 3\r\n\r\nv=0")
}

/// One caller's INFOs filled the table of all, and other callers got 503.
#[test]
fn a_call_keeps_its_latest_answers_only() {
    let mut world = World::with(Limits {
        transactions: 60,
        ..Limits::default()
    });
    let (leg, tag) = world.up();
    for n in 2..2_000 {
        world.say(&info(n, &tag));
        assert_eq!(world.statuses(), [200], "{n}");
        assert!(matches!(
            world.endpoint.poll_event(),
            Some(Event::Info { .. })
        ));
    }
    world.say(&info(1_999, &tag));
    assert_eq!(world.statuses(), [200], "a repeat of the last is known");
    assert!(world.endpoint.poll_event().is_none());
    assert!(world.endpoint.transactions() < 20);
    for n in 2_000..2_100 {
        world.say(&offer(n, &tag));
        world.endpoint.poll_event();
        world
            .endpoint
            .answer_change(leg, "v=0".into(), world.now)
            .unwrap();
    }
    assert!(world.endpoint.transactions() < 20);
    for n in 3_000..3_100 {
        world.say(&message("INVITE", &format!("r{n}"), n, &tag, ""));
        world.endpoint.poll_event();
        world
            .endpoint
            .answer_change(leg, "v=0".into(), world.now)
            .unwrap();
        world.say(&message("ACK", &format!("a{n}"), n, &tag, ""));
        world.endpoint.poll_event();
    }
    assert!(world.endpoint.transactions() < 20);
    world.sent();
    let other = message("INVITE", "other", 1, "", "").replace("c1", "c2");
    world.say(&other);
    assert_eq!(world.statuses(), [100]);
    assert!(
        world.endpoint.table.waits() < 60,
        "nor do their deadlines stay"
    );
}

#[test]
fn large_answers_are_not_kept_in_numbers() {
    let mut world = World::new();
    let (_, tag) = world.up();
    let pad = format!("Via: SIP/2.0/UDP h;branch={}\r\n", "x".repeat(30_000));
    for n in 2..40 {
        world.say(&message("INFO", &format!("i{n}"), n, &tag, &pad));
    }
    assert!(world.endpoint.transactions() <= 4);
}

/// The table is full of others' requests.
#[test]
fn at_a_full_table_a_call_waits_and_its_goodbye_is_heard() {
    let mut world = World::with(Limits {
        transactions: 1,
        ..Limits::default()
    });
    let (_, tag) = world.up();
    for request in [
        info(2, &tag),
        offer(3, &tag),
        message("INVITE", "r4", 4, &tag, ""),
    ] {
        world.say(&request);
        let answer = world.response();
        assert_eq!(answer.status, 503);
        assert!(answer.headers.get(name::RETRY_AFTER).is_some());
    }
    assert!(world.endpoint.poll_event().is_none());
    world.say(&message("OPTIONS", "o5", 5, &tag, ""));
    assert_eq!(world.statuses(), [200], "leaves nothing behind");
    world.say(&message("BYE", "b6", 6, &tag, ""));
    assert_eq!(world.statuses(), [200]);
    assert!(matches!(world.ended(), EndCause::RemoteBye { .. }));
    assert_eq!(world.endpoint.transactions(), 1);
}

#[test]
fn what_was_asked_inside_a_call_ends_with_it() {
    let mut world = World::new();
    let (_, tag) = world.up();
    for n in 2..10 {
        world.say(&info(n, &tag));
        world.endpoint.poll_event();
    }
    world.say(&message("BYE", "b", 20, &tag, ""));
    world.ended();
    assert_eq!(world.endpoint.transactions(), 2, "its INVITE and its BYE");
    world.sent();
    world.say(&message("BYE", "b", 20, &tag, ""));
    assert_eq!(world.statuses(), [200]);
}
