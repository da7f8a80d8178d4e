//! The simulated link: loses, delays, reorders and doubles datagrams by a seeded generator.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use trunkline_sip::endpoint::{
    CallRequest, Endpoint, EndpointConfig, Event, Flow, LegId, Standing, Transport,
};
use trunkline_sip::message::NameAddr;
use trunkline_sip::uri::Uri;

/// How bad the link is.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Of a hundred datagrams, so many vanish.
    pub(crate) loss: u32,
    /// Of a hundred, so many come twice.
    pub(crate) double: u32,
    /// Longest delay; each datagram draws its own, so they overtake each other.
    pub(crate) delay_ms: u64,
}

pub(crate) const CLEAN: Link = Link {
    loss: 0,
    double: 0,
    delay_ms: 5,
};
pub(crate) const BAD: Link = Link {
    loss: 30,
    double: 10,
    delay_ms: 400,
};

pub(crate) struct World {
    pub(crate) caller: Endpoint,
    pub(crate) called: Endpoint,
    pub(crate) caller_events: Vec<Event>,
    pub(crate) called_events: Vec<Event>,
    /// Calls that were let in.
    pub(crate) arrived: Vec<LegId>,
    /// The calls whose places they want.
    pub(crate) wanted: Vec<Option<LegId>>,
    pub(crate) now: Instant,
    pub(crate) datagrams: usize,
    origin: Instant,
    link: Link,
    rng: SmallRng,
    flying: BTreeMap<(Instant, u64), (bool, Bytes)>,
    serial: u64,
}

impl World {
    pub(crate) fn new(seed: u64, link: Link) -> Self {
        let now = Instant::now();
        let mut rng = SmallRng::seed_from_u64(seed);
        let config = EndpointConfig::new("sim");
        Self {
            caller: Endpoint::new(config.clone(), rng.random(), now),
            called: Endpoint::new(config, rng.random(), now),
            caller_events: Vec::new(),
            called_events: Vec::new(),
            arrived: Vec::new(),
            wanted: Vec::new(),
            now,
            datagrams: 0,
            origin: now,
            link,
            rng,
            flying: BTreeMap::new(),
            serial: 0,
        }
    }

    /// From now on the link is like this.
    pub(crate) fn relink(&mut self, link: Link) {
        self.link = link;
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.origin
    }

    pub(crate) fn call(&mut self) -> LegId {
        self.call_saying(Vec::new())
    }

    /// The same with further headers.
    pub(crate) fn call_saying(&mut self, headers: Vec<(String, String)>) -> LegId {
        let request = CallRequest {
            target: Uri::sip(Some("100"), called_addr()),
            to: None,
            tag: None,
            from: NameAddr::new(Uri::sip(Some("200"), caller_addr())),
            flow: flow(true),
            routes: Vec::new(),
            sdp: Bytes::from_static(b"offer"),
            login: None,
            headers,
        };
        self.caller.call(request, self.now).unwrap()
    }

    /// Runs until `done` says so, or panics after `limit` of virtual time.
    pub(crate) fn until(
        &mut self,
        limit: Duration,
        what: &str,
        mut done: impl FnMut(&mut Self) -> bool,
    ) {
        let end = self.now + limit;
        loop {
            self.pump();
            if done(self) {
                return;
            }
            let Some(next) = self.next_moment().filter(|at| *at <= end) else {
                panic!("not reached: {what}; now {:?}", self.elapsed());
            };
            self.step(next);
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.pump();
            let Some(next) = self.next_moment().filter(|at| *at <= end) else {
                break;
            };
            self.step(next);
        }
        self.now = end;
    }

    fn next_moment(&self) -> Option<Instant> {
        let timers = [self.caller.poll_timeout(), self.called.poll_timeout()];
        let timers = timers.into_iter().flatten().map(|(at, _)| at);
        timers
            .chain(self.flying.keys().next().map(|key| key.0))
            .min()
    }

    fn step(&mut self, next: Instant) {
        self.now = self.now.max(next);
        while let Some(entry) = self.flying.first_entry().filter(|e| e.key().0 <= self.now) {
            let (to_called, bytes) = entry.remove();
            let endpoint = if to_called {
                &mut self.called
            } else {
                &mut self.caller
            };
            endpoint.handle_input(flow(!to_called), &bytes, self.now);
        }
        self.caller.handle_timeout(self.now);
        self.called.handle_timeout(self.now);
    }

    fn pump(&mut self) {
        while let Some(event) = self.called.poll_event() {
            match event {
                Event::Invited(invitation) => {
                    let replaced = self.called.replaced(&invitation.request);
                    let replaced = replaced.ok().flatten().map(|replaced| replaced.leg);
                    self.wanted.push(replaced);
                    let admitted = self.called.admit(&invitation, Standing::Stranger, self.now);
                    self.arrived.extend(admitted.map(|(leg, _)| leg));
                }
                other => self.called_events.push(other),
            }
        }
        while let Some(transmit) = self.caller.poll_transmit() {
            self.fly(true, transmit.bytes);
        }
        while let Some(transmit) = self.called.poll_transmit() {
            self.fly(false, transmit.bytes);
        }
        self.caller_events
            .extend(std::iter::from_fn(|| self.caller.poll_event()));
    }

    fn fly(&mut self, to_called: bool, bytes: Bytes) {
        self.datagrams += 1;
        if self.rng.random_range(0..100) < self.link.loss {
            return;
        }
        let copies = if self.rng.random_range(0..100) < self.link.double {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = Duration::from_millis(self.rng.random_range(1..=self.link.delay_ms));
            self.serial += 1;
            self.flying
                .insert((self.now + delay, self.serial), (to_called, bytes.clone()));
        }
    }
}

/// The link from one side's view.
fn flow(from_caller: bool) -> Flow {
    let (local, remote) = if from_caller {
        (caller_addr(), called_addr())
    } else {
        (called_addr(), caller_addr())
    };
    Flow {
        transport: Transport::Udp,
        local,
        remote,
    }
}

fn caller_addr() -> SocketAddr {
    "192.0.2.9:5060".parse().unwrap()
}

fn called_addr() -> SocketAddr {
    "192.0.2.1:5060".parse().unwrap()
}
