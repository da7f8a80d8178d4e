//! The torture messages of RFC 4475 and 5118 at an endpoint: as datagrams, and over a stream cut at
//! every place. Each is answered as the table says, or not at all, and leaves nothing behind.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and needs an origin for virtual time"
)]

#[path = "torture/cases.rs"]
mod cases;

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use trunkline_sip::endpoint::{Endpoint, EndpointConfig, Event, Flow, Rejection, Transport};
use trunkline_sip::message::{Framed, Framer, Message, Request, name, parse};
use trunkline_sip::uri::Scheme;

use cases::{CASES, Outcome};

/// A gateway, and a trunk's machine or a stranger that speaks to it.
struct World {
    endpoint: Endpoint,
    flow: Flow,
    now: Instant,
}

impl World {
    fn new(transport: Transport, is_known: bool) -> Self {
        let now = Instant::now();
        let mut endpoint = Endpoint::new(EndpointConfig::new("test"), [7; 32], now);
        if is_known {
            endpoint.know(vec!["192.0.2.0/24".parse().unwrap()]);
        }
        let flow = Flow {
            transport,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.200:40000".parse().unwrap(),
        };
        Self {
            endpoint,
            flow,
            now,
        }
    }

    /// What becomes of a message, and how much went out for it.
    fn hear(&mut self, message: &[u8]) -> (Outcome, usize) {
        self.endpoint.handle_input(self.flow, message, self.now);
        let mut invited = None;
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Invited(invitation) => invited = Some(invitation),
                other => panic!("{other:?}"),
            }
        }
        if let Some(invitation) = &invited {
            self.endpoint.turn_away(invitation, &Rejection::status(404));
        }
        let (mut status, mut size) = (None, 0);
        while let Some(sent) = self.endpoint.poll_transmit() {
            assert!(status.is_none(), "two answers");
            let Message::Response(response) = parse(&sent.bytes).unwrap() else {
                panic!("a request of ours");
            };
            status = Some(response.status);
            size = sent.bytes.len();
        }
        self.endpoint.handle_timeout(self.now);
        let left = (self.endpoint.calls(), self.endpoint.transactions());
        assert_eq!(left, (0, 0), "something is left");
        let outcome = match (&invited, status) {
            (Some(_), Some(404)) => Outcome::Call,
            (None, Some(status)) => Outcome::Answer(status),
            (_, None) => Outcome::Nothing,
            (Some(_), Some(other)) => panic!("a call, and {other}"),
        };
        (outcome, size)
    }
}

/// The messages of a stream that comes in pieces, and of what comes after a silence.
fn framed(data: &[u8], later: &[u8], mut piece: impl FnMut() -> usize) -> Vec<Bytes> {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(piece().clamp(1, rest.len()));
        framer.push(now);
        rest = later;
        while let Some(framed) = framer.take().unwrap() {
            found.push(framed);
        }
    }
    // Nothing more comes.
    while let Some(framed) = framer.expire() {
        found.push(framed);
        while let Some(framed) = framer.take().unwrap() {
            found.push(framed);
        }
    }
    framer.push(later);
    while let Some(framed) = framer.take().unwrap() {
        found.push(framed);
    }
    let message = |framed| match framed {
        Framed::Message(bytes) => Some(bytes),
        Framed::Ping | Framed::Skipped => None,
    };
    found.into_iter().filter_map(message).collect()
}

/// A good request, to see that the gateway still hears.
fn question(number: usize) -> String {
    format!(
        "OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.200:40000;branch=z9hG4bKq{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@192.0.2.200>;tag=q\r\nTo: <sip:192.0.2.1>\r\n\
         Call-ID: question-{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn each_datagram_has_the_outcome_of_the_table() {
    let mut world = World::new(Transport::Udp, true);
    for (number, case) in CASES.iter().enumerate() {
        world.now += Duration::from_secs(1);
        let (outcome, _) = world.hear(case.bytes);
        assert_eq!(outcome, case.outcome, "{} {}", case.section, case.name);
        let (outcome, _) = world.hear(question(number).as_bytes());
        assert_eq!(outcome, Outcome::Answer(200), "after {}", case.name);
    }
}

/// Whoever sends from a forged address draws no more than it sends.
#[test]
fn a_stranger_draws_no_more_than_it_sends() {
    let mut world = World::new(Transport::Udp, false);
    let mut heard = 0;
    for case in &CASES {
        world.now += Duration::from_secs(1);
        let (outcome, size) = world.hear(case.bytes);
        assert!(size <= case.bytes.len(), "{}: {size}", case.name);
        // What does not fit into that is not said.
        if outcome != Outcome::Nothing {
            assert_eq!(outcome, case.outcome, "{} {}", case.section, case.name);
            heard += 1;
        }
    }
    assert!(heard > CASES.len() / 2, "{heard} were answered");
}

/// On a stream nobody ends a message for us: the same bytes are the same messages in whatever pieces,
/// and the connection goes on behind each.
#[test]
fn a_stream_in_any_pieces_has_the_outcomes_of_the_table() {
    let mut rng = StdRng::seed_from_u64(0x4475);
    for (number, case) in CASES.iter().enumerate() {
        let question = question(number);
        let split = if case.is_short() { 0 } else { question.len() };
        let (behind, later) = question.as_bytes().split_at(split);
        let data = [case.bytes, behind].concat();
        let whole = framed(&data, later, || data.len());
        for at in 1..data.len() {
            let mut pieces = [at, data.len()].into_iter();
            let cut = framed(&data, later, || pieces.next().unwrap());
            assert!(cut == whole, "{} cut at {at}", case.name);
        }
        for _ in 0..50 {
            let cut = framed(&data, later, || rng.random_range(1..40));
            assert!(cut == whole, "{} in pieces", case.name);
        }
        let mut world = World::new(Transport::Tcp, true);
        let outcomes: Vec<_> = whole.iter().map(|one| world.hear(one).0).collect();
        let mut expected = case.over_stream.unwrap_or(&[case.outcome]).to_vec();
        expected.push(Outcome::Answer(200));
        assert_eq!(outcomes, expected, "{} {}", case.section, case.name);
    }
}

fn read(name: &str) -> Request {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    match parse(case.bytes).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

/// What the RFCs say that the messages mean.
#[test]
fn what_is_read_is_what_was_meant() {
    let wsinv = read("wsinv").headers;
    let from = wsinv.from().unwrap();
    assert_eq!(from.name.as_ref().unwrap().expose(), "J Rosenberg \\\"");
    assert_eq!(from.tag(), Some("98asjd8"));
    assert_eq!(wsinv.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(wsinv.values(name::VIA).count(), 3);
    assert_eq!(wsinv.cseq().unwrap().number, 9);
    let folded = wsinv.get("NewFangledHeader");
    assert_eq!(folded, Some("newfangled value continued newfangled value"));
    // "sips:user@example.com" is the user, and example.net the host.
    let esc01 = read("esc01");
    let uri = esc01.uri.known().unwrap();
    assert_eq!(uri.scheme, Scheme::Sip);
    assert_eq!(
        (&*uri.number(), &*uri.host),
        ("sips:user@example.com", "example.net")
    );
    assert_eq!(esc01.headers.contact().unwrap().uri.number(), "caller");
    assert_eq!(read("longreq").headers.values(name::VIA).count(), 34);
    // A Route in the URI is not one of the request.
    assert!(read("escruri").headers.get(name::ROUTE).is_none());
    let mapped = read("ipv4-mapped-ipv6").headers.contact().unwrap();
    let address = mapped.uri.socket_addr().unwrap().ip().to_canonical();
    assert_eq!(address.to_string(), "192.0.2.2");
    for name in ["ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"] {
        let request = read(name);
        for uri in [
            request.uri.known().unwrap(),
            &request.headers.to().unwrap().uri,
        ] {
            let address = uri.socket_addr().unwrap().ip().to_string();
            assert_eq!(address, "2001:db8::c000:201", "{name}");
        }
    }
}
