//! Which connection a message goes over, and what waits for one to be made.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tracing::debug;
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::{Flow, Transmit, Transport};
use trunkline_sip::message::{Message, Method, parse};

use super::connections::Connections;
use super::lane::{Sender, Weighed as _};
use super::tcp::{WRITE_BYTES, WRITES, dial};
use super::tls::{TlsClients, Verified};
use super::unreached::Unreached;
use super::{Input, now};

/// The other end of a connection. What is meant for one inside TLS goes over no other.
type Peer = (Transport, SocketAddr);

/// The connections there are, and those being made.
pub(super) struct Streams {
    open: BTreeMap<Peer, Open>,
    /// The domains that were dialled inside TLS, by where they were found.
    names: BTreeMap<SocketAddr, String>,
    /// What waits for a connection to each.
    dialled: BTreeMap<Peer, Vec<Transmit>>,
    tls: Arc<TlsClients>,
    inputs: Sender<Input>,
    connections: Connections,
    tasks: Tasks,
}

/// A connection, and who is at the other end of one that we made inside TLS.
struct Open {
    writer: Sender<Transmit>,
    verified: Option<Verified>,
}

impl Streams {
    pub(super) const fn new(
        inputs: Sender<Input>,
        connections: Connections,
        tls: Arc<TlsClients>,
        tasks: Tasks,
    ) -> Self {
        Self {
            open: BTreeMap::new(),
            names: BTreeMap::new(),
            dialled: BTreeMap::new(),
            tls,
            inputs,
            connections,
            tasks,
        }
    }

    /// Something is to be said inside TLS to a domain that was found there. A connection that stands
    /// serves it, if who is there is that domain, too.
    pub(super) fn expect(&mut self, remote: SocketAddr, domain: &str) -> Result<(), Unreached> {
        let at = (Transport::Tls, remote);
        let wanted = self.tls.identity(remote, Some(domain));
        let stands = self.open.get(&at).filter(|open| !open.writer.is_closed());
        let theirs = match stands.map(|open| &open.verified) {
            Some(Some(verified)) if !verified.is(&wanted) => Some(verified.name()),
            Some(Some(_)) => None,
            // Whoever connected to us has not shown who it is.
            Some(None) => Some("somebody else".to_owned()),
            None if self.dialled.contains_key(&at) => {
                let named = self.names.get(&remote);
                named
                    .filter(|named| !named.eq_ignore_ascii_case(domain))
                    .cloned()
            }
            None => None,
        };
        if let Some(theirs) = theirs {
            return Err(Unreached::Shared {
                name: domain.to_owned(),
                address: remote,
                theirs,
            });
        }
        if stands.is_none() {
            self.name(remote, domain);
        }
        Ok(())
    }

    /// Remembers who is found where, for connections that are made anew.
    pub(super) fn name(&mut self, remote: SocketAddr, domain: &str) {
        if self.names.len() >= MAX_NAMES {
            let open = &self.open;
            self.names
                .retain(|address, _| open.contains_key(&(Transport::Tls, *address)));
        }
        if self.names.len() < MAX_NAMES || self.names.contains_key(&remote) {
            self.names.insert(remote, domain.to_owned());
        }
    }

    pub(super) fn opened(
        &mut self,
        flow: Flow,
        writer: Sender<Transmit>,
        verified: Option<Verified>,
    ) {
        self.open.insert(peer(flow), Open { writer, verified });
        for transmit in self.dialled.remove(&peer(flow)).unwrap_or_default() {
            let _ = self.over(peer(flow), transmit);
        }
    }

    pub(super) fn closed(&mut self, flow: Flow) {
        // The same address may have come back already.
        let open = self.open.get(&peer(flow));
        if open.is_some_and(|open| open.writer.is_closed()) {
            self.open.remove(&peer(flow));
        }
    }

    /// Calls that were to be placed there are over: nobody is to ring for them once a connection is
    /// made after all. What belongs to calls that are up waits on.
    pub(super) fn not_taken(&mut self, flow: Flow) {
        if let Some(waiting) = self.dialled.get_mut(&peer(flow)) {
            waiting.retain(|transmit| !places_a_call(&transmit.bytes));
        }
    }

    pub(super) fn unreachable(&mut self, flow: Flow) {
        let lost = self.dialled.remove(&peer(flow)).unwrap_or_default();
        for _ in lost {
            dropped("unreachable");
        }
    }

    /// Sends over the message's connection; when that is gone, over one to where it says
    /// otherwise, which is made if need be (RFC 3261 18.1.1 and 18.2.2).
    pub(super) fn send(&mut self, transmit: Transmit) {
        let Some(transmit) = self.over(peer(transmit.flow), transmit) else {
            return;
        };
        let Some(to) = transmit.otherwise else {
            dropped("connection_gone");
            return;
        };
        let at = (transmit.flow.transport, to);
        let Some(transmit) = self.over(at, transmit) else {
            return;
        };
        self.dial(to, transmit);
    }

    /// Gives the message back if there is no such connection.
    fn over(&mut self, at: Peer, transmit: Transmit) -> Option<Transmit> {
        let Some(open) = self.open.get(&at) else {
            return Some(transmit);
        };
        match open.writer.try_send(transmit) {
            Ok(()) => None,
            Err(TrySendError::Full(_)) => {
                dropped("not_read");
                None
            }
            Err(TrySendError::Closed(transmit)) => {
                self.open.remove(&at);
                Some(transmit)
            }
        }
    }

    fn dial(&mut self, to: SocketAddr, transmit: Transmit) {
        let flow = Flow {
            remote: to,
            ..transmit.flow
        };
        if let Some(waiting) = self.dialled.get_mut(&peer(flow)) {
            let bytes: usize = waiting.iter().map(|one| one.weight()).sum();
            if waiting.len() < MAX_WAITING && bytes + transmit.weight() <= MAX_WAITING_BYTES {
                waiting.push(transmit);
            } else {
                dropped("not_read");
            }
            return;
        }
        if self.dialled.len() >= MAX_DIALS {
            dropped("dials");
            return;
        }
        let Some(place) = self.connections.admit_ours(to, now()) else {
            dropped("connections");
            return;
        };
        self.dialled.insert(peer(flow), vec![transmit]);
        debug!(%to, "connecting");
        let named = self.names.get(&to).map(String::as_str);
        let identity = (flow.transport == Transport::Tls).then(|| self.tls.identity(to, named));
        let dialling = dial(flow, identity, self.inputs.clone(), place);
        self.tasks.session("sip_dial", dialling);
    }
}

const fn peer(flow: Flow) -> Peer {
    (flow.transport, flow.remote)
}

fn places_a_call(bytes: &[u8]) -> bool {
    let Ok(Message::Request(request)) = parse(bytes) else {
        return false;
    };
    let to = request.headers.to();
    request.method == Method::Invite && to.is_ok_and(|to| to.tag().is_none())
}

fn dropped(reason: &'static str) {
    count(Counter::SipDropped, 1, &[("reason", reason)]);
}

/// Messages that wait for one connection, a proxy that restarts while many calls end: as many as the
/// connection takes at once when it is there.
const MAX_WAITING: usize = WRITES;

/// Bytes of them.
const MAX_WAITING_BYTES: usize = WRITE_BYTES as usize;

/// Connections being made at the same time. Filling it means many providers are away at once.
const MAX_DIALS: usize = 64;

/// Domains remembered. More are dialled over connections that stand, or told by their addresses.
const MAX_NAMES: usize = 1024;
