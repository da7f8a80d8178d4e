//! The machine that owns transactions and calls of one SIP endpoint.
//!
//! The shell gives it messages ([`Endpoint::handle_input`]), the clock
//! ([`Endpoint::handle_timeout`]) and commands; it takes messages to send
//! ([`Endpoint::poll_transmit`]), events ([`Endpoint::poll_event`]) and the next deadline
//! ([`Endpoint::poll_timeout`]). What needs no decision is answered here: OPTIONS, CANCEL, BYE,
//! repeats, everything malformed, unknown, unsupported or beyond the limits.
//!
//! Nothing is remembered of whom no trunk lets in: each of their requests gets one answer that is
//! not larger than it, or none (`stateless`). A quarter of all room is kept for those who are known.
//!
//! ```text
//! called    Invited ─let_wait─► waiting ─admit, reject, CANCEL─► as below
//!           Invited ─admit: 100─► Incoming ─ring─► Incoming ─accept─► Answered ─ACK─► Up ─BYE─► gone
//!               └─reject, CANCEL─► gone              └─no ACK: BYE─► gone
//! calling   Calling ─1xx─► Ringing ─2xx, ACK─► Up ─BYE─► gone
//!               └─hangup: CANCEL─► Cancelling ─487─► gone, or 2xx: ACK, BYE─► gone
//! ```

mod admission;
mod better;
mod calling;
mod cancel;
mod change;
mod clock;
mod commands;
mod compose;
mod departed;
mod early;
mod flow;
mod incoming;
mod kept;
mod key;
mod leg;
mod outside;
mod provisional;
mod redirect;
mod refer;
mod referred;
mod refusal;
mod replaced;
mod responses;
mod restore;
mod ringing;
mod scanner;
mod seat;
mod session;
mod stateless;
mod table;
mod transfer;
mod types;
mod unanswered;
mod update;
mod waiting;
mod way;
mod wish;

pub use calling::CallRequest;
pub use flow::{Flow, Transport};
pub use replaced::Replaced;
pub use restore::{KeptLeg, LegMark, LegSecrets};
pub use scanner::SCANNERS;
pub use seat::Seat;
pub use session::SessionTimers;
pub use transfer::{ReferRequest, Referral, TransferNews, TransferOutcome};
pub use types::{
    CommandError, EndCause, EndpointConfig, Event, Fate, Invitation, LegId, Limits, Rejection,
    RequestId, Standing, Strangers, Transmit,
};
pub use unanswered::{InviteMark, KeptInvite};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use crate::dialog::DialogKey;
use crate::message::{Message, Method, ParseError, parse};

use admission::Admission;
use departed::Departed;
use leg::{Leg, State};
use table::Table;
use waiting::Waiting;

/// One SIP endpoint, both called and calling.
pub struct Endpoint {
    config: EndpointConfig,
    rng: StdRng,
    tag_secret: [u8; 32],
    table: Table,
    legs: BTreeMap<LegId, Leg>,
    dialogs: BTreeMap<DialogKey, LegId>,
    admission: Admission,
    waiting: Waiting,
    /// Calls that were up, the latest few.
    departed: Departed,
    /// Requests of no call that wait for their answer.
    outside: BTreeSet<LegId>,
    next_leg: u64,
    draining: bool,
    /// There is no room for calls now; when there may be.
    full: Option<Duration>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

impl Endpoint {
    /// `seed` makes tags, Call-IDs and branches by a cryptographic generator: from the system in
    /// production, fixed in tests.
    pub fn new(config: EndpointConfig, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let mut tag_secret = [0; 32];
        rng.fill_bytes(&mut tag_secret);
        let admission = Admission::new(config.limits, now);
        Self {
            config,
            rng,
            tag_secret,
            table: Table::default(),
            legs: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            admission,
            waiting: Waiting::default(),
            departed: Departed::default(),
            outside: BTreeSet::new(),
            next_leg: 1,
            draining: false,
            full: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// A whole message came over `flow`. What becomes of it is for the shell to count.
    pub fn handle_input(&mut self, flow: Flow, data: &[u8], now: Instant) -> Fate {
        let size = data.len();
        match parse(data) {
            Ok(Message::Request(request)) => self.on_request(flow, size, request, None, now),
            Ok(Message::Response(response)) => self.on_response(&response, now),
            Err(ParseError::Request(faulty)) => {
                self.on_request(flow, size, faulty.request, Some(faulty.fault), now)
            }
            Err(ParseError::Empty) => Fate::Taken,
            Err(ParseError::StartLine) => Fate::Dropped("not_sip"),
            Err(ParseError::Response(_)) => Fate::Dropped("damaged_response"),
        }
    }

    /// A connection is gone. What was asked over it and not answered is asked again another way:
    /// nothing else repeats requests over TCP.
    pub fn handle_gone(&mut self, flow: Flow) {
        let again: Vec<_> = self.table.unanswered_over(flow).collect();
        for (way, bytes) in again {
            self.send(way, bytes);
        }
    }

    /// Nobody takes connections there: a call that is being placed that way is over. What belongs to
    /// a call that is up may wait for the other side to come back.
    pub fn handle_not_taken(&mut self, flow: Flow) {
        for key in self.table.unanswered_at(flow) {
            let leg = self.table.clients.get(&key).map(|entry| entry.leg);
            let state = leg.and_then(|leg| self.legs.get(&leg)).map(|leg| leg.state);
            let cause = match state {
                Some(State::Calling) => EndCause::Unreachable,
                Some(State::Cancelling) => EndCause::Local,
                _ => continue,
            };
            if let Some(entry) = self.table.clients.remove(&key)
                && entry.request.method == Method::Invite
            {
                self.end(entry.leg, cause);
            }
        }
    }

    /// Nobody takes connections there, and trying on is of no use: what belongs to no call is over as
    /// well.
    pub fn handle_shut(&mut self, flow: Flow, now: Instant) {
        self.handle_not_taken(flow);
        for key in self.table.unanswered_at(flow) {
            let leg = self.table.clients.get(&key).map(|entry| entry.leg);
            if leg.is_some_and(|leg| self.outside.contains(&leg))
                && let Some(entry) = self.table.clients.remove(&key)
            {
                self.on_unanswered(entry.leg, &entry.request.method, now);
            }
        }
    }

    /// The networks that trunks name; those who send from there are known.
    pub fn know(&mut self, networks: Vec<IpNet>) {
        self.admission.list(networks);
    }

    /// Does a trunk name this source, or did a call from there succeed not long ago?
    pub fn knows(&self, source: std::net::IpAddr, now: Instant) -> bool {
        self.admission.knows(source, now)
    }

    /// Did somebody there confirm a call not long ago? Nobody does that from a forged address.
    pub fn has_confirmed(&self, source: std::net::IpAddr, now: Instant) -> bool {
        self.admission.has_met(source, now)
    }

    /// The clock moved.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.run_transactions(now);
        self.run_legs(now);
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.table.next_deadline()
    }

    /// From now on new calls are refused with 503, and OPTIONS says so too.
    pub const fn drain(&mut self) {
        self.draining = true;
    }

    /// OPTIONS says from now on that there is no room, and when to ask again; or that there is. Whom to
    /// let in is for the owner of the trunks to say.
    pub const fn fill(&mut self, full: Option<Duration>) {
        self.full = full;
    }

    /// Goes by other settings from the next request on. Calls that are up keep their timers.
    pub fn go_by(&mut self, config: EndpointConfig, now: Instant) {
        self.admission.change(config.limits, now);
        self.config = config;
    }

    /// Calls that exist, in any state.
    pub fn calls(&self) -> usize {
        self.legs.len()
    }

    /// What the messages of a call are known by.
    pub fn call_id(&self, leg: LegId) -> Option<&str> {
        let leg = self.legs.get(&leg)?;
        let asking = || {
            let asked = self.table.clients.get(leg.asking.as_ref()?)?;
            asked.request.headers.call_id().ok()
        };
        let dialog = leg.dialog.as_ref();
        let agreed = dialog.map(|dialog| dialog.key().call_id.as_str());
        agreed.or_else(asking)
    }

    /// The connections that calls go over, and whose they are.
    pub fn streams(&self) -> impl Iterator<Item = (SocketAddr, Standing)> {
        self.legs
            .values()
            .filter(|leg| leg.flow.transport.is_stream())
            .map(|leg| (leg.flow.remote, leg.standing))
    }

    /// Transactions that exist: what a test of leaks looks at.
    pub fn transactions(&self) -> usize {
        self.table.len()
    }
}

#[cfg(test)]
mod tests;
