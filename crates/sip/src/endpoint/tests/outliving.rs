//! Calls whose endpoint dies, and goes on as another.

use super::*;

/// The process dies and comes back after `away`: of its calls it has what was written down.
fn reborn(world: &mut World, leg: LegId, away: Duration) -> LegId {
    let (kept, secrets) = world.endpoint.keep(leg, world.now).unwrap();
    let written = serde_json::to_string(&kept).unwrap();
    let kept: KeptLeg = serde_json::from_str(&written).unwrap();
    world.endpoint = Endpoint::new(EndpointConfig::new("test"), [9; 32], world.now);
    world.endpoint.know(vec!["192.0.2.0/24".parse().unwrap()]);
    world.now += away;
    let restored = world.endpoint.restore(&kept, secrets, away, world.now);
    restored.expect("the call is read")
}

const AWAY: Duration = Duration::from_secs(4);

#[test]
fn a_caller_hangs_up_on_an_endpoint_that_was_born_after_the_call() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    reborn(&mut world, leg, AWAY);
    assert!(world.sent().is_empty(), "nobody is bothered");
    world.say(&message("BYE", "3", 2, &tag, ""));
    assert_eq!(world.statuses(), [200]);
    assert!(matches!(world.ended(), EndCause::RemoteBye { .. }));
    world.say(&message("BYE", "4", 3, &tag, ""));
    assert_eq!(world.statuses(), [481]);
}

#[test]
fn a_caller_changes_the_session_and_an_old_request_is_still_old() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    world.say(&message("INFO", "3", 7, &tag, ""));
    world.sent();
    world.endpoint.poll_event();
    let leg = reborn(&mut world, leg, AWAY);
    world.say(&message("INVITE", "4", 6, &tag, ""));
    assert_eq!(world.statuses(), [500]);
    world.say(&message("INVITE", "5", 8, &tag, ""));
    assert!(matches!(world.event(), Event::Change { .. }));
    world
        .endpoint
        .answer_change(leg, "v=1".into(), world.now)
        .unwrap();
    assert_eq!(world.response().status, 200);
}

/// RFC 3515 2.4.7: the subscription ends with a last NOTIFY, not with silence.
#[test]
fn who_waits_for_a_transfer_hears_that_it_was_given_up_and_may_ask_again() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    let refer = |cseq: u32| {
        let to = "Refer-To: <sip:500@192.0.2.77>\r\n";
        message("REFER", &format!("r{cseq}"), cseq, &tag, to)
    };
    world.say(&refer(2));
    assert!(matches!(world.event(), Event::Refer { .. }));
    world.endpoint.accept_refer(leg, world.now).unwrap();
    world.sent();
    reborn(&mut world, leg, AWAY);
    let last = world.request();
    assert_eq!(last.method, Method::Notify);
    assert_eq!(last.body.as_ref(), b"SIP/2.0 503 Service Unavailable\r\n");
    assert_eq!(last.headers.get(name::EVENT), Some("refer;id=2"));
    let state = last.headers.get(name::SUBSCRIPTION_STATE).unwrap();
    assert!(state.starts_with("terminated"));
    world.answer(&last, 200, "", &[]);
    world.say(&refer(3));
    assert!(matches!(world.event(), Event::Refer { .. }));
}

#[test]
fn our_goodbye_has_the_calls_names_and_a_number_that_was_never_used() {
    for placed in [false, true] {
        let mut world = World::new();
        let leg = if placed {
            world.placed(&[])
        } else {
            world.up().0
        };
        let before = world.endpoint.legs[&leg].dialog.clone().unwrap();
        let (key, last) = (before.key().clone(), before.local_seq());
        let leg = reborn(&mut world, leg, AWAY);
        let reason = vec![("Reason".to_owned(), "Q.850;cause=41".to_owned())];
        world.endpoint.hangup(leg, reason, world.now).unwrap();
        let bye = world.request();
        assert_eq!(bye.method, Method::Bye);
        assert_eq!(bye.headers.call_id().unwrap(), key.call_id);
        assert_eq!(
            bye.headers.from().unwrap().tag(),
            Some(key.local_tag.as_str())
        );
        assert_eq!(
            bye.headers.to().unwrap().tag(),
            Some(key.remote_tag.as_str())
        );
        assert!(bye.headers.cseq().unwrap().number > last + 1);
        assert_eq!(bye.headers.get("Reason"), Some("Q.850;cause=41"));
        world.answer(&bye, 200, "", &[]);
        assert_eq!(world.ended(), EndCause::Local);
    }
}

#[test]
fn routes_and_a_target_that_moved_are_kept() {
    let mut world = World::new();
    let routes = "Record-Route: <sip:192.0.2.7;lr>\r\nRecord-Route: <sip:192.0.2.8;lr>\r\n";
    world.say(&message("INVITE", "1", 1, "", routes));
    let (leg, tag) = world.incoming();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.say(&message("ACK", "2", 1, &tag, ""));
    let moved = message("INVITE", "3", 2, &tag, "")
        .replace("<sip:200@192.0.2.9:5070>", "<sip:moved@192.0.2.9:5099>");
    world.say(&moved);
    world
        .endpoint
        .answer_change(leg, "v=0".into(), world.now)
        .unwrap();
    world.say(&message("ACK", "4", 2, &tag, ""));
    while world.endpoint.poll_event().is_some() {}
    world.sent();
    let leg = reborn(&mut world, leg, AWAY);
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    let bye = world.request();
    let routes: Vec<&str> = bye.headers.lines(name::ROUTE).collect();
    assert_eq!(routes, ["<sip:192.0.2.7;lr>", "<sip:192.0.2.8;lr>"]);
    assert!(bye.to_bytes().starts_with(b"BYE sip:moved@192.0.2.9:5099 "));
}

/// RFC 4028: whoever refreshes goes on refreshing, and whoever waits does not wait longer than before.
#[test]
fn a_session_timer_runs_on_while_nobody_was_there() {
    let timer = "Supported: timer\r\nAllow: INVITE, BYE, UPDATE\r\n";
    let asked = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    for (extra, left, word) in [(timer, 896, "UPDATE"), (asked, 56, "BYE")] {
        let mut world = World::new();
        world.say(&message("INVITE", "1", 1, "", extra));
        let (leg, tag) = world.incoming();
        world
            .endpoint
            .accept(leg, "v=0".into(), &[], world.now)
            .unwrap();
        world.say(&message("ACK", "2", 1, &tag, ""));
        reborn(&mut world, leg, AWAY);
        world.pass(Duration::from_secs(left - 1));
        assert!(world.sent().is_empty(), "{word} too soon");
        world.pass(Duration::from_secs(2));
        assert_eq!(world.words()[0], word);
    }
}

/// Nobody refreshed for as long as the call may stand: the other side has given it up.
#[test]
fn a_call_whose_timer_ran_out_meanwhile_is_said_goodbye_to() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", "Supported: timer\r\n"));
    let (leg, tag) = world.incoming();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.say(&message("ACK", "2", 1, &tag, ""));
    reborn(&mut world, leg, Duration::from_secs(3_600));
    world.pass(Duration::from_millis(1));
    assert_eq!(world.words(), ["BYE"]);
    assert_eq!(world.ended(), EndCause::Expired);
}

#[test]
fn a_call_over_tcp_goes_on_over_whichever_connection_its_side_comes_back_on() {
    let mut world = World::new();
    world.flow.transport = Transport::Tcp;
    let (leg, tag) = {
        let tcp = |text: String| text.replace("SIP/2.0/UDP", "SIP/2.0/TCP");
        world.say(&tcp(message("INVITE", "1", 1, "", "")));
        let (leg, tag) = world.incoming();
        world
            .endpoint
            .accept(leg, "v=0".into(), &[], world.now)
            .unwrap();
        world.say(&tcp(message("ACK", "2", 1, &tag, "")));
        (leg, tag)
    };
    world.sent();
    let leg = reborn(&mut world, leg, AWAY);
    world.flow.remote = "192.0.2.9:40777".parse().unwrap();
    world.say(&message("INFO", "3", 2, &tag, "").replace("SIP/2.0/UDP", "SIP/2.0/TCP"));
    world.sent();
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    let bye = world.endpoint.poll_transmit().unwrap();
    assert_eq!(bye.flow.remote, world.flow.remote);
    assert!(bye.otherwise.is_some(), "or to its Contact");
}

#[test]
fn only_answered_calls_are_kept_and_each_change_shows() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (leg, tag) = world.incoming();
    let mark = |world: &World| world.endpoint.mark(leg).map(|(_, mark)| mark);
    assert_eq!(mark(&world), None, "it rings");
    assert_eq!(world.endpoint.kept().count(), 0);
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.say(&message("ACK", "2", 1, &tag, ""));
    let up = mark(&world).unwrap();
    assert_eq!(mark(&world), Some(up));
    assert_eq!(world.endpoint.kept().collect::<Vec<_>>(), [leg]);
    world.say(&message("INVITE", "3", 2, &tag, ""));
    let asked = mark(&world).unwrap();
    assert_ne!(asked, up);
    world
        .endpoint
        .answer_change(leg, bytes::Bytes::from(b"v=1".to_vec()), world.now)
        .unwrap();
    assert_ne!(mark(&world).unwrap(), asked);
    let (kept, secrets) = world.endpoint.keep(leg, world.now).unwrap();
    assert!(
        world
            .endpoint
            .restore(&kept, secrets, AWAY, world.now)
            .is_none(),
        "it is here"
    );
}
