//! Who typed how many wrong PINs lately: a PIN is not found by calling again and again, nor by calling
//! from another number each time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use trunkline_base::id::TrunkId;
use trunkline_base::source::source_of;
use trunkline_sip::routing::{InboundTrunk, is_anonymous, normalise};

type All = BTreeMap<Who, Wrong>;

/// The wrong tries of everybody. Behind a lock since calls are on every thread; it is held for one look
/// and never across an await.
#[derive(Clone, Default)]
pub(crate) struct Tries(Arc<Mutex<All>>);

/// Whose tries count together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Over a trunk that says who may call over it, whose word on the caller is taken.
    Number(TrunkId, String),
    /// The same of callers who withhold their number: many may stand behind one address.
    Nameless(TrunkId, IpAddr),
    /// Over one that is open to all: whoever calls writes what they like into From.
    Source(TrunkId, IpAddr),
    /// All callers over a trunk that says who may call over it: a provider passes on numbers that
    /// somebody made up.
    All(TrunkId),
}

/// Who is shut out, and for how long.
pub(super) struct Shut {
    pub(super) who: Who,
    pub(super) left: Duration,
}

struct Wrong {
    tries: u32,
    first: Instant,
    last: Instant,
    /// Somebody has been told that they are shut out.
    is_told: bool,
}

impl Who {
    pub(super) fn calls(trunk: &InboundTrunk, caller: &str, source: IpAddr) -> Self {
        let is_open = trunk.allowed_addresses.is_empty() && trunk.auth.is_none();
        if is_open && !trunk.registers {
            Self::Source(trunk.id.clone(), source_of(source))
        } else if is_anonymous(caller.trim()) {
            Self::Nameless(trunk.id.clone(), source_of(source))
        } else {
            Self::Number(trunk.id.clone(), normalise(caller))
        }
    }

    /// The caller, and everybody that the caller is one of. Over an open trunk a few machines would shut
    /// out all the others: there each counts alone.
    fn counted(&self) -> impl Iterator<Item = Self> {
        let all = match self {
            Self::Number(trunk, _) | Self::Nameless(trunk, _) => Some(Self::All(trunk.clone())),
            Self::Source(..) | Self::All(_) => None,
        };
        std::iter::once(self.clone()).chain(all)
    }

    /// For the log, which names nobody.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Number(..) => "the caller",
            Self::Nameless(..) => "callers without a number",
            Self::Source(..) => "the address",
            Self::All(_) => "the whole trunk",
        }
    }

    const fn most(&self) -> u32 {
        match self {
            Self::Number(..) | Self::Source(..) => MOST,
            Self::Nameless(..) => MOST_NAMELESS,
            Self::All(_) => MOST_OF_ALL,
        }
    }
}

impl Tries {
    /// May they try?
    pub(super) fn may_try(&self, who: &Who, now: Instant) -> bool {
        self.shut_out(who, now).is_none()
    }

    /// Why they may not try, if they may not.
    pub(super) fn shut_out(&self, who: &Who, now: Instant) -> Option<Shut> {
        let all = self.all();
        who.counted().find_map(|who| {
            let wrong = all.get(&who).filter(|wrong| wrong.tries >= who.most())?;
            let left = wrong.left(&who, now);
            (!left.is_zero()).then_some(Shut { who, left })
        })
    }

    /// Is this the first call of those who may not?
    pub(super) fn tell_once(&self, who: &Who) -> bool {
        let mut all = self.all();
        let wrong = all.get_mut(who);
        wrong.is_some_and(|wrong| !std::mem::replace(&mut wrong.is_told, true))
    }

    /// A try was wrong. Is it the one by which all callers over the trunk are shut out?
    pub(super) fn wrong(&self, who: &Who, now: Instant) -> bool {
        let mut all = self.all();
        let mut is_last = false;
        for who in who.counted() {
            make_room(&mut all, &who, now);
            let tries = count(&mut all, &who, now);
            is_last |= matches!(who, Who::All(_)) && tries == who.most();
        }
        is_last
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more wrong try; how many there are.
fn count(all: &mut All, who: &Who, now: Instant) -> u32 {
    let new = || Wrong {
        tries: 0,
        first: now,
        last: now,
        is_told: false,
    };
    let wrong = all.entry(who.clone()).or_insert_with(new);
    if wrong.left(who, now).is_zero() {
        *wrong = new();
    }
    wrong.tries = wrong.tries.saturating_add(1);
    wrong.last = now;
    wrong.tries
}

/// Forgets the oldest where there is no room for another.
fn make_room(all: &mut All, who: &Who, now: Instant) {
    if all.contains_key(who) || all.len() < REMEMBERED {
        return;
    }
    all.retain(|who, wrong| !wrong.left(who, now).is_zero());
    let oldest = all.iter().min_by_key(|(_, wrong)| wrong.last);
    let oldest = oldest.map(|(who, _)| who.clone());
    if let Some(oldest) = oldest.filter(|_| all.len() >= REMEMBERED) {
        all.remove(&oldest);
    }
}

impl Wrong {
    /// How long it is remembered still. Among all callers somebody is always wrong: those count by the
    /// quarter of an hour.
    fn left(&self, who: &Who, now: Instant) -> Duration {
        let since = match who {
            Who::All(_) => self.first,
            Who::Number(..) | Who::Nameless(..) | Who::Source(..) => self.last,
        };
        FORGOTTEN.saturating_sub(now.saturating_duration_since(since))
    }
}

/// Three calls of three tries: of a million PINs that is one in a hundred thousand.
const MOST: u32 = 9;

/// Four callers' worth: one of them does not shut out the others at once.
const MOST_NAMELESS: u32 = 36;

/// More than people mistype in a quarter of an hour, and one in ten thousand of a million PINs.
const MOST_OF_ALL: u32 = 100;

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
    fn another_number_each_time_shuts_out_the_trunk_until_the_quarter_is_over() {
        let (tries, t0) = (Tries::default(), start());
        let provider = trunk(&["203.0.113.0/24"]);
        let source = "203.0.113.7".parse().unwrap();
        let who = |number: u32| Who::calls(&provider, &format!("+1555{number:07}"), source);
        for number in 1..MOST_OF_ALL {
            assert!(!tries.wrong(&who(number), t0));
        }
        let minute = Duration::from_secs(60);
        assert!(tries.may_try(&who(0), t0 + minute));
        assert!(tries.wrong(&who(0), t0 + minute), "told when it happens");
        assert!(!tries.wrong(&who(0), t0 + minute), "and once");
        let shut = tries.shut_out(&who(500), t0 + minute).unwrap();
        assert!(shut.who == Who::All(provider.id.clone()));
        assert_eq!(shut.left, FORGOTTEN - minute);
        assert_eq!(
            [tries.tell_once(&shut.who), tries.tell_once(&shut.who)],
            [true, false]
        );
        // The last wrong try buys no longer lock.
        assert!(tries.may_try(&who(500), t0 + FORGOTTEN));
        assert!(!tries.wrong(&who(500), t0 + FORGOTTEN), "counts anew");
    }

    #[test]
    fn who_withholds_the_number_is_known_by_the_address() {
        let (tries, t0) = (Tries::default(), start());
        let provider = trunk(&["203.0.113.0/24"]);
        let who =
            |caller: &str, source: &str| Who::calls(&provider, caller, source.parse().unwrap());
        for _ in 0..MOST_NAMELESS {
            assert!(tries.may_try(&who("anonymous", "203.0.113.7"), t0));
            tries.wrong(&who("Anonymous", "203.0.113.7"), t0);
        }
        assert!(!tries.may_try(&who("", "203.0.113.7"), t0));
        assert!(tries.may_try(&who("anonymous", "203.0.113.8"), t0));
        assert!(tries.may_try(&who("+15550100", "203.0.113.7"), t0));
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
