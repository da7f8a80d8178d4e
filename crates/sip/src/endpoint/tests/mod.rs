use super::*;
use crate::message::{Method, Request, Response, name};
use std::time::Duration;

mod called;
mod changes;
mod inside;
mod odd;
mod outliving;
mod placed;
mod placing;
mod provisional;
mod refused;
mod replaced;
mod sessions;
mod strangers;
mod streams;
mod transfers;
mod unanswered;
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

impl World {
    /// A call of ours rings nowhere yet; its INVITE.
    fn place(&mut self, login: Option<crate::digest::Login>) -> (LegId, Request) {
        let call = CallRequest {
            target: crate::uri::Uri::sip(Some("100"), self.flow.remote),
            to: None,
            tag: None,
            from: crate::message::NameAddr::new(crate::uri::Uri::sip(Some("1"), self.flow.local)),
            flow: self.flow,
            routes: Vec::new(),
            sdp: "v=0".into(),
            login,
            headers: Vec::new(),
        };
        let leg = self.endpoint.call(call, self.now).unwrap();
        (leg, self.request())
    }

    /// The other side answers a request of ours.
    fn answer(&mut self, request: &Request, status: u16, tag: &str, extra: &[(&str, &str)]) {
        let mut headers = crate::message::Headers::new();
        headers.copy(&request.headers, name::VIA, "");
        headers.copy(&request.headers, name::FROM, "");
        let has_tag = request.headers.to().unwrap().tag().is_some();
        let tag = if has_tag || tag.is_empty() {
            String::new()
        } else {
            format!(";tag={tag}")
        };
        headers.copy(&request.headers, name::TO, &tag);
        headers.copy(&request.headers, name::CALL_ID, "");
        headers.copy(&request.headers, name::CSEQ, "");
        headers.push(name::CONTACT, "<sip:100@192.0.2.9:5070>");
        for (header, value) in extra {
            headers.push(header, *value);
        }
        let response = Response {
            status,
            reason: "x".to_owned(),
            headers,
            body: bytes::Bytes::new(),
        };
        self.say_bytes(&response.to_bytes());
    }

    /// A call of ours that is up; what its 200 says beside the usual.
    fn placed(&mut self, extra: &[(&str, &str)]) -> LegId {
        let (leg, invite) = self.place(None);
        self.answer(&invite, 200, "far", extra);
        assert!(matches!(self.event(), Event::Answered { .. }));
        assert_eq!(self.request().method, Method::Ack);
        leg
    }

    fn event(&mut self) -> Event {
        self.endpoint.poll_event().unwrap()
    }

    /// What went out, requests by method and responses by status.
    fn words(&mut self) -> Vec<String> {
        let word = |message: Message| match message {
            Message::Response(response) => response.status.to_string(),
            Message::Request(request) => request.method.to_string(),
        };
        self.sent().into_iter().map(word).collect()
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
