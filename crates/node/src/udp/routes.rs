//! Which room a datagram is for.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::stun;
use super::{Datagram, LaneSender};

/// A change to the routes, sent by rooms before the client can know the user fragment.
#[derive(Debug)]
pub(crate) enum Route {
    Add { ufrag: String, lane: LaneSender<Datagram> },
    Remove { ufrag: String },
}

/// User fragments and learnt addresses, each to the lane of a room.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    by_ufrag: HashMap<String, LaneSender<Datagram>>,
    by_address: HashMap<SocketAddr, LaneSender<Datagram>>,
}

impl Routes {
    pub(crate) fn apply(&mut self, route: Route) {
        match route {
            Route::Add { ufrag, lane } => {
                self.by_ufrag.insert(ufrag, lane);
            }
            Route::Remove { ufrag } => {
                self.by_ufrag.remove(&ufrag);
            }
        }
    }

    /// The lane for a datagram, learning the sender's address from a valid check.
    pub(crate) fn find(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<&LaneSender<Datagram>> {
        if let Some(lane) = stun::local_ufrag(datagram).and_then(|ufrag| self.by_ufrag.get(ufrag)) {
            if self.by_address.len() >= MAX_ADDRESSES && !self.by_address.contains_key(&from) {
                self.by_address.retain(|_, lane| !lane.is_closed());
            }
            if self.by_address.len() < MAX_ADDRESSES {
                self.by_address.insert(from, lane.clone());
            }
            return Some(lane);
        }
        self.by_address.get(&from)
    }

    /// Forgets what belongs to closed rooms.
    pub(crate) fn sweep(&mut self) {
        self.by_ufrag.retain(|_, lane| !lane.is_closed());
        self.by_address.retain(|_, lane| !lane.is_closed());
    }
}

/// Addresses learnt at most; a peer uses one to three. Past this, media of new addresses is lost
/// until rooms close, so it is far above what one machine carries.
const MAX_ADDRESSES: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::super::lane;
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_check_teaches_the_address_and_media_follows() {
        let mut routes = Routes::default();
        let (sender, _receiver) = lane(1);
        routes.apply(Route::Add { ufrag: "abcd".to_owned(), lane: sender });
        assert!(routes.find(address(1), &[0x80, 0]).is_none(), "unknown sender");
        assert!(routes.find(address(1), &stun::check("abcd:xyz")).is_some());
        assert!(routes.find(address(1), &[0x80, 0]).is_some());
        assert!(routes.find(address(2), &[0x80, 0]).is_none(), "another sender");
    }

    #[test]
    fn a_closed_room_is_forgotten() {
        let mut routes = Routes::default();
        let (sender, receiver) = lane(1);
        routes.apply(Route::Add { ufrag: "abcd".to_owned(), lane: sender });
        assert!(routes.find(address(1), &stun::check("abcd:xyz")).is_some());
        drop(receiver);
        routes.sweep();
        assert!(routes.by_ufrag.is_empty() && routes.by_address.is_empty());
    }
}
