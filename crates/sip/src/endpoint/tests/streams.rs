//! Calls over connections that come and go.

use super::*;

fn over_tcp() -> World {
    let mut world = World::new();
    world.flow.transport = Transport::Tcp;
    world.flow.remote = "192.0.2.9:40001".parse().unwrap();
    world
}

fn tcp(method: &str, branch: &str, cseq: u32, tag: &str) -> String {
    message(method, branch, cseq, tag, "").replace("SIP/2.0/UDP", "SIP/2.0/TCP")
}

fn up(world: &mut World) -> (LegId, String) {
    world.say(&tcp("INVITE", "1", 1, ""));
    let (leg, tag) = world.incoming();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.say(&tcp("ACK", "2", 1, &tag));
    world.endpoint.poll_event();
    world.sent();
    (leg, tag)
}

fn next(world: &mut World) -> (String, Option<String>, String) {
    let transmit = world.endpoint.poll_transmit().unwrap();
    let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
    let otherwise = transmit.otherwise.map(|to| to.to_string());
    let first = text.split(' ').next().unwrap().to_owned();
    (transmit.flow.remote.to_string(), otherwise, first)
}

/// The provider closed its idle connection, the agent hung up, and no BYE ever left: the provider
/// billed on.
#[test]
fn a_bye_goes_over_the_calls_connection_or_to_where_the_contact_says() {
    let mut world = over_tcp();
    let (leg, _) = up(&mut world);
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    let way = (
        "192.0.2.9:40001".to_owned(),
        Some("192.0.2.9:5070".to_owned()),
    );
    let (remote, otherwise, method) = next(&mut world);
    assert_eq!(((remote, otherwise), method.as_str()), (way.clone(), "BYE"));
    // The connection went down with the BYE in it.
    world.endpoint.handle_gone(world.flow);
    let (remote, otherwise, method) = next(&mut world);
    assert_eq!(((remote, otherwise), method.as_str()), (way, "BYE"));
    assert!(world.endpoint.poll_transmit().is_none());
}

#[test]
fn every_request_and_answer_of_a_call_has_another_way() {
    let mut world = over_tcp();
    world.say(&tcp("INVITE", "1", 1, ""));
    let (leg, tag) = world.incoming();
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.pass(Duration::from_secs(1));
    let mut sent = 0;
    while let Some(transmit) = world.endpoint.poll_transmit() {
        assert_eq!(transmit.otherwise, Some("192.0.2.9:5070".parse().unwrap()));
        sent += 1;
    }
    assert!(sent >= 4, "100, 180, 200 and repeats of it: {sent}");
    world.say(&tcp("ACK", "2", 1, &tag));
    world.endpoint.change(leg, "v=0".into(), world.now).unwrap();
    assert_eq!(
        next(&mut world).1.as_deref(),
        Some("192.0.2.9:5070"),
        "a re-INVITE"
    );
}

/// RFC 3261 18.2.2: the address it came from, the port its Via names.
#[test]
fn who_names_no_address_is_reached_where_the_via_says() {
    let mut world = over_tcp();
    let invite = tcp("INVITE", "1", 1, "").replace(
        "Contact: <sip:200@192.0.2.9:5070>",
        "Contact: <sip:200@pbx.invalid>",
    );
    world.say(&invite.replace("192.0.2.9:5070;", "pbx.invalid:5999;"));
    let (leg, tag) = world.incoming();
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    world.say(&tcp("ACK", "2", 1, &tag));
    world.sent();
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    assert_eq!(next(&mut world).1.as_deref(), Some("192.0.2.9:5999"));
}

#[test]
fn a_new_connection_of_the_other_side_is_used_from_then_on() {
    let mut world = over_tcp();
    let (leg, tag) = up(&mut world);
    world.flow.remote = "192.0.2.9:40002".parse().unwrap();
    world.say(&tcp("OPTIONS", "5", 2, &tag));
    assert_eq!(next(&mut world).0, "192.0.2.9:40002");
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    assert_eq!(next(&mut world).0, "192.0.2.9:40002");
}

/// A stranger is answered on his connection; nobody connects to where he says.
#[test]
fn a_refusal_is_not_worth_a_connection() {
    let mut world = over_tcp();
    world.say_bytes(tcp("INVITE", "1", 1, "").as_bytes());
    let invitation = world.invitation().unwrap();
    world
        .endpoint
        .turn_away(&invitation, &Rejection::status(403));
    assert_eq!(next(&mut world).1, None);
    world.say(&tcp("OPTIONS", "2", 1, ""));
    assert_eq!(next(&mut world).1, None);
    world.say(&tcp("BYE", "3", 1, "ghost"));
    assert_eq!(next(&mut world).1, None);
}

#[test]
fn a_body_of_unknown_length_is_named() {
    let mut world = over_tcp();
    let text =
        tcp("INVITE", "1", 1, "").replace("Content-Length: 0", "Content-Type: application/sdp");
    world.say_bytes(text.as_bytes());
    let response = world.response();
    assert_eq!(
        (response.status, response.reason.as_str()),
        (400, "Content-Length is missing")
    );
    world.say(&tcp("OPTIONS", "2", 1, "").replace("Content-Length: 0\r\n", ""));
    assert_eq!(
        world.statuses(),
        [200],
        "without a body there is nothing to measure"
    );
}
