//! The socket and the task that reads it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::Datagram;
use super::routes::{RouteChange, Routes};

/// The receiving side, to be run by one task.
#[derive(Debug)]
pub(crate) struct Port {
    socket: Arc<UdpSocket>,
    routes: Routes,
    changes: mpsc::Receiver<RouteChange>,
}

/// What rooms hold of the port.
#[derive(Debug, Clone)]
pub(crate) struct PortHandle {
    pub(crate) outlet: Outlet,
    pub(crate) changes: mpsc::Sender<RouteChange>,
}

/// The sending side; never waits. A datagram the kernel will not take now is lost, as on a wire.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    socket: Arc<UdpSocket>,
}

impl Outlet {
    /// Sends one datagram; `false` when it was dropped.
    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) -> bool {
        self.socket.try_send_to(datagram, to).is_ok()
    }
}

/// Binds the media socket. Port 0 takes any.
///
/// # Errors
/// Those of the operating system: the address is taken or not ours.
pub(crate) fn bind(addr: SocketAddr) -> std::io::Result<(Port, PortHandle, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Best effort: the kernel caps these, and a small buffer only drops bursts.
    let _capped = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _capped = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&addr.into())?;
    let socket = Arc::new(UdpSocket::from_std(socket.into())?);
    let bound = socket.local_addr()?;
    let (changes, incoming_changes) = mpsc::channel(ROUTE_CHANGES);
    let handle = PortHandle {
        outlet: Outlet {
            socket: Arc::clone(&socket),
        },
        changes,
    };
    let port = Port {
        socket,
        routes: Routes::default(),
        changes: incoming_changes,
    };
    Ok((port, handle, bound))
}

impl Port {
    /// Reads until every handle is gone. An error of the socket itself ends it; errors caused by
    /// single peers (ICMP answers) do not.
    pub(crate) async fn run(mut self) -> std::io::Result<()> {
        let mut buffer = vec![0_u8; LARGEST_DATAGRAM];
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                biased;
                change = self.changes.recv() => match change {
                    Some(change) => self.routes.apply(change),
                    None => return Ok(()),
                },
                _ = sweep.tick() => self.routes.sweep(),
                ready = self.socket.readable() => {
                    ready?;
                    self.read_burst(&mut buffer);
                }
            }
        }
    }

    /// Reads what is there, up to a burst, so that route changes and the sweep are not starved.
    fn read_burst(&mut self, buffer: &mut [u8]) {
        for _ in 0..BURST {
            match self.socket.try_recv_from(buffer) {
                Ok((length, from)) => self.pass_on(from, buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => tracing::trace!(%error, "a peer's address refused a datagram"),
            }
        }
    }

    fn pass_on(&mut self, from: SocketAddr, datagram: &[u8]) {
        if self.routes.find(from, datagram).is_none() {
            // A room tells of an address before it answers the check, and what is sent upon that
            // answer may be in this very burst.
            while let Ok(change) = self.changes.try_recv() {
                self.routes.apply(change);
            }
        }
        match self.routes.find(from, datagram) {
            Some(lane) => {
                let received = tokio::time::Instant::now().into_std();
                lane.push(Datagram {
                    from,
                    received,
                    data: Bytes::copy_from_slice(datagram),
                });
            }
            None => tracing::trace!(length = datagram.len(), "a datagram for no room"),
        }
    }
}

/// Room for about 100 ms of a few hundred calls while the reader is descheduled.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// WebRTC keeps datagrams under the path MTU; anything longer is cut and fails its checks.
const LARGEST_DATAGRAM: usize = 2_048;

/// Datagrams read before looking at the other lanes again.
const BURST: usize = 128;

/// Changes waiting to be applied; rooms wait when it is full, which the reader drains first.
const ROUTE_CHANGES: usize = 256;

const SWEEP_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use trunkline_base::lane::lane;

    use super::super::routes::tests::{check, checked};
    use super::*;

    #[tokio::test]
    async fn a_datagram_finds_its_room_and_the_answer_its_way_back() {
        let (port, handle, bound) = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let mut running = tokio::task::JoinSet::new();
        running.spawn(port.run());
        let (sender, mut receiver) = lane(8);
        handle
            .changes
            .send(RouteChange::Open {
                room: 1,
                lane: sender,
            })
            .await
            .unwrap();
        let add = RouteChange::Add {
            room: 1,
            peer: 1,
            ufrag: "abcd".to_owned(),
        };
        handle.changes.send(add).await.unwrap();

        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(&[0x80; 64], bound).await.unwrap();
        client.send_to(&check("abcd:efgh"), bound).await.unwrap();
        receiver.ready().await;
        let from = receiver.try_recv().unwrap().from;
        assert!(
            receiver.try_recv().is_none(),
            "media before a check has no room"
        );
        assert_eq!(from, client.local_addr().unwrap());
        handle.changes.send(checked(1, from)).await.unwrap();
        client.send_to(&[0x80; 64], bound).await.unwrap();
        receiver.ready().await;
        assert!(receiver.try_recv().is_some());

        assert!(handle.outlet.send(from, b"answer"));
        let mut buffer = [0; 16];
        let (length, _) = client.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], b"answer");
    }
}
