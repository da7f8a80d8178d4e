//! A UDP socket that may serve both families. A peer who comes over IPv4 to an IPv6 socket is told as
//! what it is, and nobody above writes a mapped address into a message.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

/// A socket whose peers are told in their own family.
pub(crate) struct Datagrams {
    socket: UdpSocket,
    v6: bool,
}

impl Datagrams {
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let v6 = address.is_ipv6();
        Ok(Self { socket, v6 })
    }

    /// For its options.
    pub(crate) const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// # Cancel safety
    /// Safe.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// # Cancel safety
    /// Safe.
    pub(crate) async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (length, from) = self.socket.recv_from(buffer).await?;
        Ok((length, told(from)))
    }

    /// One that is there already.
    pub(crate) fn try_recv_from(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let (length, from) = self.socket.try_recv_from(buffer).ok()?;
        Some((length, told(from)))
    }

    /// Throws away what has come so far.
    pub(crate) fn drain(&self) {
        // Of a longer one the rest goes too. Whoever sends faster than this is a flood, and waits.
        let mut start = [0; 1];
        for _ in 0..MOST_DRAINED {
            if self.socket.try_recv_from(&mut start).is_err() {
                return;
            }
        }
    }

    pub(crate) fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        let to = match to.ip() {
            IpAddr::V4(ip) if self.v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            IpAddr::V4(_) | IpAddr::V6(_) => to,
        };
        self.socket.try_send_to(bytes, to)
    }
}

/// An address as its owner knows it: IPv4 that came mapped into IPv6 is IPv4.
pub(crate) fn told(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        // Kept whole: a link-local peer is found by its scope.
        IpAddr::V6(_) => address,
    }
}

/// Datagrams thrown away in one go: more than a socket's buffer holds of RTP.
const MOST_DRAINED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_socket_serves_both_families_and_tells_them_apart() {
        let both = Datagrams::bind("[::]:0".parse().unwrap()).await.unwrap();
        let port = both.local_addr().unwrap().port();
        both.writable().await.unwrap();
        for host in ["127.0.0.1", "::1"] {
            let host: IpAddr = host.parse().unwrap();
            let peer = UdpSocket::bind((host, 0)).await.unwrap();
            peer.send_to(b"hello", (host, port)).await.unwrap();
            let mut buffer = [0; 16];
            let (length, from) = both.recv_from(&mut buffer).await.unwrap();
            assert_eq!((length, from), (5, peer.local_addr().unwrap()));
            both.try_send_to(b"back", from).unwrap();
            let (length, _) = peer.recv_from(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..length], b"back");
        }
    }
}
