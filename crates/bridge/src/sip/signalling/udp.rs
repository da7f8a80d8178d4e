//! Datagrams in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ipnet::IpNet;
use tracing::debug;
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::endpoint::{Flow, Transport};

use super::super::datagrams::Datagrams;
use super::super::outside::Outside;
use super::lane::Sender;
use super::queued::Queued;
use super::{INPUT_BYTES, Input};

/// Which address of ours a peer should see.
pub(crate) struct Advertised {
    bound: Option<IpAddr>,
    outside: Outside,
    /// From here we are reached at our own address.
    local: Vec<IpNet>,
    port: u16,
    seen: BTreeMap<IpAddr, IpAddr>,
}

impl Advertised {
    pub(crate) fn new(bound: SocketAddr, outside: Outside, local: Vec<IpNet>) -> Self {
        Self {
            bound: Some(bound.ip().to_canonical()).filter(|ip| !ip.is_unspecified()),
            outside,
            local,
            port: bound.port(),
            seen: BTreeMap::new(),
        }
    }

    pub(crate) fn towards(&mut self, peer: SocketAddr) -> SocketAddr {
        let is_local = |net: &IpNet| net.contains(&peer.ip().to_canonical());
        let inside = self.local.iter().any(is_local);
        // An address of the other family is of no use to this peer.
        let reaches = |ip: &IpAddr| ip.is_ipv4() == peer.is_ipv4();
        let public = self.outside.get().map(|ip| ip.to_canonical());
        let public = public.filter(reaches).filter(|_| !inside);
        let fixed = public.or_else(|| self.bound.filter(reaches));
        let ip = match (fixed, self.seen.get(&peer.ip())) {
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
    inputs: Sender<Input>,
) {
    let mut buffer = vec![0; trunkline_sip::message::MAX_MESSAGE];
    let mut queued = Queued::new(INPUT_BYTES as usize);
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
        match kind(datagram) {
            Kind::Message => {}
            Kind::KeepAlive => continue,
            Kind::Noise => {
                debug!(from = %remote, length, "datagram is not sip");
                count(Counter::SipDropped, 1, &[("reason", "not_sip")]);
                continue;
            }
        }
        let flow = Flow {
            transport: Transport::Udp,
            local: advertised.towards(remote),
            remote,
        };
        let place = queued.place(remote.ip(), length);
        if place.is_none() {
            count(Counter::SipDropped, 1, &[("reason", "share")]);
            continue;
        }
        let bytes = Bytes::copy_from_slice(datagram);
        if inputs
            .try_send(Input::Message { flow, bytes, place })
            .is_err()
        {
            count(Counter::SipDropped, 1, &[("reason", "overload")]);
        }
    }
}

/// What a datagram is at first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It may be a message, perhaps after line breaks or a byte order mark.
    Message,
    /// Line breaks and such, which keep a NAT's mapping alive.
    KeepAlive,
    /// STUN, RTP and noise.
    Noise,
}

fn kind(datagram: &[u8]) -> Kind {
    let blank = |b: &u8| b.is_ascii_whitespace() || *b == 0;
    let Some(start) = datagram.iter().position(|b| !blank(b)) else {
        return Kind::KeepAlive;
    };
    let rest = datagram.get(start..).unwrap_or_default();
    let rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
    if names_via(datagram) {
        return Kind::Message;
    }
    let begins = rest.first().is_some_and(u8::is_ascii_graphic);
    // A STUN message may begin with zeros that look blank.
    let breaks_only = datagram.iter().take(start).all(u8::is_ascii_whitespace);
    if begins && breaks_only && rest.len() > 20 {
        Kind::Message
    } else {
        Kind::Noise
    }
}

/// Whatever it begins with, somebody waits for an answer to it.
fn names_via(datagram: &[u8]) -> bool {
    datagram.split(|byte| *byte == b'\n').skip(1).any(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let name = name.trim_ascii();
        name.len() < line.len()
            && (name.eq_ignore_ascii_case(b"via") || name.eq_ignore_ascii_case(b"v"))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A phone in the office was told the address of the office's router, and sent its audio there.
    #[test]
    fn each_peer_is_told_the_address_it_can_reach() {
        let of = |bound: &str, public: Option<&str>, local: &[&str], peer: &str| {
            let local = local.iter().map(|net| net.parse().unwrap()).collect();
            let public = public.map(|ip| ip.parse().unwrap());
            let mut told = Advertised::new(bound.parse().unwrap(), Outside::Told(public), local);
            told.towards(peer.parse().unwrap()).to_string()
        };
        let office = &["192.168.0.0/16", "fd00::/8"][..];
        let public = Some("203.0.113.1");
        for (bound, peer, expected) in [
            ("192.168.1.2:5060", "198.51.100.7:5060", "203.0.113.1:5060"),
            ("192.168.1.2:5060", "192.168.9.9:5060", "192.168.1.2:5060"),
            ("0.0.0.0:5060", "198.51.100.7:5060", "203.0.113.1:5060"),
            ("[fd00::1]:5060", "[fd00::9]:5060", "[fd00::1]:5060"),
            // A public address of IPv4 says nothing to one who has none.
            (
                "[2001:db8::1]:5060",
                "[2001:db8::9]:5060",
                "[2001:db8::1]:5060",
            ),
        ] {
            assert_eq!(of(bound, public, office, peer), expected, "{peer}");
        }
        assert_eq!(
            of("0.0.0.0:5060", public, &["127.0.0.0/8"], "127.0.0.1:9"),
            "127.0.0.1:5060"
        );
        assert_eq!(
            of("0.0.0.0:5060", None, &[], "127.0.0.1:9"),
            "127.0.0.1:5060"
        );
    }

    #[test]
    fn messages_keep_alives_and_noise_are_told_apart() {
        for (datagram, expected) in [
            (&b"OPTIONS sip:a@b SIP/2.0\r\n"[..], Kind::Message),
            (b"\r\n\r\nOPTIONS sip:a@b SIP/2.0", Kind::Message),
            (b"\xef\xbb\xbfOPTIONS sip:a@b SIP/2.0", Kind::Message),
            (b"!odd-method* sip:a@b SIP/2.0\r\n", Kind::Message),
            (
                b"\xc3\x84\x01 sip:a@b SIP/2.0\r\nVia : SIP/2.0/UDP h\r\n\r\n",
                Kind::Message,
            ),
            (
                b"\0\0\0INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\n\r\n",
                Kind::Message,
            ),
            (b"\r\n\r\n", Kind::KeepAlive),
            (b"\0\0\0\0", Kind::KeepAlive),
            (b"", Kind::KeepAlive),
            (b"hello", Kind::Noise),
            (
                b"\x00\x01\x00\x08\x21\x12\xa4\x42aaaaaaaaaaaaaaaaaaaaaaaa",
                Kind::Noise,
            ),
            (b"\x80\x00aaaaaaaaaaaaaaaaaaaaaaaaaa", Kind::Noise),
        ] {
            assert_eq!(kind(datagram), expected, "{datagram:?}");
        }
    }
}
