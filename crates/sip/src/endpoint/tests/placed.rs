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
    let (leg, invite) = world.place(None);
    let first = answer(&invite, "first");
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

fn login() -> crate::digest::Login {
    crate::digest::Login {
        username: "alice".to_owned(),
        password: trunkline_base::secret::Secret::from("wonderland"),
    }
}

/// Every request of ours may be challenged, by a proxy and by whoever is behind it, with a nonce that
/// is old by the next.
#[test]
fn every_request_of_ours_answers_its_challenge_with_the_better_hash() {
    let mut world = World::new();
    let (leg, invite) = world.place(Some(login()));
    let md5 = "Digest realm=\"p\", nonce=\"1\", algorithm=MD5";
    let sha = "Digest realm=\"p\", nonce=\"2\", algorithm=SHA-256, qop=\"auth\"";
    let both = [
        (name::PROXY_AUTHENTICATE, md5),
        (name::PROXY_AUTHENTICATE, sha),
    ];
    world.answer(&invite, 407, "x", &both);
    let second = world.request();
    let proof = second.headers.get(name::PROXY_AUTHORIZATION).unwrap();
    assert!(proof.contains("SHA-256"), "{proof}");
    world.answer(&second, 401, "y", &[(name::WWW_AUTHENTICATE, md5)]);
    let third = world.request();
    assert_eq!(third.headers.cseq().unwrap().number, 3);
    assert!(third.headers.get(name::AUTHORIZATION).is_some());
    let old = format!("{md5}, stale=true");
    world.answer(&third, 401, "z", &[(name::WWW_AUTHENTICATE, &old)]);
    let fourth = world.request();
    world.answer(&fourth, 200, "far", &[]);
    let ack = world.request();
    assert!(
        ack.headers.get(name::AUTHORIZATION).is_some(),
        "as its INVITE"
    );
    world.event();
    let refer = ReferRequest::to(crate::uri::Uri::sip(Some("5"), world.flow.remote));
    world.endpoint.refer(leg, &refer, world.now).unwrap();
    let refer = world.request();
    world.answer(&refer, 401, "", &[(name::WWW_AUTHENTICATE, md5)]);
    let refer = world.request();
    assert!(refer.headers.get(name::AUTHORIZATION).is_some());
    world.answer(&refer, 401, "", &[(name::WWW_AUTHENTICATE, md5)]);
    assert!(world.sent().is_empty(), "the password is wrong");
    let news = TransferNews::Over(TransferOutcome::Rejected(401));
    assert!(matches!(world.event(), Event::Transfer { news: told, .. } if told == news));
}

#[test]
fn a_call_that_is_to_go_elsewhere_says_where() {
    let mut world = World::new();
    let (_, invite) = world.place(None);
    world.answer(&invite, 302, "x", &[(name::CONTACT, "<sip:7@192.0.2.8>")]);
    let Event::Redirected {
        status: 302,
        contacts,
        ..
    } = world.event()
    else {
        panic!("not told");
    };
    assert_eq!(contacts.len(), 2);
    assert!(matches!(world.event(), Event::Declined { status: 302, .. }));
    assert_eq!(world.ended(), EndCause::Refused(302));
}

/// Exchanges say by UPDATE who rings, before anybody answers: they were told that there was no call.
#[test]
fn a_phone_that_rings_may_say_more_and_not_hang_up() {
    let mut world = World::new();
    let (_, invite) = world.place(None);
    let call = invite.headers.call_id().unwrap().to_owned();
    let ours = invite.headers.from().unwrap().tag().unwrap().to_owned();
    let ask = |method: &str, number: u32, theirs: &str, body: &str| {
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} sip:1@192.0.2.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKe{number}\r\n\
             From: <sip:100@192.0.2.9>;tag={theirs}\r\nTo: <sip:1@192.0.2.1>;tag={ours}\r\n\
             Call-ID: {call}\r\nCSeq: {number} {method}\r\nContact: <sip:new@192.0.2.9:5071>\r\n\
             {kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    world.say(&ask("UPDATE", 1, "far", ""));
    assert_eq!(world.statuses(), [481], "nobody rings yet");
    world.answer(&invite, 180, "far", &[]);
    assert!(matches!(world.event(), Event::Progress { .. }));
    for (number, method, theirs, body, status) in [
        (2, "UPDATE", "far", "", 200),
        (3, "UPDATE", "far", "v=0", 491),
        (4, "INFO", "far", "", 200),
        (5, "BYE", "far", "", 481),
        (6, "UPDATE", "other", "", 481),
    ] {
        world.say(&ask(method, number, theirs, body));
        assert_eq!(world.statuses(), [status], "{method} {theirs} {body}");
    }
    assert!(matches!(world.event(), Event::Info { .. }));
    world.answer(&invite, 200, "far", &[]);
    assert!(matches!(world.event(), Event::Answered { .. }));
    world.sent();
    world.say(&ask("BYE", 90, "far", ""));
    assert_eq!(world.statuses(), [200]);
    assert!(world.endpoint.dialogs.is_empty());
}

#[test]
fn a_refused_call_leaves_none_of_the_phones_that_rang() {
    let mut world = World::new();
    let (leg, invite) = world.place(None);
    for tag in ["one", "two"] {
        world.answer(&invite, 180, tag, &[]);
    }
    assert_eq!(world.endpoint.dialogs.len(), 2);
    world.answer(&invite, 486, "one", &[]);
    assert!(world.endpoint.dialogs.is_empty());
    assert_eq!(
        world.endpoint.hangup(leg, Vec::new(), world.now),
        Err(CommandError::Gone)
    );
}
