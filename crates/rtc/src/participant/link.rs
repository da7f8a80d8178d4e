//! The two connections of a client, and where the negotiation of each stands.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use rand::Rng;
use rand::rngs::StdRng;

use crate::never::NEVER;
use crate::peer::{Delivery, LOSSY, Mid, Peer, PeerConfig, RELIABLE, Role, Side};

use super::config::ParticipantConfig;
use super::local::SendClock;

/// Changes are gathered this long before an offer.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    Up,
    Down,
}

/// The two connections.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) up: Peer,
    pub(super) down: Peer,
    up_addresses: Vec<SocketAddr>,
    down_addresses: Vec<SocketAddr>,
    made: Instant,
    /// Numbers of what we send, per section.
    pub(super) clocks: BTreeMap<Mid, SendClock>,
    /// The subscriber connection decides whether we are connected.
    pub(super) down_primary: bool,
    pub(super) offer_id: u32,
    pub(super) open: Option<(u32, Instant)>,
    pub(super) due: Option<Instant>,
    /// The server closed a connection; until then it may say why.
    pub(super) last_word: Option<Instant>,
    pub(super) restart_after_answer: bool,
    /// After a resume: the server has not yet restarted the subscriber connection.
    pub(super) awaiting_restart: bool,
    pub(super) last_offer: Option<proto::SessionDescription>,
    pub(super) last_answer: Option<proto::SessionDescription>,
}

impl Links {
    pub(super) fn new(config: &ParticipantConfig, rng: &mut StdRng, now: Instant) -> Self {
        let (up_addresses, down_addresses) = split(&config.local_candidates);
        let mut peer = |role, addresses: &Vec<SocketAddr>| {
            let config = PeerConfig {
                role,
                side: Side::Client,
                local_candidates: addresses.clone(),
                seed: rng.random(),
            };
            Peer::new(config, now)
        };
        let mut links = Self {
            up: peer(Role::Offerer, &up_addresses),
            down: peer(Role::Answerer, &down_addresses),
            up_addresses,
            down_addresses,
            made: now,
            clocks: BTreeMap::new(),
            down_primary: true,
            offer_id: 0,
            open: None,
            last_word: None,
            due: None,
            restart_after_answer: false,
            awaiting_restart: false,
            last_offer: None,
            last_answer: None,
        };
        links.up.open_channel(RELIABLE, Delivery::Reliable);
        links.up.open_channel(LOSSY, Delivery::Lossy);
        links
    }

    /// An offer is wanted soon.
    pub(super) fn touch(&mut self, now: Instant) {
        let at = now + DEBOUNCE;
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// True if both connections can still carry the session.
    pub(super) fn alive(&self) -> bool {
        self.up.is_alive() && self.down.is_alive()
    }

    /// True if media flows as far as this session needs it.
    pub(super) fn ready(&self, resume: bool) -> bool {
        let primary = if self.down_primary {
            &self.down
        } else {
            &self.up
        };
        let negotiated = !resume || (self.open.is_none() && !self.awaiting_restart);
        let up = self.up.has_path() || self.down_primary && !resume;
        primary.is_connected() && primary.has_path() && up && negotiated
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for peer in [&mut self.up, &mut self.down] {
            if peer.poll_timeout().0 <= now {
                peer.handle_timeout(now);
            }
        }
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Instant, &'static str)> {
        let due = self
            .due
            .filter(|_| self.open.is_none())
            .map(|at| (at, "negotiation"));
        let open = self.open.map(|(_, at)| (at, "answer timeout"));
        let peers = [self.up.poll_timeout(), self.down.poll_timeout()];
        let last_word = self.last_word.map(|at| (at, "last word"));
        peers.into_iter().chain(due).chain(open).chain(last_word)
    }

    pub(super) fn never(&self) -> (Instant, &'static str) {
        (self.made + NEVER, "nothing")
    }

    pub(super) fn close(&mut self, now: Instant) {
        for peer in [&mut self.up, &mut self.down] {
            if peer.is_alive() {
                peer.close(now);
            }
        }
        self.open = None;
        self.due = None;
    }

    pub(super) fn leg(&mut self, leg: Leg) -> &mut Peer {
        match leg {
            Leg::Up => &mut self.up,
            Leg::Down => &mut self.down,
        }
    }

    /// The connection a datagram is for: by the address it came to, or, where both connections
    /// share one, by who recognises it.
    pub(super) fn route(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
        now: Instant,
    ) -> Option<Leg> {
        let (up, down) = (
            self.up_addresses.contains(&to),
            self.down_addresses.contains(&to),
        );
        match (up, down) {
            (true, false) => Some(Leg::Up),
            (false, true) => Some(Leg::Down),
            _ if self.up.accepts(from, to, data, now) => Some(Leg::Up),
            _ if self.down.accepts(from, to, data, now) => Some(Leg::Down),
            _ => None,
        }
    }
}

/// Shares our addresses out between the connections. A server on one port tells two connections
/// of a client apart by the client's port only, so of two sockets per interface each gets one.
fn split(addresses: &[SocketAddr]) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let mut up: Vec<SocketAddr> = Vec::new();
    let mut down: Vec<SocketAddr> = Vec::new();
    for addr in addresses {
        let taken = |list: &[SocketAddr]| list.iter().any(|a| a.ip() == addr.ip());
        if !taken(&up) {
            up.push(*addr);
        } else if !taken(&down) {
            down.push(*addr);
        }
    }
    let lonely = |a: &&SocketAddr| !down.iter().any(|d| d.ip() == a.ip());
    let shared: Vec<SocketAddr> = up.iter().filter(lonely).copied().collect();
    down.extend(shared);
    (up, down)
}
