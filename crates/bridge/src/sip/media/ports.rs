//! Pairs of UDP ports for RTP and RTCP.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::datagrams::Datagrams;
use super::home::{Home, Lease};

/// An even port and the one after it.
pub(crate) struct Pair {
    /// Before the sockets, since fields are dropped in their order: once those are gone the port may be
    /// another call's, whose lease it is then.
    _lease: Lease,
    pub(crate) rtp: Datagrams,
    pub(crate) rtcp: Datagrams,
    pub(crate) port: u16,
}

impl Pair {
    /// A fresh socket refuses to send until the reactor has seen it once.
    pub(crate) async fn settle(&self) {
        let _ = tokio::join!(self.rtp.writable(), self.rtcp.writable());
    }

    /// Throws away what has come so far.
    pub(super) fn drain(&self) {
        self.rtp.drain();
        self.rtcp.drain();
    }
}

/// Finds free pairs. The operating system says which are free, so there is nothing to give back.
#[derive(Clone)]
pub(crate) struct Ports {
    first: u16,
    pairs: u32,
    next: Arc<AtomicU32>,
    home: Home,
}

/// No pair is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rtp port is free")]
pub(crate) struct NoPort;

impl Ports {
    pub(crate) fn new(range: &RangeInclusive<u16>) -> Self {
        let first = range.start().next_multiple_of(2).max(2);
        let pairs = (u32::from(*range.end()) + 1).saturating_sub(u32::from(first)) / 2;
        Self {
            first,
            pairs,
            next: Arc::new(AtomicU32::new(0)),
            home: Home::default(),
        }
    }

    /// Beside what else is ours.
    pub(crate) fn at(self, home: Home) -> Self {
        Self { home, ..self }
    }

    /// What is known of them.
    pub(crate) const fn home(&self) -> &Home {
        &self.home
    }

    fn pair(&self, rtp: Datagrams, rtcp: Datagrams, port: u16) -> Pair {
        Pair {
            rtp,
            rtcp,
            port,
            _lease: self.home.let_to(port),
        }
    }

    /// The same, beginning somewhere: for one that is made anew for each call.
    pub(crate) async fn bind_from(&self, ip: IpAddr, turn: u16) -> Result<Pair, NoPort> {
        self.next.store(u32::from(turn), Ordering::Relaxed);
        self.bind(ip).await
    }

    /// That very pair, for a call that had it before.
    pub(crate) async fn bind_again(&self, ip: IpAddr, port: u16) -> Result<Pair, NoPort> {
        let next = port.checked_add(1).ok_or(NoPort)?;
        let rtp = Datagrams::bind(SocketAddr::new(ip, port)).await;
        let rtcp = Datagrams::bind(SocketAddr::new(ip, next)).await;
        match (rtp, rtcp) {
            (Ok(rtp), Ok(rtcp)) => Ok(self.pair(rtp, rtcp, port)),
            _ => Err(NoPort),
        }
    }

    /// Binds the next free pair, going round so that a late packet of an old call finds nobody.
    pub(crate) async fn bind(&self, ip: IpAddr) -> Result<Pair, NoPort> {
        for _ in 0..self.pairs {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.pairs;
            let Ok(offset) = u16::try_from(turn * 2) else {
                continue;
            };
            let port = self.first + offset;
            let rtp = Datagrams::bind(SocketAddr::new(ip, port)).await;
            let Ok(rtp) = rtp else { continue };
            let rtcp = Datagrams::bind(SocketAddr::new(ip, port + 1)).await;
            let Ok(rtcp) = rtcp else { continue };
            return Ok(self.pair(rtp, rtcp, port));
        }
        Err(NoPort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pairs_are_even_distinct_and_run_out() {
        let ports = Ports::new(&(40_001..=40_006));
        let ip: IpAddr = "127.0.0.1".parse().unwrap();
        let first = ports.bind(ip).await.unwrap();
        let second = ports.bind(ip).await.unwrap();
        assert_eq!((first.port, second.port), (40_002, 40_004));
        assert!(matches!(ports.bind(ip).await, Err(NoPort)));
        drop(first);
        assert_eq!(ports.bind(ip).await.unwrap().port, 40_002);
    }
}
