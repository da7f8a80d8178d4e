//! Which connection a message goes over, and what waits for one to be made.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tracing::debug;
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::{Flow, Transmit, Transport};

use super::connections::Connections;
use super::lane::{Sender, Weighed as _};
use super::tcp::{WRITE_BYTES, WRITES, dial};
use super::tls::TlsClients;
use super::{Input, now};

/// The other end of a connection. What is meant for one inside TLS goes over no other.
type Peer = (Transport, SocketAddr);

/// The connections there are, and those being made.
pub(super) struct Streams {
    open: BTreeMap<Peer, Sender<Transmit>>,
    /// What waits for a connection to each.
    dialled: BTreeMap<Peer, Vec<Transmit>>,
    tls: Arc<TlsClients>,
    inputs: Sender<Input>,
    connections: Connections,
    tasks: Tasks,
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
            dialled: BTreeMap::new(),
            tls,
            inputs,
            connections,
            tasks,
        }
    }

    pub(super) fn opened(&mut self, flow: Flow, writer: Sender<Transmit>) {
        self.open.insert(peer(flow), writer);
        for transmit in self.dialled.remove(&peer(flow)).unwrap_or_default() {
            let _ = self.over(peer(flow), transmit);
        }
    }

    pub(super) fn closed(&mut self, flow: Flow) {
        // The same address may have come back already.
        if self.open.get(&peer(flow)).is_some_and(Sender::is_closed) {
            self.open.remove(&peer(flow));
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
        let Some(writer) = self.open.get(&at) else {
            return Some(transmit);
        };
        match writer.try_send(transmit) {
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
        debug!(%to, "connecting, since the connection of a call is gone");
        let identity = (flow.transport == Transport::Tls).then(|| self.tls.identity(to));
        let dialling = dial(flow, identity, self.inputs.clone(), place);
        self.tasks.session("sip_dial", dialling);
    }
}

const fn peer(flow: Flow) -> Peer {
    (flow.transport, flow.remote)
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
