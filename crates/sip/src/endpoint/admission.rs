//! A token bucket per source address, in a table that cannot grow without end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Limits;

#[derive(Debug)]
pub(super) struct Admission {
    /// Time one INVITE costs.
    cost: Duration,
    /// Time saved up at most.
    burst: Duration,
    /// When each source's bucket will be full again.
    full_at: BTreeMap<IpAddr, Instant>,
    swept: Instant,
}

impl Admission {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        let rate = limits.invites_per_second.max(1);
        let cost = Duration::from_secs(1) / rate;
        Self {
            cost,
            burst: cost * rate * 2,
            full_at: BTreeMap::new(),
            swept: now,
        }
    }

    /// May this source send one more INVITE?
    pub(super) fn admit(&mut self, source: IpAddr, now: Instant) -> bool {
        let source = bucket(source);
        self.sweep(now);
        let full_at = self.full_at.get(&source).copied().unwrap_or(now).max(now);
        let after = full_at + self.cost;
        if after.saturating_duration_since(now) > self.burst {
            return false;
        }
        // A full table means a storm of sources; known ones still pass, new ones wait.
        if self.full_at.len() >= MAX_SOURCES && !self.full_at.contains_key(&source) {
            return false;
        }
        self.full_at.insert(source, after);
        true
    }

    fn sweep(&mut self, now: Instant) {
        let crowded = self.full_at.len() >= MAX_SOURCES;
        let due = now.saturating_duration_since(self.swept) >= SWEEP;
        if due || (crowded && now > self.swept) {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.swept = now;
        }
    }
}

/// One bucket per IPv4 address and per IPv6 /64, since a host owns its whole /64.
fn bucket(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// Sources remembered; each costs some 50 bytes.
const MAX_SOURCES: usize = 10_000;

const SWEEP: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_pass_floods_do_not_and_others_are_untouched() {
        #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
        let t0 = Instant::now();
        let limits = Limits {
            invites_per_second: 10,
            ..Limits::default()
        };
        let mut admission = Admission::new(limits, t0);
        let flood: IpAddr = "192.0.2.1".parse().unwrap();
        let passed = (0..100).filter(|_| admission.admit(flood, t0)).count();
        assert_eq!(passed, 20);
        assert!(admission.admit("192.0.2.2".parse().unwrap(), t0));
        assert!(!admission.admit(flood, t0));
        assert!(admission.admit(flood, t0 + Duration::from_millis(100)));
    }

    #[test]
    fn a_storm_of_sources_does_not_grow_the_table() {
        #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
        let t0 = Instant::now();
        let mut admission = Admission::new(Limits::default(), t0);
        for n in 0..30_000_u32 {
            admission.admit(IpAddr::V4(n.into()), t0);
        }
        assert_eq!(admission.full_at.len(), MAX_SOURCES);
        assert!(admission.admit("203.0.113.1".parse().unwrap(), t0 + SWEEP));
    }
}
