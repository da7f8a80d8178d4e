//! Which room a datagram is for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use trunkline_base::lane::LaneSender;
use trunkline_rtc::demux::{Demux, Route};

use super::Datagram;

/// A change of the routes. A room sends it before the client can know the user fragment.
#[derive(Debug)]
pub(crate) enum RouteChange {
    /// A room opens its lane. Its number is never used twice.
    Open {
        room: u64,
        lane: LaneSender<Datagram>,
    },
    /// A room is gone, and its fragments with it.
    Close { room: u64 },
    /// A peer of the room answers to this ICE user fragment.
    Add { room: u64, peer: u64, ufrag: String },
    /// Nobody answers to it any more.
    Retire { ufrag: String },
    /// A peer of the room has answered a check from this address.
    Checked {
        room: u64,
        peer: u64,
        from: SocketAddr,
        at: Instant,
    },
}

/// The routes of the whole port.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    demux: Demux<Peer>,
    fragments: BTreeMap<String, Peer>,
    /// User fragments each peer answers to.
    answering: BTreeMap<Peer, usize>,
    rooms: BTreeMap<u64, LaneSender<Datagram>>,
}

/// A peer, by its room's number and its own within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Peer {
    room: u64,
    number: u64,
}

impl Routes {
    pub(crate) fn apply(&mut self, change: RouteChange) {
        match change {
            RouteChange::Open { room, lane } => {
                self.rooms.insert(room, lane);
            }
            RouteChange::Close { room } => self.close(room),
            RouteChange::Add { room, peer, ufrag } => self.add(Peer { room, number: peer }, ufrag),
            RouteChange::Retire { ufrag } => self.retire(&ufrag),
            RouteChange::Checked {
                room,
                peer,
                from,
                at,
            } => self.learn(Peer { room, number: peer }, from, at),
        }
    }

    /// The lane for a datagram.
    pub(crate) fn find(&self, from: SocketAddr, datagram: &[u8]) -> Option<&LaneSender<Datagram>> {
        let Route::To(peer) = self.demux.route(from, datagram) else {
            return None;
        };
        self.rooms.get(&peer.room)
    }

    /// Forgets rooms that ended without saying so.
    pub(crate) fn sweep(&mut self) {
        let closed = self.rooms.iter().filter(|(_, lane)| lane.is_closed());
        for room in closed.map(|(room, _)| *room).collect::<Vec<_>>() {
            self.close(room);
        }
    }

    fn add(&mut self, peer: Peer, ufrag: String) {
        self.retire(&ufrag);
        self.demux.register(peer, &ufrag);
        *self.answering.entry(peer).or_default() += 1;
        self.fragments.insert(ufrag, peer);
    }

    /// A fragment is over; with its last one, so is the peer.
    fn retire(&mut self, ufrag: &str) {
        let Some(peer) = self.fragments.remove(ufrag) else {
            return;
        };
        self.demux.retire(ufrag);
        if let Some(left) = self.answering.get_mut(&peer) {
            *left -= 1;
            if *left == 0 {
                self.answering.remove(&peer);
                self.demux.remove(&peer);
            }
        }
    }

    /// Only of peers that are here: a room's word may come after its end.
    fn learn(&mut self, peer: Peer, from: SocketAddr, at: Instant) {
        if self.answering.contains_key(&peer) {
            self.demux.learn(from, &peer, at);
        }
    }

    fn close(&mut self, room: u64) {
        self.rooms.remove(&room);
        let its = self.fragments.iter().filter(|(_, peer)| peer.room == room);
        for ufrag in its.map(|(ufrag, _)| ufrag.clone()).collect::<Vec<_>>() {
            self.retire(&ufrag);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use trunkline_base::lane::lane;

    use super::*;

    /// A STUN binding request with this user name.
    pub(crate) fn check(username: &str) -> Vec<u8> {
        let padded = username.len().next_multiple_of(4);
        let mut datagram = vec![0x00, 0x01, 0x00, u8::try_from(padded + 4).unwrap()];
        datagram.extend([0x21, 0x12, 0xa4, 0x42]);
        datagram.extend([7; 12]);
        datagram.extend([0x00, 0x06, 0x00, u8::try_from(username.len()).unwrap()]);
        datagram.extend(username.as_bytes());
        datagram.resize(24 + padded, 0);
        datagram
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn add(ufrag: &str) -> RouteChange {
        RouteChange::Add {
            room: 7,
            peer: 1,
            ufrag: ufrag.to_owned(),
        }
    }

    pub(crate) fn checked(room: u64, from: SocketAddr) -> RouteChange {
        RouteChange::Checked {
            room,
            peer: 1,
            from,
            at: tokio::time::Instant::now().into_std(),
        }
    }

    fn retire(ufrag: &str) -> RouteChange {
        RouteChange::Retire {
            ufrag: ufrag.to_owned(),
        }
    }

    #[test]
    fn a_checked_address_is_known_and_media_follows() {
        let mut routes = Routes::default();
        let (sender, _receiver) = lane(1);
        routes.apply(RouteChange::Open {
            room: 7,
            lane: sender,
        });
        routes.apply(add("abcd"));
        assert!(routes.find(address(1), &check("abcd:xyz")).is_some());
        assert!(
            routes.find(address(1), &[0x80, 0]).is_none(),
            "a request anybody can write"
        );
        routes.apply(checked(7, address(1)));
        assert!(routes.find(address(1), &[0x80, 0]).is_some());
        assert!(
            routes.find(address(2), &[0x80, 0]).is_none(),
            "another sender"
        );
        routes.apply(retire("abcd"));
        assert!(routes.find(address(1), &[0x80, 0]).is_none(), "gone");
        routes.apply(checked(7, address(1)));
        assert!(routes.find(address(1), &[0x80, 0]).is_none(), "too late");
    }

    #[test]
    fn an_address_survives_an_ice_restart() {
        let mut routes = Routes::default();
        let (sender, _receiver) = lane(1);
        routes.apply(RouteChange::Open {
            room: 7,
            lane: sender,
        });
        routes.apply(add("old"));
        routes.apply(checked(7, address(1)));
        routes.apply(add("new"));
        routes.apply(retire("old"));
        assert!(routes.find(address(1), &[0x80, 0]).is_some());
    }

    #[test]
    fn a_room_that_vanished_is_swept() {
        let mut routes = Routes::default();
        let (sender, receiver) = lane(1);
        routes.apply(RouteChange::Open {
            room: 7,
            lane: sender,
        });
        routes.apply(add("abcd"));
        drop(receiver);
        routes.sweep();
        assert!(routes.rooms.is_empty() && routes.fragments.is_empty());
        assert!(routes.find(address(1), &check("abcd:xyz")).is_none());
    }
}
