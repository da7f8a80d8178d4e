//! Who may hold how many connections.
//!
//! A connection costs its sender nothing and us a socket and a buffer, so a source has a cap, all
//! have one, and strangers together may not take the part that is kept for the known. At a cap
//! whoever has said nothing yet makes room for the newcomer, longest silence first: an attacker
//! who only holds connections pushes out his own.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::sync::Notify;

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
    since: Instant,
    /// When a message last came.
    heard: Option<Instant>,
    close: Arc<Notify>,
}

/// A place; dropping it gives it back.
pub(crate) struct Place {
    connections: Connections,
    remote: SocketAddr,
    pub(super) is_known: bool,
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
        let mut table = self.lock();
        let is_known = table.knows(remote.ip());
        table.make_room(remote.ip(), is_known, now)?;
        let close = Arc::new(Notify::new());
        table.open.insert(
            remote,
            Open {
                is_known,
                since: now,
                heard: None,
                close: Arc::clone(&close),
            },
        );
        Some(Place {
            connections: self.clone(),
            remote,
            is_known,
            close,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
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

    fn make_room(&mut self, source: IpAddr, is_known: bool, now: Instant) -> Option<()> {
        let theirs = |remote: &SocketAddr, _: &Open| remote.ip() == source;
        let strange = |_: &SocketAddr, open: &Open| !open.is_known;
        if self.count(theirs) >= self.caps.per_source {
            self.close_one(theirs, now)?;
        }
        let open_to_strangers = self.caps.all - self.caps.all / RESERVE;
        if !is_known && self.count(strange) >= open_to_strangers {
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
            .filter(|(at, open)| which(at, open) && quiet(open))
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
        assert!(trunk.iter().all(|place| place.is_known));
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
}
