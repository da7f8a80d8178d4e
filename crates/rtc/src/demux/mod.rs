//! Which peer a datagram on a shared UDP socket belongs to.
//!
//! A STUN request names its receiver: its user name begins with the receiver's ICE user
//! fragment. Everything else (DTLS, RTP, STUN answers) is known only by its source address,
//! which a request from there has taught us before. The table is pure and bounded; it checks no
//! signature, because a wrong entry can only bring a peer packets that it will refuse.

mod stun;

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Source addresses remembered per peer. A phone that changes networks uses a few; the oldest
/// is forgotten first, and the next STUN keep-alive teaches it again.
const ADDRESSES_PER_PEER: usize = 8;

/// Where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<K> {
    /// To this peer.
    To(K),
    /// Looks like WebRTC, but nobody here is known to be meant.
    Unknown,
    /// Not WebRTC at all.
    Foreign,
}

/// The routing table.
#[derive(Debug)]
pub struct Demux<K> {
    fragments: BTreeMap<String, K>,
    addresses: BTreeMap<SocketAddr, Learnt<K>>,
    clock: u64,
}

#[derive(Debug)]
struct Learnt<K> {
    key: K,
    used: u64,
}

impl<K> Default for Demux<K> {
    fn default() -> Self {
        Self {
            fragments: BTreeMap::new(),
            addresses: BTreeMap::new(),
            clock: 0,
        }
    }
}

impl<K: Clone + PartialEq> Demux<K> {
    /// Peer `key` answers to this ICE user fragment. A peer may hold several: an ICE restart
    /// brings a new one while the old is still in flight.
    pub fn register(&mut self, key: K, ufrag: &str) {
        self.fragments.insert(ufrag.to_owned(), key);
    }

    /// One fragment is no longer answered to.
    pub fn retire(&mut self, ufrag: &str) {
        self.fragments.remove(ufrag);
    }

    /// Forgets everything about a peer.
    pub fn remove(&mut self, key: &K) {
        self.fragments.retain(|_, k| k != key);
        self.addresses.retain(|_, l| l.key != *key);
    }

    /// Finds the receiver of a datagram and learns its source address.
    pub fn route(&mut self, from: SocketAddr, datagram: &[u8]) -> Route<K> {
        let Some(&first) = datagram.first() else {
            return Route::Foreign;
        };
        self.clock += 1;
        if let Some(ufrag) = stun::receiver_fragment(datagram)
            && let Some(key) = self.fragments.get(ufrag).cloned()
        {
            self.learn(from, key.clone());
            return Route::To(key);
        }
        match self.addresses.get_mut(&from) {
            Some(learnt) => {
                learnt.used = self.clock;
                Route::To(learnt.key.clone())
            }
            None if is_webrtc(first) => Route::Unknown,
            None => Route::Foreign,
        }
    }

    /// Number of source addresses known.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.addresses.len()
    }

    fn learn(&mut self, from: SocketAddr, key: K) {
        let fresh = self.addresses.get(&from).is_none_or(|l| l.key != key);
        if fresh {
            self.make_room(&key);
        }
        self.addresses.insert(
            from,
            Learnt {
                key,
                used: self.clock,
            },
        );
    }

    fn make_room(&mut self, key: &K) {
        let mine = || self.addresses.iter().filter(|(_, l)| l.key == *key);
        if mine().count() < ADDRESSES_PER_PEER {
            return;
        }
        if let Some(oldest) = mine().min_by_key(|(_, l)| l.used).map(|(a, _)| *a) {
            self.addresses.remove(&oldest);
        }
    }
}

/// First byte of STUN, DTLS, RTP and RTCP (RFC 7983).
fn is_webrtc(first: u8) -> bool {
    matches!(first, 0..=3 | 20..=63 | 128..=191)
}

#[cfg(test)]
mod tests {
    use super::stun::tests::request;
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_request_teaches_its_address() {
        let mut demux = Demux::default();
        demux.register(1, "mine");
        assert_eq!(demux.route(addr(9), &[0x80, 0, 0]), Route::Unknown);
        assert_eq!(demux.route(addr(9), &request("mine:theirs")), Route::To(1));
        assert_eq!(demux.route(addr(9), &[0x80, 0, 0]), Route::To(1));
        assert_eq!(
            demux.route(addr(8), &request("other:theirs")),
            Route::Unknown
        );
    }

    #[test]
    fn a_removed_peer_is_forgotten() {
        let mut demux = Demux::default();
        demux.register(1, "mine");
        demux.route(addr(9), &request("mine:theirs"));
        demux.remove(&1);
        assert_eq!(demux.route(addr(9), &[0x80]), Route::Unknown);
        assert_eq!(
            demux.route(addr(9), &request("mine:theirs")),
            Route::Unknown
        );
    }

    #[test]
    fn addresses_of_a_peer_are_bounded() {
        let mut demux = Demux::default();
        demux.register(1, "a");
        for port in 1..100 {
            demux.route(addr(port), &request("a:b"));
        }
        assert_eq!(demux.addresses(), ADDRESSES_PER_PEER);
        assert_eq!(demux.route(addr(99), &[0x80]), Route::To(1));
        assert_eq!(demux.route(addr(1), &[0x80]), Route::Unknown);
    }

    #[test]
    fn noise_is_foreign() {
        let mut demux: Demux<u8> = Demux::default();
        assert_eq!(
            demux.route(addr(1), b"OPTIONS sip:x SIP/2.0"),
            Route::Foreign
        );
        assert_eq!(demux.route(addr(1), &[]), Route::Foreign);
    }
}
