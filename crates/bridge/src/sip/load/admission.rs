//! Whether one more call is let in, before anything is spent on it.

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::sync::watch;

use super::judge::{LoadLimits, Strain};
use super::places::Places;
use super::setups::{Setup, Setups};

/// Who is asked. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Admission {
    strain: watch::Receiver<Option<Strain>>,
    limits: watch::Receiver<LoadLimits>,
    setups: Setups,
    places: Places,
}

/// Why a call is not let in, and when it may come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom {
    /// For counters and records.
    pub(crate) why: &'static str,
    pub(crate) retry_after: Duration,
}

impl Admission {
    pub(super) fn new(
        strain: watch::Receiver<Option<Strain>>,
        limits: watch::Receiver<LoadLimits>,
        (places, threads): (Places, usize),
    ) -> Self {
        Self {
            strain,
            limits,
            setups: Setups::new(threads),
            places,
        }
    }

    /// What shows that the machine is full, if it is.
    pub(crate) fn strain(&self) -> Option<Strain> {
        *self.strain.borrow()
    }

    /// Watches it.
    pub(crate) fn watch_strain(&self) -> watch::Receiver<Option<Strain>> {
        self.strain.clone()
    }

    /// When to come again, where the machine is full. Calls that are being set up do not make it so:
    /// there is room again in a moment.
    pub(crate) fn full(&self) -> Option<Duration> {
        self.strain().map(|_| self.limits.borrow().retry_after)
    }

    /// How many may be set up at once, if that is bounded.
    pub(crate) fn most(&self) -> Option<NonZeroUsize> {
        self.limits.borrow().setups
    }

    /// What whoever has its source's share of them hears.
    pub(crate) fn no_share(&self) -> NoRoom {
        NoRoom {
            why: SHARE,
            retry_after: self.limits.borrow().retry_after,
        }
    }

    /// Lets one more in, to be set up. An emergency finds room.
    pub(crate) fn admit(&self, helps: impl FnOnce() -> bool) -> Result<Setup, NoRoom> {
        let limits = *self.limits.borrow();
        let why = match self.try_admit(&limits) {
            Ok(setup) => return Ok(setup),
            Err(why) => why,
        };
        if helps() {
            return Ok(self.setups.begin().at(self.places.take_anyway()));
        }
        Err(NoRoom {
            why,
            retry_after: limits.retry_after,
        })
    }

    /// The same for a call that is up and must not be refused any more: others wait for it. Its sound
    /// has its place.
    pub(crate) fn admit_again(&self) -> Setup {
        self.setups.begin()
    }

    fn try_admit(&self, limits: &LoadLimits) -> Result<Setup, &'static str> {
        match self.strain() {
            Some(Strain::Foreseen) => return Err(FORESEEN),
            Some(Strain::Late | Strain::Busy | Strain::Lag) => return Err(FULL),
            None => {}
        }
        let setup = self.setups.begin_below(limits.setups).ok_or(CROWDED)?;
        let place = self.places.take().ok_or(FORESEEN)?;
        Ok(setup.at(place))
    }
}

/// The machine is full.
const FULL: &str = "overload";

/// It would be if all who are in talked.
const FORESEEN: &str = "foreseen";

/// As many calls of one source are, or wait for their ACK, as it may have beside others.
const SHARE: &str = "share";

/// As many calls are being set up as may be.
const CROWDED: &str = "setups";

#[cfg(test)]
mod tests {
    use super::super::gauge::Load;
    use super::*;

    const RETRY: Duration = Duration::from_secs(7);

    fn limits(setups: usize) -> LoadLimits {
        LoadLimits {
            setups: NonZeroUsize::new(setups),
            retry_after: RETRY,
            ..LoadLimits::default()
        }
    }

    /// With what says whether the machine is full, and what else the limits are.
    fn admission(
        setups: usize,
    ) -> (
        Admission,
        watch::Sender<Option<Strain>>,
        watch::Sender<LoadLimits>,
    ) {
        let (strain, strained) = watch::channel(None);
        let (say, told) = watch::channel(limits(setups));
        let places = Places::new(Load::default());
        (Admission::new(strained, told, (places, 1)), strain, say)
    }

    fn asked(admission: &Admission) -> Result<Setup, &'static str> {
        admission.admit(|| false).map_err(|no| no.why)
    }

    #[test]
    fn no_more_than_that_are_set_up_at_once_and_what_is_done_makes_room() {
        let (admission, ..) = admission(2);
        let first = asked(&admission).unwrap();
        let second = asked(&admission).unwrap();
        let refused = admission.admit(|| false).unwrap_err();
        assert_eq!((refused.why, refused.retry_after), (CROWDED, RETRY));
        assert_eq!(admission.full(), None, "a moment is not full");
        drop(first);
        let third = asked(&admission).unwrap();
        assert_eq!(asked(&admission).unwrap_err(), CROWDED);
        drop((second, third));
        assert!(asked(&admission).is_ok());
    }

    #[test]
    fn an_emergency_and_a_call_that_is_up_find_room_and_count() {
        let (admission, strain, _limits) = admission(1);
        let helped = admission.admit(|| true).unwrap();
        let beside = admission.admit(|| true).unwrap();
        let again = admission.admit_again();
        drop((helped, beside));
        assert_eq!(asked(&admission).unwrap_err(), CROWDED);
        drop(again);
        assert!(asked(&admission).is_ok());
        strain.send_replace(Some(Strain::Busy));
        assert_eq!(asked(&admission).unwrap_err(), FULL);
        assert_eq!(admission.full(), Some(RETRY));
        assert!(admission.admit(|| true).is_ok());
        strain.send_replace(Some(Strain::Foreseen));
        assert_eq!(asked(&admission).unwrap_err(), FORESEEN);
        assert_eq!(admission.full(), Some(RETRY));
        assert!(admission.admit(|| true).is_ok());
    }

    #[test]
    fn a_call_has_its_place_from_when_it_is_let_in_to_the_end_of_its_sound() {
        let load = Load::default();
        let (admission, ..) = admission(0);
        let admission = Admission {
            places: Places::new(load.clone()),
            ..admission
        };
        admission.places.allow(Some(2));
        let mut first = asked(&admission).unwrap();
        let second = asked(&admission).unwrap();
        assert_eq!(asked(&admission).unwrap_err(), FORESEEN);
        assert_eq!(admission.full(), None, "the judge has not said so");
        // Its sound begins, it is set up, it ends.
        let sound = load.enter();
        first.stands();
        assert_eq!(load.inside(), 2);
        drop(first);
        assert_eq!(asked(&admission).unwrap_err(), FORESEEN);
        drop(sound);
        let third = asked(&admission).unwrap();
        // One that came to nothing.
        drop(second);
        assert!(asked(&admission).is_ok());
        let helped = admission.admit(|| true).unwrap();
        let beside = admission.admit(|| true).unwrap();
        assert_eq!(load.inside(), 3, "who is let in all the same counts");
        drop((third, helped));
        assert!(asked(&admission).is_ok());
        drop(beside);
        admission.places.allow(None);
        assert!(asked(&admission).is_ok());
    }

    #[test]
    fn another_bound_counts_at_once_and_without_one_nobody_is_refused() {
        let (admission, _strain, say) = admission(0);
        let all: Vec<Setup> = (0..500).map(|_| asked(&admission).unwrap()).collect();
        say.send_replace(limits(400));
        assert_eq!(asked(&admission).unwrap_err(), CROWDED);
        say.send_replace(limits(501));
        assert!(asked(&admission).is_ok());
        drop(all);
    }
}
