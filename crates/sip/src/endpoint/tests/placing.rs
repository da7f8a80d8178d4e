//! Calls of our own, before they are answered.

use super::*;
use crate::message::NameAddr;
use crate::uri::Uri;

fn call(world: &mut World, transport: Transport) -> LegId {
    let flow = Flow {
        transport,
        ..world.flow
    };
    let call = CallRequest {
        target: Uri::sip(Some("100"), flow.remote),
        to: Some(NameAddr::new(Uri::sip(Some("desk"), flow.remote))),
        tag: Some("SCL_known".to_owned()),
        from: NameAddr::new(Uri::sip(Some("1"), flow.local)),
        flow,
        sdp: "v=0".into(),
        login: None,
        headers: Vec::new(),
    };
    world.endpoint.call(call, world.now).unwrap()
}

fn refusal(invite: &Request) -> Vec<u8> {
    let mut headers = crate::message::Headers::new();
    for header in [name::VIA, name::FROM, name::TO, name::CALL_ID, name::CSEQ] {
        headers.copy(&invite.headers, header, "");
    }
    headers.push(name::REASON, "Q.850;cause=17");
    let refusal = Response {
        status: 486,
        reason: "Busy Here".to_owned(),
        headers,
        body: bytes::Bytes::new(),
    };
    refusal.to_bytes().to_vec()
}

#[test]
fn a_refusal_is_told_in_its_own_words_before_the_call_ends() {
    let mut world = World::new();
    let leg = call(&mut world, Transport::Udp);
    let invite = world.request();
    assert_eq!(invite.headers.from().unwrap().tag(), Some("SCL_known"));
    assert_eq!(invite.headers.to().unwrap().uri.number(), "desk");
    world.say_bytes(&refusal(&invite));
    let Some(Event::Declined {
        status,
        reason,
        headers,
        ..
    }) = world.endpoint.poll_event()
    else {
        panic!("not declined");
    };
    assert_eq!((status, reason.as_str()), (486, "Busy Here"));
    assert_eq!(headers.get(name::REASON), Some("Q.850;cause=17"));
    let ended = world.endpoint.poll_event();
    let Some(Event::Ended { leg: over, cause }) = ended else {
        panic!("not ended");
    };
    assert_eq!((over, cause), (leg, EndCause::Refused(486)));
}

/// A call was given 32 seconds to find out that nobody takes connections.
#[test]
fn a_call_to_where_nobody_takes_connections_is_over_at_once() {
    let mut world = World::new();
    let leg = call(&mut world, Transport::Tcp);
    let sent = world.endpoint.poll_transmit().unwrap();
    assert_eq!(
        sent.otherwise,
        Some(sent.flow.remote),
        "a connection is made"
    );
    world.endpoint.handle_not_taken(sent.flow, world.now);
    let ended = world.endpoint.poll_event();
    let Some(Event::Ended { leg: over, cause }) = ended else {
        panic!("not ended");
    };
    assert_eq!((over, cause), (leg, EndCause::Timeout));
    assert_eq!(world.endpoint.transactions(), 0);
}
