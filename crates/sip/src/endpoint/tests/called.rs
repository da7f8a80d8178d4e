//! Calls of others, from ringing to BYE.

use super::*;

#[test]
fn a_call_rings_is_answered_and_hung_up() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (leg, tag) = world.incoming();
    assert!(tag.starts_with("SCL_"));
    let trying = world.response();
    assert_eq!(
        (trying.status, trying.headers.to().unwrap().tag()),
        (100, None)
    );
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    assert_eq!(
        world.response().headers.to().unwrap().tag(),
        Some(tag.as_str())
    );
    let extra = [("X-Trunk".to_owned(), "a".to_owned())];
    world
        .endpoint
        .accept(leg, "v=0".into(), &extra, world.now)
        .unwrap();
    let ok = world.response();
    assert_eq!((ok.status, ok.body.as_ref()), (200, b"v=0".as_slice()));
    assert_eq!(ok.headers.get("x-trunk"), Some("a"));
    assert_eq!(
        ok.headers.contact().unwrap().uri.to_string(),
        "sip:192.0.2.1:5060"
    );
    world.say(&message("ACK", "2", 1, &tag, ""));
    assert!(matches!(
        world.endpoint.poll_event(),
        Some(Event::Confirmed { .. })
    ));
    world.say(&message("BYE", "3", 2, &tag, "Reason: Q.850;cause=16\r\n"));
    assert_eq!(world.statuses(), [200]);
    assert_eq!(
        world.ended(),
        EndCause::RemoteBye {
            reason: Some("Q.850;cause=16".to_owned())
        }
    );
    world.say(&message("BYE", "3", 2, &tag, "Reason: Q.850;cause=16\r\n"));
    assert_eq!(world.statuses(), [200], "a repeated BYE is answered again");
    world.pass(Duration::from_secs(60));
    assert_eq!(
        (world.endpoint.calls(), world.endpoint.transactions()),
        (0, 0)
    );
}

#[test]
fn a_repeated_invite_is_one_call_and_gets_the_last_answer_again() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (leg, _) = world.incoming();
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    world.sent();
    world.say(&message("INVITE", "1", 1, "", ""));
    assert_eq!(world.statuses(), [180]);
    assert!(world.endpoint.poll_event().is_none());
    world.say(&message("INVITE", "other", 1, "", ""));
    assert_eq!(world.statuses(), [482], "the same by another way");
}

#[test]
fn a_200_is_repeated_until_its_ack_and_then_given_up() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (leg, _) = world.incoming();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.sent();
    world.pass(Duration::from_secs(31));
    let repeats = world.statuses();
    assert!(
        repeats.len() >= 9 && repeats.iter().all(|s| *s == 200),
        "{repeats:?}"
    );
    world.pass(Duration::from_secs(2));
    assert_eq!(world.request().method, Method::Bye);
    assert_eq!(world.ended(), EndCause::NoAck);
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (leg, tag) = world.incoming();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.sent();
    let reason = vec![("Reason".to_owned(), "SIP;cause=200".to_owned())];
    world.endpoint.hangup(leg, reason, world.now).unwrap();
    assert!(world.sent().is_empty());
    world.say(&message("ACK", "2", 1, &tag, ""));
    let bye = world.request();
    assert_eq!(
        (bye.method, bye.headers.get(name::REASON)),
        (Method::Bye, Some("SIP;cause=200"))
    );
}

#[test]
fn cancel_before_and_after_ringing_and_after_the_answer() {
    for ring in [false, true] {
        let mut world = World::new();
        world.say(&message("INVITE", "1", 1, "", ""));
        let (leg, _) = world.incoming();
        if ring {
            world.endpoint.ring(leg, 180, None, world.now).unwrap();
        }
        world.sent();
        let why = "SIP;cause=200;text=\"Call completed elsewhere\"";
        let plain = message("CANCEL", "1", 1, "", "");
        let told = plain.replacen("\r\n", &format!("\r\nReason: {why}\r\n"), 1);
        world.say(if ring { &told } else { &plain });
        assert_eq!(world.statuses(), [200, 487]);
        let reason = ring.then(|| why.to_owned());
        assert_eq!(world.ended(), EndCause::RemoteCancel { reason });
        assert_eq!(
            world.endpoint.ring(leg, 180, None, world.now),
            Err(CommandError::Gone)
        );
    }
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (leg, tag) = world.incoming();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.sent();
    world.say(&message("CANCEL", "1", 1, "", ""));
    assert_eq!(world.statuses(), [200], "too late: the call stands");
    world.say(&message("ACK", "2", 1, &tag, ""));
    assert!(matches!(
        world.endpoint.poll_event(),
        Some(Event::Confirmed { .. })
    ));
    world.say(&message("CANCEL", "9", 1, "", ""));
    assert_eq!(world.statuses(), [481]);
}

#[test]
fn answers_go_where_the_phone_can_be_reached() {
    let mut world = World::new();
    let target = |world: &mut World| {
        let to = world.endpoint.poll_transmit().unwrap().flow.remote;
        world.sent();
        to.to_string()
    };
    let options = message("OPTIONS", "1", 1, "", "");
    world.say(&options);
    assert_eq!(target(&mut world), "192.0.2.9:5070");
    world.say(&options.replace("192.0.2.9:5070;", "192.0.2.9:9999;"));
    assert_eq!(target(&mut world), "192.0.2.9:9999");
    world.say(&options.replace("192.0.2.9:5070;", "192.0.2.9:9999;rport;"));
    assert_eq!(target(&mut world), "192.0.2.9:5070");
    world.say(&options.replace("192.0.2.9:5070;", "10.0.0.4:9999;"));
    assert_eq!(target(&mut world), "192.0.2.9:5070", "behind a NAT");
}

#[test]
fn info_is_handed_on() {
    let mut world = World::new();
    let (_, tag) = world.up();
    let info = message(
        "INFO",
        "5",
        2,
        &tag,
        "Content-Type: application/dtmf-relay\r\n",
    );
    world.say(&info.replace(
        "Content-Length: 0\r\n\r\n",
        "Content-Length: 9\r\n\r\nSignal=5\n",
    ));
    assert_eq!(world.statuses(), [200]);
    let Some(Event::Info {
        content_type, body, ..
    }) = world.endpoint.poll_event()
    else {
        panic!("no info");
    };
    assert_eq!(
        (content_type.as_str(), body.as_ref()),
        ("application/dtmf-relay", &b"Signal=5\n"[..])
    );
}
