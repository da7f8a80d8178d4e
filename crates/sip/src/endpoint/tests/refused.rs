//! What is refused, and in which words.

use super::*;

#[test]
fn requests_that_make_no_sense_are_refused_by_name() {
    let mut world = World::new();
    let mut ask = |text: String| {
        world.say(&text);
        world.response()
    };
    let options = ask(message("OPTIONS", "1", 1, "", ""));
    assert_eq!(options.status, 200);
    assert!(options.headers.get(name::ALLOW).unwrap().contains("INVITE"));
    assert!(
        options
            .headers
            .get(name::ACCEPT)
            .unwrap()
            .contains("application/sdp")
    );
    assert_eq!(ask(message("SUBSCRIBE", "2", 1, "", "")).status, 405);
    assert_eq!(
        options.headers.get(name::SUPPORTED),
        Some("100rel, timer, replaces")
    );
    let required = "Require: 100rel, x, Timer, y\r\n";
    let extension = ask(message("INVITE", "3", 1, "", required));
    assert_eq!(extension.status, 420);
    assert_eq!(extension.headers.get(name::UNSUPPORTED), Some("x, y"));
    let interval = "Supported: timer\r\nSession-Expires: 60\r\n";
    let interval = ask(message("INVITE", "3b", 1, "", interval));
    let least = interval.headers.get(name::MIN_SE);
    assert_eq!((interval.status, least), (422, Some("90")));
    for method in ["PRACK", "REFER", "NOTIFY", "UPDATE"] {
        assert_eq!(
            ask(message(method, method, 1, "", "")).status,
            481,
            "{method}"
        );
    }
    assert_eq!(ask(message("BYE", "4", 1, "ghost", "")).status, 481);
    assert_eq!(ask(message("BYE", "5", 1, "", "")).status, 481);
    assert_eq!(ask(message("INFO", "6", 1, "ghost", "")).status, 481);
    let tel = message("INVITE", "7", 1, "", "").replace("INVITE sip:100@192.0.2.1", "INVITE im:x");
    assert_eq!(ask(tel).status, 416);
    let odd = message("INVITE", "8", 1, "", "Content-Type: text/plain\r\n");
    let odd = odd.replace("Content-Length: 0\r\n\r\n", "Content-Length: 1\r\n\r\nx");
    assert_eq!(ask(odd).status, 415);
    let nobody = message("INVITE", "9", 1, "", "").replace("Call-ID: c1\r\n", "");
    assert_eq!(ask(nobody).status, 400);
    world.say("INVITE sip:a@b SIP/2.0\r\n\r\n");
    world.say("ACK sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKq\r\n\r\n");
    assert!(
        world.sent().is_empty(),
        "without a Via there is nowhere to answer"
    );
    assert_eq!(world.endpoint.calls(), 0);
}

#[test]
fn a_tag_alone_does_not_open_a_call() {
    let mut world = World::new();
    let (_, tag) = world.up();
    let foreign = message("BYE", "6", 2, &tag, "").replace("Call-ID: c1", "Call-ID: c2");
    world.say(&foreign);
    assert_eq!(world.statuses(), [481]);
    let other_tag = message("BYE", "7", 2, &tag, "").replace("tag=them", "tag=evil");
    world.say(&other_tag);
    assert_eq!(world.statuses(), [481]);
    assert_eq!(world.endpoint.calls(), 1);
}

#[test]
fn floods_full_houses_and_drains_get_503() {
    let mut world = World::with(Limits {
        calls: 1,
        ..Limits::default()
    });
    world.say(&message("INVITE", "1", 1, "", ""));
    world.incoming();
    world.sent();
    let second = message("INVITE", "2", 1, "", "").replace("Call-ID: c1", "Call-ID: c2");
    world.say(&second);
    let busy = world.response();
    assert_eq!(
        (busy.status, busy.headers.get(name::RETRY_AFTER)),
        (503, Some("5"))
    );
    let mut world = World::new();
    world.endpoint.drain();
    world.say(&message("INVITE", "1", 1, "", ""));
    assert_eq!(world.statuses(), [503]);
    world.say(&message("OPTIONS", "2", 1, "", ""));
    assert_eq!(world.statuses(), [503]);
    let mut world = World::with(Limits {
        invites_per_second: 1,
        ..Limits::default()
    });
    for n in 0..5 {
        let text = message("INVITE", &format!("f{n}"), 1, "", "");
        world.say(&text.replace("Call-ID: c1", &format!("Call-ID: f{n}")));
    }
    assert_eq!(world.statuses(), [100, 100, 503, 503, 503]);
}

#[test]
fn a_route_set_that_no_request_can_pass_is_refused() {
    let mut world = World::new();
    let routes = format!("Record-Route: {}<sip:h;lr>\r\n", "<sip:h;lr>,".repeat(70));
    world.say(&message("INVITE", "1", 1, "", &routes));
    let refused = world.response();
    let said = (refused.status, refused.reason.as_str());
    assert_eq!(said, (400, "Record-Route is too long"));
}
