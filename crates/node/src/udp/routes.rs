//! Which room a datagram is for.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use trunkline_rtc::demux::{Demux, Route};

use super::{Datagram, LaneSender};

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
    Add { room: u64, ufrag: String },
    /// Nobody answers to it any more.
    Retire { ufrag: String },
}

/// The routes of the whole port.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// Addresses are learnt per fragment, so that the bound on them is one per peer.
    demux: Demux<u64>,
    fragments: BTreeMap<String, Fragment>,
    numbers: BTreeMap<u64, u64>,
    rooms: BTreeMap<u64, LaneSender<Datagram>>,
    last: u64,
}

#[derive(Debug, Clone, Copy)]
struct Fragment {
    number: u64,
    room: u64,
}

impl Routes {
    pub(crate) fn apply(&mut self, change: RouteChange) {
        match change {
            RouteChange::Open { room, lane } => {
                self.rooms.insert(room, lane);
            }
            RouteChange::Close { room } => self.close(room),
            RouteChange::Add { room, ufrag } => self.add(room, ufrag),
            RouteChange::Retire { ufrag } => self.retire(&ufrag),
        }
    }

    /// The lane for a datagram.
    pub(crate) fn find(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Option<&LaneSender<Datagram>> {
        let Route::To(number) = self.demux.route(from, datagram) else {
            return None;
        };
        self.rooms.get(self.numbers.get(&number)?)
    }

    /// Forgets rooms that ended without saying so.
    pub(crate) fn sweep(&mut self) {
        let closed = self.rooms.iter().filter(|(_, lane)| lane.is_closed());
        for room in closed.map(|(room, _)| *room).collect::<Vec<_>>() {
            self.close(room);
        }
    }

    fn add(&mut self, room: u64, ufrag: String) {
        self.retire(&ufrag);
        self.last += 1;
        let number = self.last;
        self.demux.register(number, &ufrag);
        self.numbers.insert(number, room);
        self.fragments.insert(ufrag, Fragment { number, room });
    }

    fn retire(&mut self, ufrag: &str) {
        if let Some(fragment) = self.fragments.remove(ufrag) {
            self.demux.remove(&fragment.number);
            self.numbers.remove(&fragment.number);
        }
    }

    fn close(&mut self, room: u64) {
        self.rooms.remove(&room);
        let its = self
            .fragments
            .iter()
            .filter(|(_, fragment)| fragment.room == room);
        for ufrag in its.map(|(ufrag, _)| ufrag.clone()).collect::<Vec<_>>() {
            self.retire(&ufrag);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::lane;
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
            ufrag: ufrag.to_owned(),
        }
    }

    #[test]
    fn a_check_teaches_the_address_and_media_follows() {
        let mut routes = Routes::default();
        let (sender, _receiver) = lane(1);
        routes.apply(RouteChange::Open {
            room: 7,
            lane: sender,
        });
        routes.apply(add("abcd"));
        assert!(
            routes.find(address(1), &[0x80, 0]).is_none(),
            "unknown sender"
        );
        assert!(routes.find(address(1), &check("abcd:xyz")).is_some());
        assert!(routes.find(address(1), &[0x80, 0]).is_some());
        assert!(
            routes.find(address(2), &[0x80, 0]).is_none(),
            "another sender"
        );
        routes.apply(RouteChange::Retire {
            ufrag: "abcd".to_owned(),
        });
        assert!(routes.find(address(1), &[0x80, 0]).is_none(), "gone");
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
        assert!(routes.find(address(1), &check("old:xyz")).is_some());
        routes.apply(add("new"));
        assert!(routes.find(address(1), &check("new:xyz")).is_some());
        routes.apply(RouteChange::Retire {
            ufrag: "old".to_owned(),
        });
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
