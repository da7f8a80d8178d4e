//! REFER, both ways.

use super::*;
use crate::dialog::Replaces;

fn notify(world: &World, branch: &str, cseq: u32, state: &str, fragment: &str) -> String {
    let key = world.endpoint.dialogs.keys().next().unwrap();
    let (call, ours, theirs) = (&key.call_id, &key.local_tag, &key.remote_tag);
    let length = fragment.len();
    format!(
        "NOTIFY sip:1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK{branch}\r\n\
         From: <sip:100@192.0.2.9>;tag={theirs}\r\nTo: <sip:1@192.0.2.1>;tag={ours}\r\n\
         Call-ID: {call}\r\nCSeq: {cseq} NOTIFY\r\nEvent: refer\r\n\
         Subscription-State: {state}\r\nContent-Type: message/sipfrag\r\n\
         Content-Length: {length}\r\n\r\n{fragment}"
    )
}

fn target() -> crate::uri::Uri {
    crate::uri::Uri::parse("sip:500@192.0.2.77").unwrap()
}

fn news(world: &mut World) -> TransferNews {
    match world.event() {
        Event::Transfer { news, .. } => news,
        other => panic!("{other:?}"),
    }
}

/// A call of ours, and the REFER that went out in it.
fn referring(world: &mut World) -> (LegId, Request) {
    let leg = world.placed(&[]);
    let refer = ReferRequest::to(target());
    world.endpoint.refer(leg, &refer, world.now).unwrap();
    let again = world.endpoint.refer(leg, &refer, world.now);
    assert_eq!(again, Err(CommandError::State), "one at a time");
    (leg, world.request())
}

#[test]
fn a_transfer_is_told_as_it_goes_and_the_call_stays() {
    for (last, outcome) in [
        ("SIP/2.0 200 OK\r\n", TransferOutcome::Completed),
        ("SIP/2.0 603 Decline\r\n", TransferOutcome::Rejected(603)),
        ("", TransferOutcome::Untold),
    ] {
        let mut world = World::new();
        let (leg, refer) = referring(&mut world);
        assert_eq!(
            refer.headers.get(name::REFER_TO),
            Some("<sip:500@192.0.2.77>")
        );
        assert!(refer.headers.get(name::REFERRED_BY).is_some());
        // A NOTIFY may overtake the 202.
        let first = notify(&world, "n1", 1, "active;expires=60", "SIP/2.0 100 Trying");
        world.say(&first);
        world.say(&first);
        assert_eq!(world.statuses(), [200, 200]);
        assert_eq!(news(&mut world), TransferNews::Progress(100));
        world.answer(&refer, 202, "", &[]);
        world.say(&notify(
            &world,
            "n2",
            2,
            "terminated;reason=noresource",
            last,
        ));
        assert_eq!(news(&mut world), TransferNews::Over(outcome));
        world.say(&notify(&world, "n3", 3, "terminated", "SIP/2.0 200 OK"));
        assert_eq!(world.statuses(), [200, 200]);
        assert!(world.endpoint.poll_event().is_none(), "it was over");
        world
            .endpoint
            .refer(leg, &ReferRequest::to(target()), world.now)
            .unwrap();
        assert_eq!(world.endpoint.calls(), 1);
    }
}

#[test]
fn news_of_an_earlier_transfer_end_no_later_one() {
    let mut world = World::new();
    let (leg, first) = referring(&mut world);
    world.answer(&first, 202, "", &[]);
    world.say(&notify(&world, "n1", 1, "active", "SIP/2.0 486 Busy Here"));
    assert_eq!(
        news(&mut world),
        TransferNews::Over(TransferOutcome::Rejected(486))
    );
    assert_eq!(world.statuses(), [200]);
    let refer = ReferRequest::to(target());
    world.endpoint.refer(leg, &refer, world.now).unwrap();
    let second = world.request();
    world.answer(&second, 202, "", &[]);
    let mut told = |branch: &str, cseq: u32, of: &Request| {
        let id = of.headers.cseq().unwrap().number;
        let event = format!("Event: refer; ID = {id}");
        let text = notify(&world, branch, cseq, "terminated", "SIP/2.0 200 OK");
        world.say(&text.replace("Event: refer", &event));
        world.statuses()
    };
    assert_eq!(told("n2", 2, &first), [481]);
    assert_eq!(told("n3", 3, &second), [200]);
    assert_eq!(
        news(&mut world),
        TransferNews::Over(TransferOutcome::Completed)
    );
    assert!(world.endpoint.poll_event().is_none());
}

#[test]
fn a_transfer_that_is_refused_forgotten_or_outlived_has_an_outcome_too() {
    let mut world = World::new();
    let (_, refer) = referring(&mut world);
    world.answer(&refer, 405, "", &[]);
    assert_eq!(
        news(&mut world),
        TransferNews::Over(TransferOutcome::Rejected(405))
    );
    let mut world = World::new();
    referring(&mut world);
    world.pass(Duration::from_secs(33));
    assert_eq!(
        news(&mut world),
        TransferNews::Over(TransferOutcome::TimedOut)
    );
    let mut world = World::new();
    let (_, refer) = referring(&mut world);
    world.answer(&refer, 202, "", &[]);
    world.pass(Duration::from_secs(121));
    assert_eq!(
        news(&mut world),
        TransferNews::Over(TransferOutcome::TimedOut)
    );
    assert_eq!(world.endpoint.calls(), 1);
    let mut world = World::new();
    let (leg, refer) = referring(&mut world);
    world.answer(&refer, 202, "", &[]);
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    let bye = world.request();
    world.answer(&bye, 200, "", &[]);
    assert_eq!(
        news(&mut world),
        TransferNews::Over(TransferOutcome::CallEnded)
    );
    assert_eq!(world.ended(), EndCause::Local);
}

/// Many phones go as soon as they have agreed, and tell nothing any more.
#[test]
fn who_hangs_up_after_agreeing_has_gone_and_who_does_before_has_not() {
    for (agrees, outcome) in [
        (true, TransferOutcome::HungUp),
        (false, TransferOutcome::CallEnded),
    ] {
        let mut world = World::new();
        let (_, refer) = referring(&mut world);
        if agrees {
            world.answer(&refer, 202, "", &[]);
        }
        let bye = notify(&world, "b1", 1, "active", "").replace("NOTIFY", "BYE");
        world.say(&bye);
        assert_eq!(news(&mut world), TransferNews::Over(outcome));
        assert!(matches!(world.ended(), EndCause::RemoteBye { .. }));
    }
}

#[test]
fn a_notify_of_nothing_we_asked_for_is_refused() {
    let mut world = World::new();
    world.placed(&[]);
    world.say(&notify(&world, "n1", 1, "active", "SIP/2.0 200 OK"));
    assert_eq!(world.statuses(), [481]);
    let odd = notify(&world, "n2", 2, "active", "").replace("Event: refer", "Event: dialog");
    world.say(&odd);
    assert_eq!(world.statuses(), [489]);
}

#[test]
fn an_attended_transfer_names_the_other_call() {
    let mut world = World::new();
    let leg = world.placed(&[]);
    let refer = ReferRequest {
        replaces: Replaces::parse("a@b;to-tag=t;from-tag=f"),
        ..ReferRequest::to(target())
    };
    world.endpoint.refer(leg, &refer, world.now).unwrap();
    let request = world.request();
    let text = request.headers.get(name::REFER_TO).unwrap();
    assert!(
        text.starts_with("<sip:500@192.0.2.77?Replaces=a%40b%3B"),
        "{text}"
    );
}

/// The other call of an attended transfer: its phone knows it by its own tag first.
#[test]
fn our_place_in_a_call_is_told_as_its_phone_knows_it_once_it_is_up() {
    for (supported, says) in [
        ("", None),
        ("Supported: timer\r\n", Some(false)),
        ("k: timer, Replaces\r\n", Some(true)),
    ] {
        let mut world = World::new();
        world.say(&message("INVITE", "1", 1, "", supported));
        let (leg, tag) = world.incoming();
        assert_eq!(world.endpoint.seat(leg), Err(CommandError::State));
        let (sdp, now) = ("v=0".into(), world.now);
        world.endpoint.accept(leg, sdp, &[], now).unwrap();
        let seat = world.endpoint.seat(leg).unwrap();
        assert_eq!(seat.takes_replaces, says, "{supported}");
        assert_eq!(
            seat.replaces.to_string(),
            format!("c1;to-tag=them;from-tag={tag}")
        );
        assert_eq!(seat.target.number(), "200");
    }
    let mut world = World::new();
    let (leg, invite) = world.place(None);
    assert_eq!(world.endpoint.seat(leg), Err(CommandError::State));
    world.answer(&invite, 200, "far", &[("Supported", "replaces")]);
    let seat = world.endpoint.seat(leg).unwrap();
    let ours = invite.headers.from().unwrap().tag().unwrap().to_owned();
    assert_eq!(
        (seat.replaces.to_tag, seat.replaces.from_tag),
        ("far".to_owned(), ours)
    );
    assert_eq!(seat.takes_replaces, Some(true));
}

fn asked(world: &mut World, to: &str) -> LegId {
    let (leg, tag) = world.up();
    world.say(&message(
        "REFER",
        "5",
        2,
        &tag,
        &format!("Refer-To: {to}\r\n"),
    ));
    leg
}

#[test]
fn who_asks_us_for_a_transfer_hears_yes_and_how_it_goes() {
    let mut world = World::new();
    let to = "<sip:500@192.0.2.77?Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df>";
    let leg = asked(&mut world, to);
    let Event::Refer { referral, .. } = world.event() else {
        panic!("not told");
    };
    assert_eq!(referral.target.uri, target());
    assert_eq!(
        referral.replaces,
        Replaces::parse("a@b;to-tag=t;from-tag=f")
    );
    let state = Err(CommandError::State);
    assert_eq!(
        world.endpoint.notify(leg, 180, world.now),
        state,
        "no yes yet"
    );
    world.endpoint.accept_refer(leg, world.now).unwrap();
    assert_eq!(world.words(), ["202", "NOTIFY"]);
    world.endpoint.notify(leg, 200, world.now).unwrap();
    let last = world.request();
    assert_eq!(last.body.as_ref(), b"SIP/2.0 200 OK\r\n");
    assert_eq!(last.headers.get(name::EVENT), Some("refer;id=2"));
    let state = last.headers.get(name::SUBSCRIPTION_STATE).unwrap();
    assert!(state.starts_with("terminated"));
    assert!(
        world.endpoint.notify(leg, 200, world.now).is_err(),
        "it was the last"
    );
}

#[test]
fn who_asks_us_for_a_transfer_hears_no_and_the_call_goes_on() {
    let mut world = World::new();
    let leg = asked(&mut world, "<sip:500@192.0.2.77>");
    assert!(matches!(world.event(), Event::Refer { .. }));
    world
        .endpoint
        .refuse_refer(leg, &Rejection::status(603), world.now)
        .unwrap();
    assert_eq!(world.statuses(), [603]);
    assert_eq!(world.endpoint.calls(), 1);
    for (to, reason) in [
        ("<sip:a@b>, <sip:c@d>", "Refer-To is there twice"),
        ("hello", "Refer-To is malformed"),
        ("<sip:a@b?Replaces=x>", "Replaces is malformed"),
    ] {
        let mut world = World::new();
        asked(&mut world, to);
        let refused = world.response();
        assert_eq!((refused.status, refused.reason.as_str()), (400, reason));
    }
}

#[test]
fn who_passes_a_call_on_before_it_is_answered_hears_why_not() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (leg, tag) = world.incoming();
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    assert!(world.statuses().contains(&180));
    let to = "Refer-To: <sip:500@192.0.2.77>\r\n";
    world.say(&message("REFER", "5", 2, &tag, to));
    let refused = world.response();
    assert_eq!(refused.status, 403);
    let reason = refused.headers.get(name::REASON).unwrap();
    assert!(reason.contains("once it is answered"), "{reason}");
    assert!(world.endpoint.poll_event().is_none());
}

#[test]
fn a_transfer_nobody_answers_leaves_nothing_behind() {
    let mut world = World::new();
    let leg = asked(&mut world, "<sip:500@192.0.2.77>");
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    world.pass(Duration::from_secs(120));
    let left = (world.endpoint.calls(), world.endpoint.transactions());
    assert_eq!(left, (0, 0));
}

/// What a REFER brings beside a number would be written into a request of ours.
#[test]
fn what_a_refer_may_not_ask_for_is_refused_in_words_and_the_call_goes_on() {
    for (to, status) in [
        ("<sip:a@b;method=BYE>", 403),
        ("<sip:a@b>;method=SUBSCRIBE", 403),
        ("sip:a@b;method=REFER", 403),
        ("<sip:a@b?Route=%3Csip:evil%3E>", 403),
        (
            "<sip:a@b?Replaces=a%3Bto-tag%3Dt%3Bfrom-tag%3Df&X-Tenant=acme>",
            403,
        ),
        (
            "<sip:a@b?%52eplaces=a%3Bto-tag%3Dt%3Bfrom-tag%3Df&Require=100rel>",
            403,
        ),
        (
            "<tel:+15550100?Replaces=a%3Bto-tag%3Dt%3Bfrom-tag%3Df>",
            400,
        ),
        ("<http://example.com/>", 416),
        ("<mailto:a@b>", 416),
    ] {
        let mut world = World::new();
        asked(&mut world, to);
        assert_eq!(world.statuses(), [status], "{to}");
        assert!(world.endpoint.poll_event().is_none(), "{to}");
        assert_eq!(world.endpoint.calls(), 1);
    }
    let unescaped = "<sip:a@b?Replaces=12@pbx;to-tag=t;from-tag=f>";
    for (to, plain) in [
        (unescaped, "sip:a@b"),
        ("<sip:a@b;method=INVITE>", "sip:a@b"),
        ("<tel:+15550100>", "tel:+15550100"),
        (
            "<sip:a@b?Require=replaces&Replaces=a%3Bto-tag%3Dt%3Bfrom-tag%3Df>",
            "sip:a@b",
        ),
    ] {
        let mut world = World::new();
        asked(&mut world, to);
        let Event::Refer { referral, .. } = world.event() else {
            panic!("not told of {to}");
        };
        assert_eq!(referral.target.uri.to_string(), plain);
        assert_eq!(referral.replaces.is_some(), to.contains("Replaces"), "{to}");
    }
}

/// RFC 4488 is not spoken: who cannot do without it hears that, and who can is told all the same.
#[test]
fn who_wants_no_subscription_is_told_of_it_or_refused() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    let refer = |branch: &str, cseq: u32, extra: &str| {
        let extra = format!("Refer-To: <sip:500@192.0.2.77>\r\n{extra}");
        message("REFER", branch, cseq, &tag, &extra)
    };
    world.say(&refer("5", 2, "Require: norefersub\r\n"));
    assert_eq!(world.statuses(), [420]);
    world.say(&refer(
        "6",
        3,
        "Refer-Sub: false\r\nSupported: norefersub\r\n",
    ));
    assert!(matches!(world.event(), Event::Refer { .. }));
    world.endpoint.accept_refer(leg, world.now).unwrap();
    assert_eq!(world.words(), ["202", "NOTIFY"]);
}
