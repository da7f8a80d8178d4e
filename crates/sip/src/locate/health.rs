//! Which targets failed lately.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Target;

/// Targets that are tried last for a while: after a time-out, a refused connection or a 503
/// (RFC 3263 4.3, RFC 3261 21.5.4).
#[derive(Debug, Default)]
pub struct Health(BTreeMap<Target, Instant>);

impl Health {
    /// Everything is well.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// This one failed, and asked for a pause if `after` is there.
    pub fn failed(&mut self, target: Target, after: Option<Duration>, now: Instant) {
        self.0.retain(|_, until| *until > now);
        if self.0.len() >= MAX_ILL && !self.0.contains_key(&target) {
            let soonest = self.0.iter().min_by_key(|(_, until)| **until);
            if let Some(soonest) = soonest.map(|(target, _)| target.clone()) {
                self.0.remove(&soonest);
            }
        }
        let pause = after.unwrap_or(PAUSE).min(LONGEST);
        self.0.insert(target, now + pause);
    }

    /// This one answered.
    pub fn works(&mut self, target: &Target) {
        self.0.remove(target);
    }

    /// Those that failed go to the end, the one whose pause is over first before the others. None
    /// is left out: a provider whose servers all failed is still tried.
    pub fn sort(&self, targets: &mut [Target], now: Instant) {
        targets.sort_by_key(|target| self.0.get(target).filter(|until| **until > now).copied());
    }
}

/// Without a word from the other side. Longer spares calls the wait for a dead server; shorter
/// comes back to one that was restarted.
const PAUSE: Duration = Duration::from_secs(60);

/// However long the other side asks for.
const LONGEST: Duration = Duration::from_secs(3600);

/// More dead servers than all trunks together have.
const MAX_ILL: usize = 256;
