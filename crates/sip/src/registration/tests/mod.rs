mod answers;
mod ways;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use trunkline_base::secret::Secret;

use super::*;
use crate::digest::{Algorithm, Challenge, Credentials, Login, answer};
use crate::endpoint::Transport;
use crate::locate::Target;
use crate::message::{Message, NameAddr, Request, Response, name, parse};
use crate::uri::Uri;

fn origin() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
    Instant::now()
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn place(n: u8, transport: Transport) -> Place {
    Place {
        target: Target {
            transport,
            address: ([203, 0, 113, n], 5060).into(),
            name: "sip.example.com".to_owned(),
        },
        local: ([192, 168, 1, 5], 5060).into(),
    }
}

fn settings() -> Settings {
    Settings {
        registrar: Uri::parse("sip:sip.example.com").unwrap(),
        aor: Uri::parse("sip:alice@example.com").unwrap(),
        login: login("wonderland"),
        expires: secs(600),
        contact_user: "tl0815".to_owned(),
        routes: Vec::new(),
        keep_alive: Duration::ZERO,
        is_fixed: false,
    }
}

fn login(password: &str) -> Login {
    Login {
        username: "alice".to_owned(),
        password: Secret::from(password),
    }
}

/// A provider, as far as registrations go.
struct Registrar {
    /// `None`: anybody may register.
    challenge: Option<Challenge>,
    /// Where it sees us.
    sees: SocketAddr,
    grants: u64,
    least: u64,
    /// Contacts of others on the list.
    others: String,
    bindings: Vec<String>,
}

impl Registrar {
    fn new() -> Self {
        Self {
            challenge: Some(challenge("n1", Algorithm::Md5, true)),
            sees: ([192, 168, 1, 5], 5060).into(),
            grants: 600,
            least: 0,
            others: String::new(),
            bindings: Vec::new(),
        }
    }

    fn answer(&mut self, request: &Request) -> (u16, String) {
        if let Some(challenge) = self.challenge.clone() {
            let credentials = request.headers.get(name::AUTHORIZATION);
            let credentials = credentials.and_then(Credentials::parse);
            let right = credentials.as_ref().is_some_and(|theirs| {
                let count = theirs.counted.clone();
                let count = count.map_or((1, String::new()), |(nc, cnonce)| {
                    (u32::from_str_radix(&nc, 16).unwrap(), cnonce)
                });
                let counted = (count.0, count.1.as_str());
                let ours = login("wonderland");
                let ours = answer(
                    &challenge,
                    &ours,
                    "REGISTER",
                    "sip:sip.example.com",
                    counted,
                );
                ours.response == theirs.response
            });
            if !right {
                return (401, format!("WWW-Authenticate: {challenge}\r\n"));
            }
        }
        let expires: u64 = request.headers.get("Expires").unwrap().parse().unwrap();
        if expires > 0 && expires < self.least {
            return (423, format!("Min-Expires: {}\r\n", self.least));
        }
        for contact in request.headers.values(name::CONTACT) {
            let uri = contact.split('>').next().unwrap().trim_start_matches('<');
            self.bindings.retain(|known| known != uri);
            if !contact.ends_with("expires=0") {
                self.bindings.push(uri.to_owned());
            }
        }
        let grants = self.grants.max(self.least);
        let ours = self.bindings.iter();
        let ours = ours.map(|uri| format!("Contact: <{uri}>;expires={grants}\r\n"));
        (200, format!("{}{}", self.others, ours.collect::<String>()))
    }
}

fn challenge(nonce: &str, algorithm: Algorithm, counted: bool) -> Challenge {
    Challenge {
        realm: "example.com".to_owned(),
        nonce: nonce.to_owned(),
        opaque: None,
        algorithm,
        counted,
        stale: false,
    }
}

fn response(status: u16, sees: SocketAddr, headers: &str) -> Response {
    let text = format!(
        "SIP/2.0 {status} Words\r\nVia: SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bK1;\
         received={};rport={}\r\nFrom: <sip:alice@example.com>;tag=1\r\n\
         To: <sip:alice@example.com>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n{headers}\
         Content-Length: 0\r\n\r\n",
        sees.ip(),
        sees.port()
    );
    match parse(text.as_bytes()) {
        Ok(Message::Response(response)) => response,
        other => panic!("not a response: {other:?}"),
    }
}

/// A registration in virtual time, and what goes between it and its registrars.
struct World {
    registration: Registration,
    now: Instant,
    began: Instant,
    places: Vec<Place>,
    /// Requests sent, and when.
    sent: Vec<(Duration, Place, Request)>,
    keep_alives: usize,
    left: bool,
}

/// What comes back for a request.
enum Back {
    Answer(Box<Response>),
    Nothing,
    Refused,
}

impl World {
    fn new(settings: Settings) -> Self {
        let now = origin();
        Self {
            registration: Registration::new(settings, [7; 32]),
            now,
            began: now,
            places: vec![place(1, Transport::Udp)],
            sent: Vec::new(),
            keep_alives: 0,
            left: false,
        }
    }

    /// Runs until `limit` after the beginning.
    fn run(&mut self, limit: Duration, mut network: impl FnMut(&Place, &Request) -> Back) {
        let end = self.began + limit;
        loop {
            while let Some(action) = self.registration.poll_action() {
                match action {
                    Action::Locate => {
                        let places = Ok(self.places.clone());
                        self.registration.located(places, self.now);
                    }
                    Action::Send { place, request } => {
                        let at = self.now - self.began;
                        let back = network(&place, &request);
                        self.sent.push((at, place, *request));
                        match back {
                            Back::Answer(response) => {
                                self.now += Duration::from_millis(40);
                                self.registration.answered(&response, self.now);
                            }
                            Back::Nothing => {
                                self.now += secs(32);
                                self.registration.failed(Failure::Silence, self.now);
                            }
                            Back::Refused => self.registration.failed(Failure::Refused, self.now),
                        }
                    }
                    Action::KeepAlive(_) => self.keep_alives += 1,
                    Action::Left => self.left = true,
                }
                assert!(self.sent.len() < 10_000, "asks without end");
            }
            match self.registration.poll_timeout() {
                Some((at, _)) if at <= end => self.now = self.now.max(at),
                _ => break,
            }
            self.registration.handle_timeout(self.now);
        }
        self.now = self.now.max(end);
        self.registration.handle_timeout(self.now);
    }

    fn with(&mut self, limit: Duration, registrar: &mut Registrar) {
        self.run(limit, |_, request| {
            let (status, headers) = registrar.answer(request);
            Back::Answer(Box::new(response(status, registrar.sees, &headers)))
        });
    }

    /// The same answer to everything.
    fn always(&mut self, limit: Duration, status: u16, headers: &str) {
        let sees: SocketAddr = ([192, 168, 1, 5], 5060).into();
        self.run(limit, |_, _| {
            Back::Answer(Box::new(response(status, sees, headers)))
        });
    }

    fn is_registered(&self) -> bool {
        self.registration.state().is_registered()
    }
}
