//! The machine that owns transactions and calls of one SIP endpoint.
//!
//! The shell gives it messages ([`Endpoint::handle_input`]), the clock
//! ([`Endpoint::handle_timeout`]) and commands; it takes messages to send
//! ([`Endpoint::poll_transmit`]), events ([`Endpoint::poll_event`]) and the next deadline
//! ([`Endpoint::poll_timeout`]). What needs no decision is answered here: 100, OPTIONS, CANCEL,
//! BYE, repeats, everything malformed, unknown, unsupported or beyond the limits.
//!
//! ```text
//! called    Incoming ─ring─► Incoming ─accept─► Answered ─ACK─► Up ─BYE─► gone
//!               └─reject, CANCEL─► gone              └─no ACK: BYE─► gone
//! calling   Calling ─1xx─► Ringing ─2xx, ACK─► Up ─BYE─► gone
//!               └─hangup: CANCEL─► Cancelling ─487─► gone, or 2xx: ACK, BYE─► gone
//! ```

mod admission;
mod calling;
mod commands;
mod compose;
mod incoming;
mod leg;
mod responses;
mod table;
mod types;
mod update;

pub use calling::CallRequest;
pub use types::{
    CommandError, EndCause, EndpointConfig, Event, Flow, LegId, Limits, Rejection, Transmit,
    Transport,
};

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};

use crate::dialog::DialogKey;
use crate::message::{Message, parse};

use admission::Admission;
use leg::Leg;
use table::Table;

/// One SIP endpoint, both called and calling.
pub struct Endpoint {
    config: EndpointConfig,
    rng: SmallRng,
    tag_secret: [u8; 16],
    table: Table,
    legs: BTreeMap<LegId, Leg>,
    dialogs: BTreeMap<DialogKey, LegId>,
    admission: Admission,
    next_leg: u64,
    draining: bool,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

impl Endpoint {
    /// `seed` makes tags and branches: unguessable in production, fixed in tests.
    pub fn new(config: EndpointConfig, seed: [u8; 32], now: Instant) -> Self {
        let mut rng = SmallRng::from_seed(seed);
        let mut tag_secret = [0; 16];
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
            next_leg: 1,
            draining: false,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// A whole message came over `flow`. What is not SIP is dropped without an answer.
    pub fn handle_input(&mut self, flow: Flow, data: &[u8], now: Instant) {
        match parse(data) {
            Ok(Message::Request(request)) => self.on_request(flow, request, now),
            Ok(Message::Response(response)) => self.on_response(&response, now),
            Err(_) => {}
        }
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

    /// Calls that exist, in any state.
    pub fn calls(&self) -> usize {
        self.legs.len()
    }

    /// Transactions that exist: what a test of leaks looks at.
    pub fn transactions(&self) -> usize {
        self.table.len()
    }
}

#[cfg(test)]
mod tests;
