//! INVITEs that want the place of a call (RFC 3891).

use super::*;

/// An INVITE from another phone for the place of the call `c1`.
fn takes(branch: &str, replaces: &str) -> String {
    message(
        "INVITE",
        branch,
        1,
        "",
        &format!("{replaces}Require: replaces\r\n"),
    )
    .replace("Call-ID: c1", &format!("Call-ID: {branch}"))
    .replace("9>;tag=them", "9>;tag=other")
}

fn header(ours: &str, more: &str) -> String {
    format!("Replaces: c1;from-tag=them;to-tag={ours}{more}\r\n")
}

/// What the endpoint thinks of it.
fn wish(world: &mut World, branch: &str, replaces: &str) -> Result<Option<LegId>, u16> {
    world.say_bytes(takes(branch, replaces).as_bytes());
    let invitation = world.invitation().expect("it is an invitation");
    let replaced = world.endpoint.replaced(&invitation.request);
    replaced
        .map(|replaced| replaced.map(|replaced| replaced.leg))
        .map_err(|rejection| rejection.status)
}

#[test]
fn a_call_that_is_up_is_known_by_both_tags_and_by_nothing_less() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    assert_eq!(wish(&mut world, "r1", &header(&tag, "")), Ok(Some(leg)));
    assert_eq!(wish(&mut world, "r2", ""), Ok(None));
    for odd in [
        header("SCL_x", ""),
        header(&tag, "").replace("=them", "=others"),
        header(&tag, "").replace("c1;", "c2;"),
    ] {
        assert_eq!(
            wish(&mut world, &odd.len().to_string(), &odd),
            Err(481),
            "{odd}"
        );
    }
    let half = "Replaces: c1;to-tag=x\r\n";
    assert_eq!(wish(&mut world, "r4", half), Err(400));
    let early = header(&tag, ";early-only");
    assert_eq!(wish(&mut world, "r5", &early), Err(486));
    let peer = world
        .endpoint
        .replaced(&request_of(&takes("r6", &header(&tag, ""))));
    assert_eq!(peer.unwrap().unwrap().peer, world.flow.remote);
}

fn request_of(text: &str) -> Request {
    match parse(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_that_ends_or_has_ended_is_declined() {
    let mut world = World::new();
    let (leg, tag) = world.up();
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    assert_eq!(wish(&mut world, "r1", &header(&tag, "")), Err(603));
    let mut world = World::new();
    let (_, tag) = world.up();
    world.say(&message("BYE", "3", 2, &tag, ""));
    assert_eq!(wish(&mut world, "r1", &header(&tag, "")), Err(603));
}

#[test]
fn a_caller_who_rings_here_is_not_replaced_and_a_phone_that_we_ring_is() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", ""));
    let (_, tag) = world.incoming();
    assert_eq!(wish(&mut world, "r1", &header(&tag, "")), Err(481));

    let mut world = World::new();
    let (leg, invite) = world.place(None);
    let call = invite.headers.call_id().unwrap().to_owned();
    let ours = invite.headers.from().unwrap().tag().unwrap().to_owned();
    let replaces = format!("Replaces: {call};to-tag={ours};from-tag=far;early-only\r\n");
    assert_eq!(
        wish(&mut world, "r1", &replaces),
        Err(481),
        "nobody rings yet"
    );
    world.answer(&invite, 180, "far", &[]);
    world.event();
    assert_eq!(wish(&mut world, "r2", &replaces), Ok(Some(leg)));
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    assert_eq!(wish(&mut world, "r3", &replaces), Err(603));
}

#[test]
fn two_places_at_once_and_replaces_elsewhere_are_malformed() {
    let mut world = World::new();
    let (_, tag) = world.up();
    let one = header(&tag, "");
    for extra in [
        format!("{one}{one}"),
        one.replace("\r\n", ", c2;to-tag=a;from-tag=b\r\n"),
        format!("{one}Join: c1;from-tag=them;to-tag={tag}\r\n"),
    ] {
        world.say(&takes("r1", &extra));
        let refused = world.response();
        assert_eq!(refused.status, 400, "{extra}");
        assert!(refused.reason.starts_with("Replaces"), "{}", refused.reason);
    }
    world.say(&message("INFO", "i1", 2, &tag, &one));
    assert_eq!(world.statuses(), [400]);
    assert_eq!(world.endpoint.calls(), 1);
}
