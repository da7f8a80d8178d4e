//! Datagrams in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::debug;
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::endpoint::{Flow, Transport};

use super::super::datagrams::Datagrams;
use super::Input;

/// Which address of ours a peer should see.
pub(crate) struct Advertised {
    fixed: Option<IpAddr>,
    port: u16,
    seen: BTreeMap<IpAddr, IpAddr>,
}

impl Advertised {
    pub(crate) fn new(bound: SocketAddr, public: Option<IpAddr>) -> Self {
        let bound_ip = Some(bound.ip()).filter(|ip| !ip.is_unspecified());
        let fixed = public.or(bound_ip).map(|ip| ip.to_canonical());
        Self {
            fixed,
            port: bound.port(),
            seen: BTreeMap::new(),
        }
    }

    pub(crate) fn towards(&mut self, peer: SocketAddr) -> SocketAddr {
        let ip = match (self.fixed, self.seen.get(&peer.ip())) {
            (Some(ip), _) | (None, Some(&ip)) => ip,
            (None, None) => {
                let ip = route_to(peer).unwrap_or_else(|| peer.ip());
                if self.seen.len() >= MAX_SEEN {
                    self.seen.clear();
                }
                self.seen.insert(peer.ip(), ip);
                ip
            }
        };
        SocketAddr::new(ip, self.port)
    }
}

/// Reads datagrams until signalling is gone.
pub(crate) async fn read_udp(
    socket: Arc<Datagrams>,
    mut advertised: Advertised,
    inputs: mpsc::Sender<Input>,
) {
    let mut buffer = vec![0; trunkline_sip::message::MAX_MESSAGE];
    loop {
        let received = tokio::select! {
            biased;
            () = inputs.closed() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        let (length, remote) = match received {
            Ok(received) => received,
            Err(error) => {
                // ICMP errors of earlier sends surface here; the socket lives on.
                debug!(%error, "receiving failed");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let datagram = buffer.get(..length).unwrap_or_default();
        if !looks_like_sip(datagram) {
            count(Counter::SipDropped, 1, &[("reason", "not_sip")]);
            continue;
        }
        let flow = Flow {
            transport: Transport::Udp,
            local: advertised.towards(remote),
            remote,
        };
        let bytes = Bytes::copy_from_slice(datagram);
        if inputs.try_send(Input::Message { flow, bytes }).is_err() {
            count(Counter::SipDropped, 1, &[("reason", "overload")]);
        }
    }
}

/// Keep-alives, STUN and noise go no further.
fn looks_like_sip(datagram: &[u8]) -> bool {
    datagram.len() > 20 && datagram.first().is_some_and(u8::is_ascii_alphabetic)
}

/// The address of ours that faces a peer. No packet is sent by this.
fn route_to(peer: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if peer.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let probe = std::net::UdpSocket::bind(any).ok()?;
    probe.connect(peer).ok()?;
    probe.local_addr().ok().map(|address| address.ip())
}

/// Peers whose route is remembered; finding one again costs three system calls.
const MAX_SEEN: usize = 4096;
