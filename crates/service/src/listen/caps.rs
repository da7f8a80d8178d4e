//! How many connections there may be: in all, of strangers, and of strangers from one source.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use trunkline_base::source::source_of;

/// How many connections a port takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// In all.
    pub connections: usize,
    /// From those who have not shown a token yet.
    pub strangers: usize,
    /// Of those, from one source: an IPv4 address, or an IPv6 network of 64 bits.
    pub strangers_per_source: usize,
}

impl Default for Caps {
    /// A thousand calls of our own gateway, agent and recorder hold three thousand. A hundred
    /// and fifty clients of one office may come back in the same instant.
    fn default() -> Self {
        Self {
            connections: 16_384,
            strangers: 2048,
            strangers_per_source: 256,
        }
    }
}

impl Caps {
    /// No more than a quarter of the files this process may open at one of its two doors, so that a
    /// flood does not take the sockets of calls.
    fn within(self, files: usize) -> Self {
        Self {
            connections: self.connections.min(files / 4),
            strangers: self.strangers.min(files / 8),
            ..self
        }
    }
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    All,
    Strangers,
    Source,
}

impl Full {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Strangers => "strangers",
            Self::Source => "source",
        }
    }
}

/// Who is in. Behind a lock since connections come and go on every thread; it is held for a map
/// operation and never across an await.
#[derive(Debug)]
pub(super) struct Ledger {
    caps: Caps,
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    connections: usize,
    strangers: usize,
    sources: HashMap<IpAddr, usize>,
}

impl Ledger {
    pub(super) fn new(caps: Caps) -> Self {
        Self {
            caps: caps.within(crate::files::limit()),
            present: Mutex::default(),
        }
    }

    /// One more. `spared` is the operator's proxy, behind which there are many.
    pub(super) fn enter(self: &Arc<Self>, ip: IpAddr, spared: bool) -> Result<Ticket, Full> {
        let source = source_of(ip);
        self.with(|present| {
            if present.connections >= self.caps.connections {
                return Err(Full::All);
            }
            if !spared {
                if present.strangers >= self.caps.strangers {
                    return Err(Full::Strangers);
                }
                let from_there = present.sources.entry(source).or_default();
                if *from_there >= self.caps.strangers_per_source {
                    return Err(Full::Source);
                }
                *from_there += 1;
                present.strangers += 1;
            }
            present.connections += 1;
            Ok(())
        })?;
        Ok(Ticket {
            ledger: Arc::clone(self),
            source,
            stranger: AtomicBool::new(!spared),
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Present) -> T) -> T {
        change(&mut self.present.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Present {
    fn no_stranger(&mut self, source: IpAddr) {
        self.strangers = self.strangers.saturating_sub(1);
        if let Some(from_there) = self.sources.get_mut(&source) {
            *from_there = from_there.saturating_sub(1);
            if *from_there == 0 {
                self.sources.remove(&source);
            }
        }
    }
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    ledger: Arc<Ledger>,
    source: IpAddr,
    stranger: AtomicBool,
}

impl Ticket {
    /// It is no stranger's any more.
    pub(super) fn known(&self) {
        if self.stranger.swap(false, Ordering::Relaxed) {
            self.ledger.with(|present| present.no_stranger(self.source));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.known();
        self.ledger.with(|present| present.connections -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(connections: usize, strangers: usize, strangers_per_source: usize) -> Arc<Ledger> {
        Arc::new(Ledger::new(Caps {
            connections,
            strangers,
            strangers_per_source,
        }))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_has_its_share_and_gets_it_back() {
        let ledger = ledger(10, 10, 2);
        let one = ledger.enter(ip("10.0.0.1"), false).unwrap();
        let _two = ledger.enter(ip("::ffff:10.0.0.1"), false).unwrap();
        assert_eq!(
            ledger.enter(ip("10.0.0.1"), false).unwrap_err(),
            Full::Source
        );
        let _other = ledger.enter(ip("10.0.0.2"), false).unwrap();
        drop(one);
        assert!(ledger.enter(ip("10.0.0.1"), false).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let ledger = ledger(10, 10, 1);
        let _first = ledger.enter(ip("2001:db8::1"), false).unwrap();
        assert_eq!(
            ledger.enter(ip("2001:db8::ffff:2"), false).unwrap_err(),
            Full::Source
        );
        assert!(ledger.enter(ip("2001:db8:0:1::1"), false).is_ok());
    }

    #[test]
    fn whoever_is_known_leaves_room_for_strangers() {
        let ledger = ledger(3, 1, 1);
        let first = ledger.enter(ip("10.0.0.1"), false).unwrap();
        assert_eq!(
            ledger.enter(ip("10.0.0.2"), false).unwrap_err(),
            Full::Strangers
        );
        first.known();
        first.known();
        let second = ledger.enter(ip("10.0.0.1"), false).unwrap();
        second.known();
        let _third = ledger.enter(ip("10.0.0.1"), false).unwrap();
        assert_eq!(ledger.enter(ip("10.0.0.1"), false).unwrap_err(), Full::All);
    }

    #[test]
    fn a_proxy_brings_many() {
        let ledger = ledger(3, 1, 1);
        let _held: Vec<_> = (0..3)
            .map(|_| ledger.enter(ip("10.0.0.1"), true).unwrap())
            .collect();
        assert_eq!(ledger.enter(ip("10.0.0.1"), true).unwrap_err(), Full::All);
    }

    #[test]
    fn everybody_who_left_is_forgotten() {
        let ledger = ledger(100, 100, 100);
        for last in 0..50_u8 {
            drop(ledger.enter(IpAddr::from([10, 0, 0, last]), false));
        }
        ledger.with(|present| {
            assert_eq!((present.connections, present.strangers), (0, 0));
            assert!(present.sources.is_empty());
        });
    }

    #[test]
    fn files_of_the_process_bound_the_caps() {
        let caps = Caps::default().within(1024);
        assert_eq!((caps.connections, caps.strangers), (256, 128));
    }
}
