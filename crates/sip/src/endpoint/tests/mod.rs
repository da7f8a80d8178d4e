use super::*;
use crate::message::{Method, Request, Response, name};
use std::time::Duration;

mod changes;
mod inside;
mod odd;
mod placing;
mod strangers;
mod streams;
mod unread;
mod waiting;

/// An endpoint that is called, and what a phone sees of it.
struct World {
    endpoint: Endpoint,
    now: Instant,
    flow: Flow,
    arrived: VecDeque<(LegId, String)>,
    fate: Fate,
}

impl World {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
        let now = Instant::now();
        let config = EndpointConfig {
            limits,
            ..EndpointConfig::new("test")
        };
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.9:5070".parse().unwrap(),
        };
        let mut endpoint = Endpoint::new(config, [1; 32], now);
        endpoint.know(vec!["192.0.2.0/24".parse().unwrap()]);
        Self {
            endpoint,
            now,
            flow,
            arrived: VecDeque::new(),
            fate: Fate::Taken,
        }
    }

    /// Somebody whom no trunk knows speaks from now on.
    fn strange(mut self) -> Self {
        self.flow.remote = "198.51.100.9:5070".parse().unwrap();
        self
    }

    /// A known phone speaks, and every trunk lets it in.
    fn say(&mut self, text: &str) {
        self.say_bytes(text.as_bytes());
        let Some(invitation) = self.invitation() else {
            return;
        };
        match self.endpoint.admit(&invitation, Standing::Known, self.now) {
            Ok(arrived) => self.arrived.push_back(arrived),
            Err(_) => {
                let later = Rejection::retry_after(Duration::from_secs(5));
                self.endpoint.turn_away(&invitation, &later);
            }
        }
    }

    fn say_bytes(&mut self, data: &[u8]) {
        self.fate = self.endpoint.handle_input(self.flow, data, self.now);
    }

    /// What was asked for with the last message, if that was a call.
    fn invitation(&mut self) -> Option<Invitation> {
        match self.endpoint.events.pop_back() {
            Some(Event::Invited(invitation)) => Some(invitation),
            Some(other) => {
                self.endpoint.events.push_back(other);
                None
            }
            None => None,
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.endpoint.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.endpoint.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn sent(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            all.push(parse(&transmit.bytes).unwrap());
        }
        all
    }

    fn statuses(&mut self) -> Vec<u16> {
        let status = |message: Message| match message {
            Message::Response(response) => response.status,
            Message::Request(_) => 0,
        };
        self.sent().into_iter().map(status).collect()
    }

    fn response(&mut self) -> Response {
        match self.sent().pop() {
            Some(Message::Response(response)) => response,
            other => panic!("no response: {other:?}"),
        }
    }

    fn request(&mut self) -> Request {
        match self.sent().pop() {
            Some(Message::Request(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    fn incoming(&mut self) -> (LegId, String) {
        self.arrived.pop_front().unwrap()
    }

    fn ended(&mut self) -> EndCause {
        match self.endpoint.poll_event() {
            Some(Event::Ended { cause, .. }) => cause,
            other => panic!("not ended: {other:?}"),
        }
    }

    /// A call that is answered and confirmed.
    fn up(&mut self) -> (LegId, String) {
        self.say(&message("INVITE", "1", 1, "", ""));
        let (leg, tag) = self.incoming();
        self.endpoint
            .accept(leg, "v=0".into(), &[], self.now)
            .unwrap();
        self.say(&message("ACK", "2", 1, &tag, ""));
        assert!(matches!(
            self.endpoint.poll_event(),
            Some(Event::Confirmed { .. })
        ));
        self.sent();
        (leg, tag)
    }
}

fn message(method: &str, branch: &str, cseq: u32, tag: &str, extra: &str) -> String {
    let tag = if tag.is_empty() {
        String::new()
    } else {
        format!(";tag={tag}")
    };
    format!(
        "{method} sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK{branch}\r\n\
         From: <sip:200@192.0.2.9>;tag=them\r\nTo: <sip:100@192.0.2.1>{tag}\r\nCall-ID: c1\r\n\
         CSeq: {cseq} {method}\r\nContact: <sip:200@192.0.2.9:5070>\r\n{extra}Content-Length: 0\r\n\r\n"
    )
}

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
        world.say(&message("CANCEL", "1", 1, "", ""));
        assert_eq!(world.statuses(), [200, 487]);
        assert_eq!(world.ended(), EndCause::RemoteCancel);
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
    let extension = ask(message("INVITE", "3", 1, "", "Require: 100rel, x\r\n"));
    assert_eq!(extension.status, 420);
    assert_eq!(extension.headers.get(name::UNSUPPORTED), Some("100rel, x"));
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
