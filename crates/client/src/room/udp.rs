//! Sockets for media: one per local address the server may answer to.
//!
//! ICE pairs addresses, so a packet must be known by the local address it came to. A socket bound
//! to one address says that by itself, on every platform.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::ReadBuf;
use tokio::net::{UdpSocket, lookup_host};
use trunkline_base::lane::{LaneReceiver, lane};
use trunkline_base::wire::{Parcel, Plug, Wire};
use trunkline_rtc::peer::Transmit;

use crate::clock::now;
use crate::url::ServerUrl;

/// Larger than any datagram WebRTC sends, which stays below an Ethernet frame.
const DATAGRAM: usize = 2048;

/// Datagrams of this process that wait for us, about as many as the system holds for a socket.
const NEAR: usize = 256;

/// A documentation address (RFC 5737): connecting a UDP socket to it sends nothing and reveals
/// which local address leads to the world.
const WORLD: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// A datagram that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// When it was there: one of this process says when it was sent, of another is known when it was
    /// read.
    pub(super) at: Instant,
    pub(super) bytes: &'a [u8],
}

/// The media sockets of one session.
#[derive(Debug)]
pub(super) struct MediaSockets {
    sockets: Vec<(SocketAddr, UdpSocket)>,
    buffer: Box<[u8; DATAGRAM]>,
    near: Near,
    /// Datagrams the system did not take.
    pub(super) unsent: u64,
}

/// The same addresses on a network within this process.
#[derive(Debug)]
struct Near {
    wire: Wire,
    lane: LaneReceiver<Parcel>,
    _plug: Plug,
    /// What came last.
    bytes: Vec<u8>,
}

impl Near {
    fn new(wire: &Wire, addresses: Vec<SocketAddr>) -> Self {
        let (sender, lane) = lane(NEAR);
        Self {
            _plug: wire.plug(addresses, sender),
            wire: wire.clone(),
            lane,
            bytes: Vec::new(),
        }
    }

    fn take(&mut self, parcel: Parcel) -> Received<'_> {
        self.bytes = parcel.bytes;
        Received {
            from: parcel.from,
            to: parcel.to,
            at: parcel.sent,
            bytes: &self.bytes,
        }
    }
}

impl MediaSockets {
    /// Binds on `only`, or on the addresses that lead to the server.
    pub(super) async fn bind(
        url: &ServerUrl,
        only: Option<IpAddr>,
        wire: &Wire,
    ) -> io::Result<Self> {
        let mut sockets = Vec::new();
        for ip in addresses(url, only).await {
            // One per connection: a server on one port tells them apart by our port alone.
            for _connection in 0..2 {
                let socket = UdpSocket::bind((ip, 0)).await?;
                // Until the reactor has seen the socket, `send` would find it not ready.
                socket.writable().await?;
                sockets.push((socket.local_addr()?, socket));
            }
        }
        if sockets.is_empty() {
            return Err(io::Error::from(io::ErrorKind::AddrNotAvailable));
        }
        let addresses = sockets.iter().map(|(addr, _)| *addr).collect();
        Ok(Self {
            sockets,
            buffer: Box::new([0; DATAGRAM]),
            near: Near::new(wire, addresses),
            unsent: 0,
        })
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|(addr, _)| *addr).collect()
    }

    /// Waits for a datagram.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn recv(&mut self) -> Received<'_> {
        let Self {
            sockets,
            buffer,
            near,
            ..
        } = self;
        tokio::select! {
            biased;
            Some(parcel) = near.lane.recv() => near.take(parcel),
            came = poll_fn(|context| poll_recv(sockets, buffer, context)) => {
                from_far(came, buffer.as_slice())
            }
        }
    }

    /// A datagram that is there already.
    pub(super) fn try_recv(&mut self) -> Option<Received<'_>> {
        if let Some(parcel) = self.near.lane.try_recv() {
            return Some(self.near.take(parcel));
        }
        let received = self.sockets.iter().find_map(|(to, socket)| {
            let (len, from) = socket.try_recv_from(self.buffer.as_mut_slice()).ok()?;
            Some((from, *to, len))
        });
        Some(from_far(received?, self.buffer.as_slice()))
    }

    /// Datagrams of this process that came faster than they were taken.
    pub(super) fn missed(&self) -> u64 {
        self.near.lane.dropped()
    }

    /// Sends, or drops and counts: media that cannot go now is worth nothing later, and ICE, DTLS
    /// and SCTP repeat what matters.
    pub(super) fn send(&mut self, transmit: Transmit) {
        let Transmit { from, to, bytes } = transmit;
        let parcel = Parcel {
            from,
            to,
            sent: now(),
            bytes,
        };
        let Err(far) = self.near.wire.send(parcel) else {
            return;
        };
        let socket = self
            .sockets
            .iter()
            .find(|(addr, _)| *addr == from)
            .map(|(_, socket)| socket);
        let sent = socket.is_some_and(|socket| socket.try_send_to(&far.bytes, to).is_ok());
        if !sent {
            self.unsent += 1;
        }
    }
}

fn from_far((from, to, len): (SocketAddr, SocketAddr, usize), buffer: &[u8]) -> Received<'_> {
    Received {
        from,
        to,
        at: now(),
        bytes: buffer.get(..len).unwrap_or_default(),
    }
}

fn poll_recv(
    sockets: &[(SocketAddr, UdpSocket)],
    buffer: &mut [u8; DATAGRAM],
    context: &mut Context<'_>,
) -> Poll<(SocketAddr, SocketAddr, usize)> {
    for (to, socket) in sockets {
        loop {
            let mut buffer = ReadBuf::new(buffer.as_mut_slice());
            match socket.poll_recv_from(context, &mut buffer) {
                Poll::Ready(Ok(from)) => {
                    return Poll::Ready((from, *to, buffer.filled().len()));
                }
                // An unreachable destination is reported on the next read; read on.
                Poll::Ready(Err(_)) => {}
                Poll::Pending => break,
            }
        }
    }
    Poll::Pending
}

/// Local addresses to use, most likely first, no doubles.
async fn addresses(url: &ServerUrl, only: Option<IpAddr>) -> Vec<IpAddr> {
    if let Some(ip) = only {
        return vec![ip];
    }
    let mut found = Vec::new();
    let mut add = |ip: Option<IpAddr>| {
        if let Some(ip) = ip.filter(|ip| !found.contains(ip)) {
            found.push(ip);
        }
    };
    if let Ok(resolved) = lookup_host((url.host(), url.port())).await {
        let resolved: Vec<SocketAddr> = resolved.collect();
        let v4 = resolved.iter().find(|addr| addr.is_ipv4());
        let v6 = resolved.iter().find(|addr| addr.is_ipv6());
        for addr in v4.into_iter().chain(v6) {
            add(route_to(*addr).await);
        }
    }
    if url.is_loopback() {
        // A server on this machine may offer its loopback or its outer address.
        add(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        add(route_to(WORLD).await);
    }
    found
}

/// The local address from which `addr` would be reached.
async fn route_to(addr: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if addr.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let probe = UdpSocket::bind(any).await.ok()?;
    probe.connect(addr).await.ok()?;
    let ip = probe.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loopback_server_gets_a_loopback_address_and_datagrams_know_where_they_came() {
        let url = ServerUrl::parse("ws://127.0.0.1:7880").unwrap();
        let mut sockets = MediaSockets::bind(&url, None, &Wire::default())
            .await
            .unwrap();
        let local = sockets.addresses()[0];
        assert!(local.ip().is_loopback());
        let mut far = MediaSockets::bind(&url, Some(Ipv4Addr::LOCALHOST.into()), &Wire::default())
            .await
            .unwrap();
        let far_addr = far.addresses()[0];
        let datagram = |from, to, bytes: &[u8]| Transmit {
            from,
            to,
            bytes: bytes.to_vec(),
        };
        sockets.send(datagram(local, far_addr, b"there"));
        let limit = std::time::Duration::from_secs(10);
        let there = tokio::time::timeout(limit, far.recv()).await.unwrap();
        assert_eq!((there.from, there.to), (local, far_addr));
        assert_eq!(there.bytes, b"there");
        far.send(datagram(far_addr, local, b"back"));
        let back = tokio::time::timeout(limit, sockets.recv()).await.unwrap();
        assert_eq!(back.bytes, b"back");
        assert!(sockets.try_recv().is_none());
        assert_eq!(sockets.unsent, 0);
    }

    #[tokio::test]
    async fn who_lives_in_this_process_is_reached_past_the_system_and_others_through_it() {
        let url = ServerUrl::parse("ws://127.0.0.1:7880").unwrap();
        let wire = Wire::default();
        let mut sockets = MediaSockets::bind(&url, None, &wire).await.unwrap();
        let local = sockets.addresses()[0];
        // No socket has this address.
        let server: SocketAddr = "192.0.2.7:7882".parse().unwrap();
        let (sender, mut taken) = lane(4);
        let _plug = wire.plug(vec![server], sender);
        sockets.send(Transmit {
            from: local,
            to: server,
            bytes: b"there".to_vec(),
        });
        let sent = taken.try_recv().unwrap();
        assert_eq!((sent.from, sent.to), (local, server));
        assert_eq!(sent.bytes, b"there");
        // However late they are taken, they are as old as they are.
        let parcel = |bytes: &[u8]| Parcel {
            from: server,
            to: local,
            sent: sent.sent,
            bytes: bytes.to_vec(),
        };
        let received = |bytes| Received {
            from: server,
            to: local,
            at: sent.sent,
            bytes,
        };
        wire.send(parcel(b"back")).unwrap();
        assert_eq!(sockets.recv().await, received(b"back"));
        wire.send(parcel(b"again")).unwrap();
        assert_eq!(sockets.try_recv(), Some(received(b"again")));

        let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        far.send_to(b"from far", local).await.unwrap();
        let came = sockets.recv().await;
        assert_eq!(
            (came.from, came.bytes),
            (far.local_addr().unwrap(), &b"from far"[..])
        );

        drop(sockets);
        let late = parcel(b"late");
        assert_eq!(
            wire.send(late.clone()),
            Err(late),
            "nobody is here any more"
        );
    }
}
