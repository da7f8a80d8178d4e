use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use trunkline_base::secret::Secret;

use super::*;
use crate::digest::{Algorithm, Challenge, Credentials, Login, answer};
use crate::locate::{Protocol, Target};
use crate::message::{Message, NameAddr, Request, Response, name, parse};
use crate::uri::Uri;

fn origin() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
    Instant::now()
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn place(n: u8, protocol: Protocol) -> Place {
    Place {
        target: Target {
            protocol,
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
            places: vec![place(1, Protocol::Udp)],
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

#[test]
fn every_kind_of_challenge_is_answered_and_the_next_refresh_needs_none() {
    for (algorithm, counted) in [
        (Algorithm::Md5, true),
        (Algorithm::Md5, false),
        (Algorithm::Sha256, true),
        (Algorithm::Sha256, false),
    ] {
        let mut registrar = Registrar::new();
        registrar.challenge = Some(challenge("n1", algorithm, counted));
        let mut world = World::new(settings());
        world.with(secs(1), &mut registrar);
        assert!(world.is_registered());
        assert_eq!(world.sent.len(), 2, "one challenge");
        world.with(secs(3600), &mut registrar);
        assert!(world.is_registered());
        let times: Vec<u64> = world.sent.iter().map(|(at, ..)| at.as_secs()).collect();
        for pair in times[1..].windows(2) {
            let pause = pair[1] - pair[0];
            assert!((299..=481).contains(&pause), "half to four fifths: {pause}");
        }
        let pauses: std::collections::BTreeSet<u64> =
            times.windows(2).map(|p| p[1] - p[0]).collect();
        assert!(pauses.len() > 3, "not in step with everybody else");
    }
}

/// A registrar that was restarted knows no nonce of before, and need not say so.
#[test]
fn a_new_nonce_costs_one_more_request_and_no_registration() {
    for stale in [true, false] {
        let mut registrar = Registrar::new();
        let mut world = World::new(settings());
        for hour in 1..=5 {
            let mut next = challenge(&format!("n{hour}"), Algorithm::Md5, true);
            next.stale = stale;
            registrar.challenge = Some(next);
            world.with(secs(hour * 600), &mut registrar);
            assert!(world.is_registered());
            assert_eq!(world.registration.state().trouble, None);
        }
    }
}

#[test]
fn a_wrong_password_is_said_and_not_tried_again_and_again() {
    let mut registrar = Registrar::new();
    let mut world = World::new(Settings {
        login: login("nope"),
        ..settings()
    });
    world.with(secs(1), &mut registrar);
    assert_eq!(world.sent.len(), 2);
    assert_eq!(world.registration.state().trouble, Some(Trouble::Password));
    world.with(secs(24 * 3600), &mut registrar);
    assert!(world.sent.len() < 130, "{} in a day", world.sent.len());
    // Somebody mends the account.
    registrar.challenge = None;
    world.with(secs(25 * 3600), &mut registrar);
    assert!(world.is_registered());
}

#[test]
fn refusals_are_told_and_come_later_and_later() {
    for status in [403, 404, 420, 603] {
        let mut world = World::new(settings());
        world.always(secs(24 * 3600), status, "");
        let state = world.registration.state();
        assert_eq!(state.trouble, Some(Trouble::Answered(status)));
        assert!(!state.is_registered() && state.next_try.is_some());
        let count = world.sent.len();
        assert!((40..70).contains(&count), "{count}");
    }
}

#[test]
fn too_short_is_asked_again_for_longer() {
    let mut registrar = Registrar::new();
    registrar.least = 1800;
    let mut world = World::new(settings());
    world.with(secs(10), &mut registrar);
    assert!(world.is_registered());
    assert_eq!(world.sent.len(), 3, "401, 423, 200");
    let until = world.registration.state().registered_until.unwrap();
    assert!(until - world.began >= secs(1800));
}

/// Whatever a registrar says, it is not asked without pause, nor given up for good.
#[test]
fn odd_registrars_are_not_asked_without_end() {
    let nonce = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=true\r\n";
    let contact = |rest: &str| format!("Contact: <sip:tl0815@192.168.1.5:5060>{rest}\r\n");
    for (status, headers, most) in [
        (401, nonce.to_owned(), 400),
        (
            401,
            "WWW-Authenticate: Basic realm=\"r\"\r\n".to_owned(),
            400,
        ),
        (401, String::new(), 400),
        (423, "Min-Expires: 601\r\n".to_owned(), 400),
        (423, "Min-Expires: 4000000000\r\n".to_owned(), 400),
        (200, contact(";expires=0"), 2000),
        (200, contact(";expires=1"), 44_000),
        (200, contact(";expires=zebra"), 400),
        (
            200,
            "Contact: <sip:bob@198.51.100.1>, <sip:eve@198.51.100.2>\r\n".to_owned(),
            2000,
        ),
        (503, "Retry-After: 4000000000\r\n".to_owned(), 40),
        (503, "Retry-After: 0\r\n".to_owned(), 2000),
        (302, contact(""), 400),
    ] {
        let mut world = World::new(settings());
        let day = secs(24 * 3600);
        let sees: SocketAddr = ([192, 168, 1, 5], 5060).into();
        let mut count = 0;
        for hour in 1..=24 {
            world.sent.clear();
            world.run(day / 24 * hour, |_, _| {
                count += 1;
                Back::Answer(Box::new(response(status, sees, &headers)))
            });
        }
        assert!(count > 5, "{status} {headers} gives up");
        assert!(count < most, "{status} {headers}: {count}");
    }
}

#[test]
fn a_provider_that_was_away_for_ten_minutes_has_us_back_within_a_minute() {
    let mut registrar = Registrar::new();
    registrar.grants = 120;
    let mut world = World::new(settings());
    world.with(secs(300), &mut registrar);
    assert!(world.is_registered());
    world.run(secs(900), |_, _| Back::Nothing);
    assert!(!world.is_registered(), "it lapsed");
    assert_eq!(world.registration.state().trouble, Some(Trouble::Silence));
    // One silent try and one pause.
    world.with(secs(900 + 32 + 61), &mut registrar);
    assert!(world.is_registered());
    assert_eq!(world.registration.state().trouble, None);
}

#[test]
fn lost_requests_cost_no_registration() {
    for seed in 0..20 {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut registrar = Registrar::new();
        let mut world = World::new(settings());
        world.with(secs(1), &mut registrar);
        for minute in 1..=600 {
            world.run(secs(minute * 60), |_, request| {
                // All repeats of one request, which is a bad line; the answer may be what is lost.
                let (status, headers) = registrar.answer(request);
                if chance.random_bool(0.05) {
                    return Back::Nothing;
                }
                Back::Answer(Box::new(response(status, registrar.sees, &headers)))
            });
            assert!(world.is_registered(), "seed {seed}, minute {minute}");
        }
    }
}

#[test]
fn the_next_target_is_tried_at_once() {
    for silent in [true, false] {
        let mut registrar = Registrar::new();
        let mut world = World::new(settings());
        world.places = (1..=3).map(|n| place(n, Protocol::Tcp)).collect();
        world.run(secs(40), |place, request| {
            if place.target.address.ip() == std::net::IpAddr::from([203, 0, 113, 1]) {
                return if silent { Back::Nothing } else { Back::Refused };
            }
            let (status, headers) = registrar.answer(request);
            Back::Answer(Box::new(response(status, registrar.sees, &headers)))
        });
        assert!(world.is_registered());
        let target = world.registration.state().target.clone().unwrap();
        assert_eq!(target.address, ([203, 0, 113, 2], 5060).into());
        let took = world.sent.last().unwrap().0;
        assert!(took < if silent { secs(34) } else { secs(1) }, "{took:?}");
    }
}

#[test]
fn an_overloaded_registrar_is_left_alone_as_long_as_it_asks() {
    let mut world = World::new(settings());
    world.always(secs(119), 503, "Retry-After: 120 (back soon)\r\n");
    assert_eq!(world.sent.len(), 1);
    world.always(secs(300), 503, "Retry-After: 120\r\n");
    assert!(world.sent.len() > 1);
}

#[test]
fn behind_a_nat_the_contact_is_where_the_registrar_sees_us() {
    let mut registrar = Registrar::new();
    registrar.sees = ([198, 51, 100, 7], 31_337).into();
    let mut world = World::new(settings());
    world.with(secs(1), &mut registrar);
    assert_eq!(
        registrar.bindings,
        ["sip:tl0815@198.51.100.7:31337"],
        "and the first one is taken back"
    );
    let count = world.sent.len();
    world.with(secs(200), &mut registrar);
    assert_eq!(world.sent.len(), count);
    // The NAT forgot us.
    registrar.sees = ([198, 51, 100, 7], 40_000).into();
    world.with(secs(3600), &mut registrar);
    assert_eq!(registrar.bindings, ["sip:tl0815@198.51.100.7:40000"]);
    // An address that the operator gave is not argued with.
    let mut fixed = World::new(Settings {
        is_fixed: true,
        ..settings()
    });
    let mut registrar = Registrar {
        sees: registrar.sees,
        ..Registrar::new()
    };
    fixed.with(secs(1), &mut registrar);
    assert_eq!(registrar.bindings, ["sip:tl0815@192.168.1.5:5060"]);
    assert_eq!(fixed.sent.len(), 2);
}

#[test]
fn our_own_contact_is_found_among_others() {
    let mut registrar = Registrar::new();
    registrar.others = "Contact: <sip:desk@198.51.100.1>;expires=5, \"B\" <sip:b@h>;expires=7\r\n\
                        Service-Route: <sip:edge.example.com;lr>\r\n"
        .to_owned();
    let mut world = World::new(settings());
    world.with(secs(1), &mut registrar);
    let state = world.registration.state();
    assert!(state.registered_until.unwrap() - world.began >= secs(600));
    assert_eq!(state.routes.len(), 1);
}

#[test]
fn leaving_takes_the_registration_back() {
    let mut registrar = Registrar::new();
    let mut world = World::new(settings());
    world.with(secs(1), &mut registrar);
    registrar.challenge = Some(challenge("n2", Algorithm::Md5, true));
    world.registration.leave();
    world.with(secs(2), &mut registrar);
    assert!(world.left && registrar.bindings.is_empty());
    assert!(!world.is_registered());
    world.with(secs(7200), &mut registrar);
    assert!(registrar.bindings.is_empty(), "and that is that");
    // One that is registered nowhere has nothing to take back.
    let mut away = World::new(settings());
    away.run(secs(40), |_, _| Back::Refused);
    away.registration.leave();
    away.run(secs(41), |_, _| Back::Refused);
    assert!(away.left);
}

#[test]
fn a_lost_flow_is_registered_again_within_a_second() {
    let mut registrar = Registrar::new();
    let mut world = World::new(Settings {
        keep_alive: secs(25),
        ..settings()
    });
    world.with(secs(101), &mut registrar);
    assert_eq!(world.keep_alives, 4);
    let count = world.sent.len();
    world.registration.flow_lost(world.now);
    assert_eq!(world.registration.state().trouble, Some(Trouble::FlowLost));
    world.with(secs(103), &mut registrar);
    assert_eq!(world.sent.len(), count + 1);
    assert!(world.is_registered());
}

#[test]
fn requests_of_one_registration_count_on_and_say_who_goes_where() {
    let mut registrar = Registrar::new();
    let route = NameAddr::parse("<sip:proxy.example.com;lr>").unwrap();
    let mut world = World::new(Settings {
        routes: vec![route],
        ..settings()
    });
    world.with(secs(3600), &mut registrar);
    let ids = world
        .sent
        .iter()
        .map(|(_, _, r)| r.headers.call_id().unwrap());
    let ids: std::collections::BTreeSet<&str> = ids.collect();
    assert_eq!(ids.len(), 1);
    for (n, (_, _, request)) in world.sent.iter().enumerate() {
        let headers = &request.headers;
        assert_eq!(headers.cseq().unwrap().number as usize, n + 1);
        assert_eq!(headers.get(name::ROUTE), Some("<sip:proxy.example.com;lr>"));
        assert_eq!(headers.get(name::TO), Some("<sip:alice@example.com>"));
        let text = format!("{request:?}");
        assert!(!text.contains("wonderland"), "{text}");
    }
}
