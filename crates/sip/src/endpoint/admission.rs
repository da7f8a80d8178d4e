//! Who is known, and how much anybody may ask: a token bucket for each source and one for all
//! strangers, in tables that cannot grow without end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use trunkline_base::source::source_of;

use super::types::Limits;

#[derive(Debug)]
pub(super) struct Admission {
    /// Time one INVITE costs.
    cost: Duration,
    /// Time saved up at most.
    burst: Duration,
    /// When each source's bucket will be full again.
    full_at: BTreeMap<IpAddr, Instant>,
    swept: Instant,
    /// Time one stranger's request costs all strangers.
    share: Duration,
    /// When the strangers' common bucket will be full again.
    strangers_full_at: Instant,
    /// Networks that trunks name.
    listed: Vec<IpNet>,
    /// Sources that confirmed a call, and when last: nobody does that from a forged address.
    met: BTreeMap<IpAddr, Instant>,
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
            share: Duration::from_secs(1) / limits.strangers_per_second.max(1),
            strangers_full_at: now,
            listed: Vec::new(),
            met: BTreeMap::new(),
        }
    }

    /// Other limits, for those who are known and remembered as before.
    pub(super) fn change(&mut self, limits: Limits, now: Instant) {
        let Self {
            cost, burst, share, ..
        } = Self::new(limits, now);
        (self.cost, self.burst, self.share) = (cost, burst, share);
    }

    /// These are the networks of all trunks from now on.
    pub(super) fn list(&mut self, networks: Vec<IpNet>) {
        self.listed = networks;
    }

    /// A call from there was confirmed.
    pub(super) fn meet(&mut self, source: IpAddr, now: Instant) {
        let source = source.to_canonical();
        if self.met.len() >= MAX_MET && !self.met.contains_key(&source) {
            let oldest = self.met.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(ip, _)| *ip) {
                self.met.remove(&oldest);
            }
        }
        self.met.insert(source, now);
    }

    /// Does a trunk name this source, or did a call from there succeed not long ago?
    pub(super) fn knows(&self, source: IpAddr, now: Instant) -> bool {
        let source = source.to_canonical();
        self.has_met(source, now) || self.listed.iter().any(|network| network.contains(&source))
    }

    /// Did a call from there succeed not long ago?
    pub(super) fn has_met(&self, source: IpAddr, now: Instant) -> bool {
        let met = self.met.get(&source.to_canonical());
        met.is_some_and(|at| now.saturating_duration_since(*at) < MEMORY)
    }

    /// May strangers have one more answer from us?
    pub(super) fn bear_stranger(&mut self, now: Instant) -> bool {
        let after = self.strangers_full_at.max(now) + self.share;
        let fits = after.saturating_duration_since(now) <= STRANGERS_BURST;
        if fits {
            self.strangers_full_at = after;
        }
        fits
    }

    /// May this source send one more INVITE?
    pub(super) fn admit(&mut self, source: IpAddr, now: Instant) -> bool {
        let known = self.knows(source, now);
        let source = source_of(source);
        self.sweep(now);
        let full_at = self.full_at.get(&source).copied().unwrap_or(now).max(now);
        let after = full_at + self.cost;
        if after.saturating_duration_since(now) > self.burst {
            return false;
        }
        // A full table means a storm of sources; those in it still pass, new strangers wait.
        let crowded = self.full_at.len() >= MAX_SOURCES && !self.full_at.contains_key(&source);
        if crowded {
            return known;
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

/// Two seconds of strangers at once: a scanner's first wave, or a provider's new address.
const STRANGERS_BURST: Duration = Duration::from_secs(2);

/// How long a source that had a call is known for. Longer keeps providers known over a quiet
/// night, shorter forgets a guessed password sooner.
const MEMORY: Duration = Duration::from_secs(24 * 3600);

/// Such sources; each costs some 50 bytes.
const MAX_MET: usize = 4096;

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
    fn strangers_share_one_bucket_and_the_known_have_their_own() {
        #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
        let t0 = Instant::now();
        let limits = Limits {
            strangers_per_second: 10,
            ..Limits::default()
        };
        let mut admission = Admission::new(limits, t0);
        admission.list(vec!["203.0.113.0/24".parse().unwrap()]);
        let passed = (0..100).filter(|_| admission.bear_stranger(t0)).count();
        assert_eq!(passed, 20);
        assert!(admission.knows("::ffff:203.0.113.9".parse().unwrap(), t0));
        let phone: IpAddr = "198.51.100.1".parse().unwrap();
        assert!(!admission.knows(phone, t0));
        assert!(!admission.has_met("203.0.113.9".parse().unwrap(), t0));
        admission.meet(phone, t0);
        assert!(admission.has_met(phone, t0));
        assert!(admission.knows(phone, t0 + Duration::from_secs(60)));
        assert!(!admission.knows(phone, t0 + MEMORY));
        for n in 0..10_000_u32 {
            admission.meet(IpAddr::V4(n.into()), t0 + Duration::from_secs(1));
        }
        assert_eq!(admission.met.len(), MAX_MET);
    }

    #[test]
    fn other_limits_count_at_once_and_nobody_is_forgotten() {
        #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
        let t0 = Instant::now();
        let with = |invites_per_second| Limits {
            invites_per_second,
            ..Limits::default()
        };
        let mut admission = Admission::new(with(10), t0);
        let phone: IpAddr = "198.51.100.1".parse().unwrap();
        admission.meet(phone, t0);
        admission.change(with(1), t0);
        let passed = (0..100).filter(|_| admission.admit(phone, t0)).count();
        assert_eq!(passed, 2);
        assert!(admission.knows(phone, t0));
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
        assert!(!admission.admit("203.0.113.2".parse().unwrap(), t0));
        admission.list(vec!["203.0.113.0/24".parse().unwrap()]);
        assert!(
            admission.admit("203.0.113.2".parse().unwrap(), t0),
            "a trunk"
        );
        assert!(admission.admit("203.0.113.1".parse().unwrap(), t0 + SWEEP));
    }
}
