use super::*;
use crate::message::{Method, Request, Response, name};
use std::time::Duration;

mod called;
mod changes;
mod inside;
mod odd;
mod placed;
mod placing;
mod refused;
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
