//! The socket and the task that reads it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use trunkline_base::lane::{LaneReceiver, LaneSender, lane};
use trunkline_base::wire::{Parcel, Plug, Wire};
use trunkline_rtc::peer::Transmit;
use trunkline_service::metrics::{Counter, count};

use super::Datagram;
use super::routes::{RouteChange, Routes};
use crate::clock::instant;

/// The receiving side, to be run by one task.
#[derive(Debug)]
pub(crate) struct Port {
    socket: Arc<UdpSocket>,
    /// Datagrams of participants in this process, and the addresses that they send to.
    near: LaneReceiver<Parcel>,
    wire: Wire,
    /// Of those, how many were lost when that was told last, and how many of those for others.
    missed: (u64, u64),
    _plug: Plug,
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
    wire: Wire,
}

impl Outlet {
    /// Sends one datagram; `false` when it was dropped.
    pub(crate) fn send(&self, transmit: Transmit) -> bool {
        let Transmit { from, to, bytes } = transmit;
        let parcel = Parcel {
            from,
            to,
            sent: instant(),
            bytes,
        };
        match self.wire.send(parcel) {
            Ok(()) => true,
            Err(far) => self.socket.try_send_to(&far.bytes, to).is_ok(),
        }
    }
}

/// Binds the media socket, of which participants are told these addresses. Port 0 takes any.
///
/// # Errors
/// Those of the operating system: the address is taken or not ours.
pub(crate) fn bind(
    addr: SocketAddr,
    told: &[IpAddr],
    wire: &Wire,
) -> std::io::Result<(Port, PortHandle, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Best effort: the kernel caps these, and a small buffer only drops bursts.
    let _capped = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _capped = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&addr.into())?;
    let socket = Arc::new(UdpSocket::from_std(socket.into())?);
    let bound = socket.local_addr()?;
    let (changes, incoming_changes) = mpsc::channel(ROUTE_CHANGES);
    let (lane, near) = lane(NEAR);
    let told = told.iter().map(|ip| SocketAddr::new(*ip, bound.port()));
    let plug = wire.plug(told.collect(), lane);
    let handle = PortHandle {
        outlet: Outlet {
            socket: Arc::clone(&socket),
            wire: wire.clone(),
        },
        changes,
    };
    let port = Port {
        socket,
        near,
        wire: wire.clone(),
        missed: (0, 0),
        _plug: plug,
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
                _ = sweep.tick() => self.sweep(),
                () = self.near.ready() => {}
                ready = self.socket.readable() => ready?,
            }
            // Whichever woke us: neither may starve the other.
            self.read_near();
            self.read_burst(&mut buffer);
        }
    }

    /// Reads what is there, up to a burst, so that route changes and the sweep are not starved.
    fn read_burst(&mut self, buffer: &mut [u8]) {
        for _ in 0..BURST {
            match self.socket.try_recv_from(buffer) {
                Ok((length, from)) => {
                    let data = buffer.get(..length).unwrap_or_default();
                    if let Some(lane) = self.lane(from, data) {
                        lane.push(received(from, Bytes::copy_from_slice(data), instant()));
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => tracing::trace!(%error, "a peer's address refused a datagram"),
            }
        }
    }

    /// The same for those of this process.
    fn read_near(&mut self) {
        for _ in 0..BURST {
            let Some(parcel) = self.near.try_recv() else {
                return;
            };
            if let Some(lane) = self.lane(parcel.from, &parcel.bytes) {
                lane.push(received(parcel.from, parcel.bytes.into(), parcel.sent));
            }
        }
    }

    /// The lane of the room that a datagram is for.
    fn lane(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<&LaneSender<Datagram>> {
        if self.routes.find(from, datagram).is_none() {
            // A room tells of an address before it answers the check, and what is sent upon that
            // answer may be in this very burst.
            while let Ok(change) = self.changes.try_recv() {
                self.routes.apply(change);
            }
        }
        let lane = self.routes.find(from, datagram);
        if lane.is_none() {
            tracing::trace!(length = datagram.len(), "a datagram for no room");
        }
        lane
    }

    fn sweep(&mut self) {
        self.routes.sweep();
        let port = self.near.dropped();
        let others = self.wire.lost().saturating_sub(port);
        let (told, told_of_others) = std::mem::replace(&mut self.missed, (port, others));
        for (reason, more) in [
            ("port_busy", port.saturating_sub(told)),
            ("reader_busy", others.saturating_sub(told_of_others)),
        ] {
            if more > 0 {
                count(Counter::PacketsDropped, more, &[("reason", reason)]);
            }
        }
    }
}

fn received(from: SocketAddr, data: Bytes, at: Instant) -> Datagram {
    Datagram {
        from,
        received: at,
        data,
    }
}

/// Room for about 100 ms of a few hundred calls while the reader is descheduled.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// WebRTC keeps datagrams under the path MTU; anything longer is cut and fails its checks.
const LARGEST_DATAGRAM: usize = 2_048;

/// Datagrams of this process that wait: some 20 ms of two hundred rooms.
const NEAR: usize = 4_096;

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
        let wire = Wire::default();
        let (port, handle, bound) = bind(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            &[IpAddr::from([127, 0, 0, 1])],
            &wire,
        )
        .unwrap();
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

        let answer = |to| Transmit {
            from: bound,
            to,
            bytes: b"answer".to_vec(),
        };
        assert!(handle.outlet.send(answer(from)));
        let mut buffer = [0; 16];
        let (length, _) = client.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], b"answer");
    }

    #[tokio::test]
    async fn who_lives_in_this_process_is_reached_without_a_socket() {
        let wire = Wire::default();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (port, handle, bound) = bind(any, &[any.ip()], &wire).unwrap();
        let mut running = tokio::task::JoinSet::new();
        running.spawn(port.run());
        let (lane_of_room, mut room) = lane(8);
        for change in [
            RouteChange::Open {
                room: 1,
                lane: lane_of_room,
            },
            RouteChange::Add {
                room: 1,
                peer: 1,
                ufrag: "abcd".to_owned(),
            },
        ] {
            handle.changes.send(change).await.unwrap();
        }
        // No socket has this address.
        let own: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        let (sender, mut received) = lane(8);
        let _plug = wire.plug(vec![own], sender);
        let sent = instant();
        wire.send(Parcel {
            from: own,
            to: bound,
            sent,
            bytes: check("abcd:efgh"),
        })
        .unwrap();
        room.ready().await;
        let check = room.try_recv().unwrap();
        assert_eq!((check.from, check.received), (own, sent));
        assert!(handle.outlet.send(Transmit {
            from: bound,
            to: own,
            bytes: b"answer".to_vec(),
        }));
        let answer = received.try_recv().unwrap();
        assert_eq!((answer.from, answer.to), (bound, own));
        assert_eq!(answer.bytes, b"answer");
    }
}
