//! Calls of our own.

use super::*;

/// A phone's 200 to our first INVITE came once more while our re-INVITE was under way, and was
/// taken for its answer: the old session description ruled from then on.
#[test]
fn a_repeated_200_is_not_another_invites_answer() {
    let mut world = World::new();
    let answer = |invite: &Request, body: &str| {
        let mut headers = crate::message::Headers::new();
        headers.copy(&invite.headers, name::VIA, "");
        headers.copy(&invite.headers, name::FROM, "");
        let to = invite.headers.to().unwrap();
        let tag = if to.tag().is_some() { "" } else { ";tag=far" };
        headers.copy(&invite.headers, name::TO, tag);
        headers.copy(&invite.headers, name::CALL_ID, "");
        headers.copy(&invite.headers, name::CSEQ, "");
        headers.push(name::CONTACT, "<sip:100@192.0.2.9:5070>");
        let body = bytes::Bytes::copy_from_slice(body.as_bytes());
        Response {
            status: 200,
            reason: "OK".to_owned(),
            headers,
            body,
        }
        .to_bytes()
    };
    let call = CallRequest {
        target: crate::uri::Uri::sip(Some("100"), world.flow.remote),
        to: None,
        tag: None,
        from: crate::message::NameAddr::new(crate::uri::Uri::sip(Some("1"), world.flow.local)),
        flow: world.flow,
        sdp: "v=0".into(),
        login: None,
        headers: Vec::new(),
    };
    let leg = world.endpoint.call(call, world.now).unwrap();
    let first = answer(&world.request(), "first");
    world.say_bytes(&first);
    assert!(matches!(
        world.endpoint.poll_event(),
        Some(Event::Answered { .. })
    ));
    let ack = world.request();
    world.endpoint.change(leg, "v=1".into(), world.now).unwrap();
    let again = world.request();
    world.say_bytes(&first);
    assert!(world.endpoint.poll_event().is_none());
    assert_eq!(
        world.request().headers.cseq(),
        ack.headers.cseq(),
        "its ACK again"
    );
    world.say_bytes(&answer(&again, "second"));
    let Some(Event::Changed {
        result: Ok(body), ..
    }) = world.endpoint.poll_event()
    else {
        panic!("not changed");
    };
    assert_eq!(body.as_ref(), b"second");
    assert_eq!(world.endpoint.calls(), 1);
}
