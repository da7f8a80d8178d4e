//! Who typed how many wrong PINs lately: a PIN is not found by calling again and again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use trunkline_base::id::TrunkId;
use trunkline_base::source::source_of;
use trunkline_sip::routing::{InboundTrunk, normalise};

/// The wrong tries of everybody. Behind a lock since calls are on every thread; it is held for one look
/// and never across an await.
#[derive(Clone, Default)]
pub(crate) struct Tries(Arc<Mutex<BTreeMap<Who, Wrong>>>);

/// Whose tries count together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Over a trunk that says who may call over it, whose word on the caller is taken.
    Number(TrunkId, String),
    /// Over one that is open to all: whoever calls writes what they like into From.
    Source(TrunkId, IpAddr),
}

struct Wrong {
    tries: u32,
    last: Instant,
    /// Somebody has been told that they are shut out.
    is_told: bool,
}

impl Who {
    pub(super) fn calls(trunk: &InboundTrunk, caller: &str, source: IpAddr) -> Self {
        let is_open = trunk.allowed_addresses.is_empty() && trunk.auth.is_none();
        if is_open && !trunk.registers {
            Self::Source(trunk.id.clone(), source_of(source))
        } else {
            Self::Number(trunk.id.clone(), normalise(caller))
        }
    }
}

impl Tries {
    /// May they try?
    pub(super) fn may_try(&self, who: &Who, now: Instant) -> bool {
        let all = self.all();
        !all.get(who)
            .is_some_and(|wrong| wrong.tries >= MOST && !wrong.is_forgotten(now))
    }

    /// Is this the first call of those who may not?
    pub(super) fn tell_once(&self, who: &Who) -> bool {
        let mut all = self.all();
        let wrong = all.get_mut(who);
        wrong.is_some_and(|wrong| !std::mem::replace(&mut wrong.is_told, true))
    }

    /// A try was wrong.
    pub(super) fn wrong(&self, who: &Who, now: Instant) {
        let mut all = self.all();
        if !all.contains_key(who) && all.len() >= REMEMBERED {
            all.retain(|_, wrong| !wrong.is_forgotten(now));
            let oldest = all.iter().min_by_key(|(_, wrong)| wrong.last);
            let oldest = oldest.map(|(who, _)| who.clone());
            if let Some(oldest) = oldest.filter(|_| all.len() >= REMEMBERED) {
                all.remove(&oldest);
            }
        }
        let wrong = all.entry(who.clone());
        let wrong = wrong.or_insert(Wrong {
            tries: 0,
            last: now,
            is_told: false,
        });
        if wrong.is_forgotten(now) {
            (wrong.tries, wrong.is_told) = (0, false);
        }
        wrong.tries = wrong.tries.saturating_add(1);
        wrong.last = now;
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Who, Wrong>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wrong {
    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= FORGOTTEN
    }
}

/// Three calls of three tries: of a million PINs that is one in a hundred thousand.
const MOST: u32 = 9;

/// A wrong PIN is forgotten after as long without another.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);

/// Callers who are remembered. More would be numbers that somebody makes up.
const REMEMBERED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn trunk(addresses: &[&str]) -> InboundTrunk {
        let mut trunk = InboundTrunk::new(TrunkId::parse("ST_1").unwrap());
        trunk.allowed_addresses = addresses.iter().map(|net| (*net).to_owned()).collect();
        trunk
    }

    #[test]
    fn nine_wrong_tries_are_the_most_until_they_are_forgotten() {
        let (tries, t0) = (Tries::default(), start());
        let provider = trunk(&["203.0.113.0/24"]);
        let source = "203.0.113.7".parse().unwrap();
        let who = |caller: &str| Who::calls(&provider, caller, source);
        for _ in 0..MOST {
            assert!(tries.may_try(&who("+15550100"), t0));
            tries.wrong(&who("+1 555 0100"), t0);
        }
        assert!(!tries.may_try(&who("+15550100"), t0));
        let told = || tries.tell_once(&who("+15550100"));
        assert_eq!([told(), told()], [true, false]);
        assert!(tries.may_try(&who("+15550101"), t0), "another caller");
        let later = t0 + FORGOTTEN;
        assert!(tries.may_try(&who("+15550100"), later));
        tries.wrong(&who("+15550100"), later);
        assert!(tries.may_try(&who("+15550100"), later), "counts anew");
    }

    #[test]
    fn over_a_trunk_that_is_open_to_all_another_number_is_no_other_caller() {
        let (tries, t0, open) = (Tries::default(), start(), trunk(&[]));
        let who = |caller: &str, source: &str| Who::calls(&open, caller, source.parse().unwrap());
        for number in 0..MOST {
            tries.wrong(&who(&number.to_string(), "198.51.100.9"), t0);
        }
        assert!(!tries.may_try(&who("200", "198.51.100.9"), t0));
        assert!(tries.may_try(&who("200", "198.51.100.8"), t0));
    }

    #[test]
    fn made_up_numbers_fill_no_memory() {
        let (tries, t0) = (Tries::default(), start());
        let provider = trunk(&["203.0.113.0/24"]);
        for number in 0..=REMEMBERED {
            let source = "203.0.113.7".parse().unwrap();
            let who = Who::calls(&provider, &number.to_string(), source);
            tries.wrong(&who, t0 + Duration::from_millis(number as u64));
        }
        assert_eq!(tries.all().len(), REMEMBERED);
    }
}
