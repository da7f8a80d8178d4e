//! Which peer a datagram on a shared UDP socket belongs to.
//!
//! A STUN request names its receiver: its user name begins with the receiver's ICE user
//! fragment. Everything else (DTLS, RTP, STUN answers) is known only by its source address. The
//! table is pure and bounded, and checks no signature: it is told of an address when the peer has
//! ([`Demux::learn`]), so that a request anybody can write changes nothing. Nor can a peer that is
//! itself let in take the address of another that is alive, by writing its own name on requests
//! with a borrowed source.

mod stun;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) use stun::{REQUEST, SUCCESS, Transaction, binding, is_check_answered};

/// Source addresses remembered per peer. A phone that changes networks uses a few; the one not
/// checked for longest is forgotten first, and its next keep-alive teaches it again.
const ADDRESSES_PER_PEER: usize = 8;
/// Clients check a path they use every two or three seconds. An address whose peer has not for
/// this long may become another's.
const QUIET: Duration = Duration::from_secs(10);
/// A check that comes sooner after the one before tells nothing new.
const FRESH: Duration = Duration::from_secs(3);

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
}

#[derive(Debug)]
struct Learnt<K> {
    key: K,
    checked: Instant,
}

impl<K> Default for Demux<K> {
    fn default() -> Self {
        Self {
            fragments: BTreeMap::new(),
            addresses: BTreeMap::new(),
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

    /// Finds the receiver of a datagram.
    pub fn route(&self, from: SocketAddr, datagram: &[u8]) -> Route<K> {
        let Some(&first) = datagram.first() else {
            return Route::Foreign;
        };
        let named = stun::receiver_fragment(datagram).and_then(|u| self.fragments.get(u));
        let known = || self.addresses.get(&from).map(|learnt| &learnt.key);
        match named.or_else(known) {
            Some(key) => Route::To(key.clone()),
            None if is_webrtc(first) => Route::Unknown,
            None => Route::Foreign,
        }
    }

    /// Peer `key` has answered a check from this address. True if that is news: an address not
    /// known before, or not checked for a while. An address of another peer that is alive stays
    /// with it.
    pub fn learn(&mut self, from: SocketAddr, key: &K, now: Instant) -> bool {
        let since = |learnt: &Learnt<K>| now.saturating_duration_since(learnt.checked);
        match self.addresses.get(&from) {
            Some(learnt) if learnt.key == *key => {
                if since(learnt) < FRESH {
                    return false;
                }
            }
            Some(learnt) if since(learnt) < QUIET => return false,
            Some(_) | None => self.make_room(key),
        }
        let key = key.clone();
        let checked = now;
        self.addresses.insert(from, Learnt { key, checked });
        true
    }

    /// Number of source addresses known.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.addresses.len()
    }

    fn make_room(&mut self, key: &K) {
        let mine = || self.addresses.iter().filter(|(_, l)| l.key == *key);
        if mine().count() < ADDRESSES_PER_PEER {
            return;
        }
        if let Some(oldest) = mine().min_by_key(|(_, l)| l.checked).map(|(a, _)| *a) {
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
    use crate::clock::start;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_checked_address_is_known_and_a_named_request_alone_teaches_nothing() {
        let mut demux = Demux::default();
        demux.register(1, "mine");
        assert_eq!(demux.route(addr(9), &[0x80, 0, 0]), Route::Unknown);
        assert_eq!(demux.route(addr(9), &request("mine:theirs")), Route::To(1));
        assert_eq!(demux.route(addr(9), &[0x80, 0, 0]), Route::Unknown);
        assert!(demux.learn(addr(9), &1, start()));
        assert_eq!(demux.route(addr(9), &[0x80, 0, 0]), Route::To(1));
        assert_eq!(
            demux.route(addr(8), &request("other:theirs")),
            Route::Unknown
        );
    }

    /// Anybody who saw a user fragment could send another's packets to the wrong peer, with one
    /// request that carried the other's source address.
    #[test]
    fn a_forged_request_does_not_move_an_address() {
        let mut demux = Demux::default();
        demux.register(1, "mine");
        demux.register(2, "thief");
        demux.learn(addr(9), &1, start());
        assert_eq!(demux.route(addr(9), &request("thief:x")), Route::To(2));
        assert_eq!(demux.route(addr(9), &[0x80, 0, 0]), Route::To(1));
    }

    /// The thief may be a participant too, whose requests its own peer answers.
    #[test]
    fn an_address_stays_with_a_peer_that_is_alive() {
        let (mut demux, now) = (Demux::default(), start());
        demux.learn(addr(9), &1, now);
        let later = now + QUIET / 2;
        assert!(!demux.learn(addr(9), &2, later));
        assert!(demux.learn(addr(9), &1, later), "its keep-alive");
        assert!(!demux.learn(addr(9), &2, now + QUIET));
        assert_eq!(demux.route(addr(9), &[0x80]), Route::To(1));
        assert!(demux.learn(addr(9), &2, later + QUIET), "long quiet");
        assert_eq!(demux.route(addr(9), &[0x80]), Route::To(2));
        demux.remove(&2);
        assert!(demux.learn(addr(9), &1, later + QUIET), "gone");
    }

    #[test]
    fn checks_that_follow_soon_are_no_news() {
        let (mut demux, now) = (Demux::default(), start());
        assert!(demux.learn(addr(9), &1, now));
        assert!(!demux.learn(addr(9), &1, now + FRESH / 2));
        assert!(demux.learn(addr(9), &1, now + FRESH));
    }

    #[test]
    fn a_removed_peer_is_forgotten() {
        let mut demux = Demux::default();
        demux.register(1, "mine");
        demux.learn(addr(9), &1, start());
        demux.remove(&1);
        assert_eq!(demux.route(addr(9), &[0x80]), Route::Unknown);
        assert_eq!(
            demux.route(addr(9), &request("mine:theirs")),
            Route::Unknown
        );
    }

    #[test]
    fn addresses_of_a_peer_are_bounded() {
        let (mut demux, now) = (Demux::default(), start());
        for port in 1..100 {
            demux.learn(addr(port), &1, now + Duration::from_millis(port.into()));
        }
        assert_eq!(demux.addresses(), ADDRESSES_PER_PEER);
        assert_eq!(demux.route(addr(99), &[0x80]), Route::To(1));
        assert_eq!(demux.route(addr(1), &[0x80]), Route::Unknown);
    }

    #[test]
    fn noise_is_foreign() {
        let demux: Demux<u8> = Demux::default();
        assert_eq!(
            demux.route(addr(1), b"OPTIONS sip:x SIP/2.0"),
            Route::Foreign
        );
        assert_eq!(demux.route(addr(1), &[]), Route::Foreign);
    }
}
