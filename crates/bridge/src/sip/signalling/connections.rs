//! Who may hold how many connections.
//!
//! A connection costs its sender nothing and us a socket and a buffer, so a source has a cap, all
//! have one, and strangers together may not take the part that is kept for the known. At a cap
//! whoever has said nothing yet makes room for the newcomer, longest silence first: an attacker
//! who only holds connections pushes out his own. A connection that a call goes over is nobody's to
//! push out, and who has proven a password on it is as well known as who is named by a trunk.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::sync::Notify;
use trunkline_base::source::source_of;
use trunkline_sip::endpoint::Standing;

use super::super::config::TcpCaps;

/// The connections there are. A lock, since acceptor and connections are tasks of their own; it is
/// held for a look at a map of some hundreds and never across a wait.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Mutex<Table>>);

struct Table {
    caps: TcpCaps,
    listed: Vec<IpNet>,
    open: BTreeMap<SocketAddr, Open>,
}

struct Open {
    is_known: bool,
    /// Did we make it?
    is_ours: bool,
    /// Does a call go over it?
    carries_calls: bool,
    since: Instant,
    /// When a message last came.
    heard: Option<Instant>,
    close: Arc<Notify>,
}

/// A place; dropping it gives it back.
pub(crate) struct Place {
    connections: Connections,
    remote: SocketAddr,
    /// Told when the place is needed for somebody else.
    pub(super) close: Arc<Notify>,
}

impl Connections {
    pub(crate) fn new(caps: TcpCaps) -> Self {
        Self(Arc::new(Mutex::new(Table {
            caps,
            listed: Vec::new(),
            open: BTreeMap::new(),
        })))
    }

    /// These networks are named by trunks.
    pub(crate) fn list(&self, networks: Vec<IpNet>) {
        self.lock().listed = networks;
    }

    /// A place for a newcomer, if there is one or one can be made.
    pub(super) fn admit(&self, remote: SocketAddr, now: Instant) -> Option<Place> {
        let is_known = self.lock().knows(remote.ip());
        let open = Open::new(is_known, now);
        self.place(remote, open, now)
    }

    /// A place for a connection of ours, to the other side of a call. What its owner holds himself
    /// does not keep our goodbye from him.
    pub(super) fn admit_ours(&self, remote: SocketAddr, now: Instant) -> Option<Place> {
        let open = Open {
            is_ours: true,
            heard: Some(now),
            ..Open::new(true, now)
        };
        self.place(remote, open, now)
    }

    fn place(&self, remote: SocketAddr, open: Open, now: Instant) -> Option<Place> {
        let mut table = self.lock();
        table.make_room(remote.ip(), &open, now)?;
        let close = Arc::clone(&open.close);
        table.open.insert(remote, open);
        Some(Place {
            connections: self.clone(),
            remote,
            close,
        })
    }

    /// A call goes over this connection.
    pub(super) fn carry(&self, remote: SocketAddr, standing: Standing) {
        if let Some(open) = self.lock().open.get_mut(&remote) {
            open.carry(standing);
        }
    }

    /// These are all the connections that calls go over.
    pub(super) fn carry_only(&self, all: impl Iterator<Item = (SocketAddr, Standing)>) {
        let mut table = self.lock();
        for open in table.open.values_mut() {
            open.carries_calls = false;
        }
        for (remote, standing) in all {
            if let Some(open) = table.open.get_mut(&remote) {
                open.carry(standing);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn new(is_known: bool, now: Instant) -> Self {
        Self {
            is_known,
            is_ours: false,
            carries_calls: false,
            since: now,
            heard: None,
            close: Arc::new(Notify::new()),
        }
    }

    fn carry(&mut self, standing: Standing) {
        self.carries_calls = true;
        self.is_known |= standing == Standing::Known;
    }
}

impl Place {
    /// Does a trunk name whoever is at the other end, or has he proven a password?
    pub(super) fn is_known(&self) -> bool {
        self.look(|open| open.is_known)
    }

    /// Does a call go over this connection?
    pub(super) fn carries_calls(&self) -> bool {
        self.look(|open| open.carries_calls)
    }

    fn look(&self, at: impl Fn(&Open) -> bool) -> bool {
        self.connections
            .lock()
            .open
            .get(&self.remote)
            .is_some_and(at)
    }

    /// A message came.
    pub(super) fn heard(&self, now: Instant) {
        if let Some(open) = self.connections.lock().open.get_mut(&self.remote) {
            open.heard = Some(now);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        // The same port may have come back already.
        let ours = |open: &Open| Arc::ptr_eq(&open.close, &self.close);
        if table.open.get(&self.remote).is_some_and(ours) {
            table.open.remove(&self.remote);
        }
    }
}

impl Table {
    fn knows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.listed.iter().any(|network| network.contains(&ip))
    }

    fn make_room(&mut self, source: IpAddr, new: &Open, now: Instant) -> Option<()> {
        let source = source_of(source);
        let theirs = |remote: &SocketAddr, open: &Open| {
            open.is_ours == new.is_ours && source_of(remote.ip()) == source
        };
        let strange = |_: &SocketAddr, open: &Open| !open.is_known;
        if self.count(theirs) >= self.caps.per_source {
            self.close_one(theirs, now)?;
        }
        let open_to_strangers = self.caps.all - self.caps.all / RESERVE;
        if !new.is_known && self.count(strange) >= open_to_strangers {
            self.close_one(strange, now)?;
        }
        if self.open.len() >= self.caps.all && self.close_one(strange, now).is_none() {
            self.close_one(|_, _| true, now)?;
        }
        Some(())
    }

    fn count(&self, which: impl Fn(&SocketAddr, &Open) -> bool) -> usize {
        self.open
            .iter()
            .filter(|(at, open)| which(at, open))
            .count()
    }

    /// Closes the one that said nothing for longest: first those who never did.
    fn close_one(
        &mut self,
        which: impl Fn(&SocketAddr, &Open) -> bool,
        now: Instant,
    ) -> Option<()> {
        let quiet = |open: &Open| {
            let last = open.heard.unwrap_or(open.since);
            open.heard.is_none() || now.saturating_duration_since(last) > QUIET
        };
        let (remote, _) = self
            .open
            .iter()
            .filter(|(at, open)| !open.carries_calls && which(at, open) && quiet(open))
            .min_by_key(|(_, open)| (open.heard.is_some(), open.heard.unwrap_or(open.since)))?;
        let remote = *remote;
        let closed = self.open.remove(&remote)?;
        closed.close.notify_one();
        Some(())
    }
}

/// One part in so many of all places is kept for the known.
const RESERVE: usize = 4;

/// Who said something within this time is not made to go.
const QUIET: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::signalling::now;

    const CAPS: TcpCaps = TcpCaps {
        all: 40,
        per_source: 10,
    };

    fn from(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, host], port))
    }

    fn known(port: u16) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, 1], port))
    }

    fn open(connections: &Connections, remote: SocketAddr, now: Instant) -> Option<Place> {
        connections.admit(remote, now)
    }

    /// Somebody opened 512 connections and said nothing; no trunk could connect any more.
    #[test]
    fn idle_connections_make_room_for_whoever_comes() {
        let now = now();
        let connections = Connections::new(CAPS);
        connections.list(vec!["203.0.113.0/24".parse().unwrap()]);
        let mut held = Vec::new();
        for port in 0..512 {
            held.extend(open(
                &connections,
                from(u8::try_from(port % 20).unwrap(), port),
                now,
            ));
        }
        assert_eq!(connections.lock().open.len(), 30, "a quarter is kept");
        let trunk: Vec<_> = (0..10)
            .map(|port| open(&connections, known(port), now).unwrap())
            .collect();
        assert!(trunk.iter().all(Place::is_known));
        assert!(open(&connections, from(99, 1), now).is_some());
        drop((held, trunk));
        assert_eq!(connections.lock().open.len(), 0);
    }

    #[test]
    fn a_source_pushes_out_its_own_silent_ones_only() {
        let t0 = now();
        let connections = Connections::new(CAPS);
        let other = open(&connections, from(2, 1), t0).unwrap();
        let held: Vec<_> = (0..10)
            .map(|port| open(&connections, from(1, port), t0).unwrap())
            .collect();
        held.iter().skip(1).for_each(|place| place.heard(t0));
        let new = open(&connections, from(1, 99), t0).unwrap();
        new.heard(t0);
        let open_now: Vec<_> = connections.lock().open.keys().copied().collect();
        assert!(!open_now.contains(&from(1, 0)) && open_now.contains(&other.remote));
        assert!(
            open(&connections, from(1, 100), t0).is_none(),
            "all have just said something"
        );
        let later = t0 + QUIET * 2;
        assert!(open(&connections, from(1, 100), later).is_some());
    }

    /// A phone that logs in from anywhere was pushed out, or closed as idle, in the middle of its call.
    #[test]
    fn a_connection_with_a_call_stays_and_a_login_makes_it_known() {
        let t0 = now();
        let connections = Connections::new(TcpCaps {
            all: 8,
            per_source: 2,
        });
        let phone = open(&connections, from(1, 1), t0).unwrap();
        let open_trunk = open(&connections, from(1, 2), t0).unwrap();
        assert!(!phone.is_known() && !phone.carries_calls());
        connections.carry(from(1, 1), Standing::Known);
        connections.carry(from(1, 2), Standing::Stranger);
        assert!(phone.is_known() && phone.carries_calls());
        assert!(!open_trunk.is_known() && open_trunk.carries_calls());
        let later = t0 + QUIET * 100;
        assert!(open(&connections, from(1, 3), later).is_none());
        let others: Vec<_> = (2..20)
            .filter_map(|host| open(&connections, from(host, 1), later))
            .collect();
        assert!(phone.carries_calls() && open_trunk.carries_calls());
        drop(others);
        // The calls are over, and one went on over another connection.
        connections.carry_only([(from(1, 2), Standing::Stranger)].into_iter());
        assert!(!phone.carries_calls() && open_trunk.carries_calls());
        assert!(phone.is_known(), "for as long as it stands");
        assert!(open(&connections, from(1, 3), later).is_some());
        assert!(!phone.is_known(), "it made room");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let t0 = now();
        let connections = Connections::new(CAPS);
        let at = |last: u16| SocketAddr::from(([0x2001, 0xdb8, 0, 1, 0, 0, 0, last], 5060));
        let held: Vec<_> = (0..10)
            .map(|last| open(&connections, at(last), t0).unwrap())
            .collect();
        held.iter().for_each(|place| place.heard(t0));
        assert!(open(&connections, at(99), t0).is_none());
        let neighbour = SocketAddr::from(([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1], 5060));
        assert!(open(&connections, neighbour, t0).is_some());
    }

    /// Each call whose connection was gone left one of ours behind, and nobody counted them.
    #[test]
    fn connections_of_ours_are_counted_too() {
        let t0 = now();
        let connections = Connections::new(CAPS);
        let held: Vec<_> = (0..100)
            .filter_map(|port| connections.admit_ours(from(1, port), t0))
            .collect();
        assert_eq!(held.len(), CAPS.per_source);
        assert!(held.iter().all(Place::is_known));
        let theirs = open(&connections, from(1, 999), t0);
        assert!(theirs.is_some(), "ours are not held against them");
        assert!(
            connections
                .admit_ours(from(1, 200), t0 + QUIET * 2)
                .is_some()
        );
    }
}
