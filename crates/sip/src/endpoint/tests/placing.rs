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
        routes: Vec::new(),
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
    world.endpoint.handle_not_taken(sent.flow);
    let ended = world.endpoint.poll_event();
    let Some(Event::Ended { leg: over, cause }) = ended else {
        panic!("not ended");
    };
    assert_eq!((over, cause), (leg, EndCause::Unreachable));
    assert_eq!(world.endpoint.transactions(), 0);
}

#[test]
fn a_proxy_is_named_in_the_request_and_in_its_cancel() {
    let mut world = World::new();
    let proxy = NameAddr::parse("<sip:proxy.example.com;lr>").unwrap();
    let call = CallRequest {
        target: Uri::parse("sip:100@provider.example.com").unwrap(),
        to: None,
        tag: None,
        from: NameAddr::new(Uri::sip(Some("1"), world.flow.local)),
        flow: world.flow,
        routes: vec![proxy],
        sdp: "v=0".into(),
        login: None,
        headers: Vec::new(),
    };
    let leg = world.endpoint.call(call, world.now).unwrap();
    let invite = world.request();
    let route = |request: &Request| request.headers.get(name::ROUTE).map(str::to_owned);
    assert_eq!(
        route(&invite).as_deref(),
        Some("<sip:proxy.example.com;lr>")
    );
    world.answer(&invite, 100, "", &[]);
    let reason = ("Reason".to_owned(), "Q.850;cause=19".to_owned());
    let other = ("X-Other".to_owned(), "1".to_owned());
    world
        .endpoint
        .hangup(leg, vec![other, reason], world.now)
        .unwrap();
    let cancel = world.request();
    assert_eq!(cancel.method, Method::Cancel);
    assert_eq!(route(&cancel), route(&invite));
    assert_eq!(cancel.headers.get(name::REASON), Some("Q.850;cause=19"));
    assert_eq!(cancel.headers.get("X-Other"), None);
}

/// Whoever asks elsewhere instead has to know that somebody is there, before anybody rings.
#[test]
fn it_is_told_that_somebody_works_on_a_call() {
    let mut world = World::new();
    let (_, invite) = world.place(None);
    world.answer(&invite, 100, "", &[]);
    let told = world.endpoint.poll_event();
    assert!(matches!(told, Some(Event::Progress { status: 100, .. })));
}

/// The first of two servers was slow: it got our INVITE again while the second one rang already.
#[test]
fn an_invite_that_is_given_up_is_not_repeated_and_rings_nobody_later() {
    let mut world = World::new();
    let (leg, invite) = world.place(None);
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    world.now += Duration::from_secs(10);
    world.endpoint.handle_timeout(world.now);
    assert!(world.endpoint.poll_transmit().is_none());
    world.answer(&invite, 180, "late", &[]);
    assert_eq!(world.request().method, Method::Cancel);
    assert!(world.endpoint.poll_event().is_none());
}

#[test]
fn what_belongs_to_no_call_is_over_too_where_nobody_is_to_be_spoken_to() {
    let mut world = World::new();
    let (_, mut options) = world.place(None);
    options.method = Method::Options;
    let flow = Flow {
        transport: Transport::Tls,
        ..world.flow
    };
    let asked = world.endpoint.request(options, flow, world.now).unwrap();
    world.endpoint.handle_not_taken(flow);
    assert!(world.endpoint.poll_event().is_none());
    world.endpoint.handle_shut(flow, world.now);
    let told = world.endpoint.poll_event();
    assert!(matches!(told, Some(Event::Unanswered { request }) if request == asked));
}
