//! A call whose phone another one is sent to call, and to take our place with: the target of an attended
//! transfer. Its phone hangs up on us then, before or after we hear how it went.
//!
//! ```text
//! wanted ─► the other phone talks ─► over: BYE, where the phone has not sent one
//!    │  └─► the other phone has gone, and may be on its way ─► a BYE: over · none: it goes on
//!    └─► nothing comes of it: it goes on, or has ended if the phone had gone
//! ```

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::super::signalling::{now, until};
use super::super::exchange::Outcome;

/// What is to come of our place.
pub(super) struct Target {
    outcome: oneshot::Receiver<Outcome>,
    state: State,
}

enum State {
    /// The other phone is asked.
    Wanted,
    /// Our phone has gone meanwhile, perhaps since the other one is there.
    Gone(Instant),
    /// The other phone may be on its way until then.
    Expecting(Instant),
}

/// What has come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip::call) enum Fate {
    /// Both phones talk to each other.
    Taken,
    /// The place is ours still.
    Spared,
}

impl Target {
    pub(super) const fn new(outcome: oneshot::Receiver<Outcome>) -> Self {
        Self {
            outcome,
            state: State::Wanted,
        }
    }

    /// What comes of it.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn next(&mut self) -> Fate {
        loop {
            let (asks, deadline) = match self.state {
                State::Wanted => (true, None),
                State::Gone(at) => (true, Some(at)),
                State::Expecting(at) => (false, Some(at)),
            };
            let told = tokio::select! {
                biased;
                told = &mut self.outcome, if asks => told.ok(),
                () = until(deadline) => None,
            };
            match told {
                None => return Fate::Spared,
                Some(Outcome::Left) if deadline.is_none() => {
                    self.state = State::Expecting(now() + ON_ITS_WAY);
                }
                Some(Outcome::Talks | Outcome::Left) => return Fate::Taken,
            }
        }
    }

    /// The phone has hung up: what is known of it by that.
    pub(super) fn phone_left(&mut self) -> Option<Fate> {
        match self.state {
            State::Expecting(_) => Some(Fate::Taken),
            State::Wanted => {
                self.state = State::Gone(now() + NEWS);
                None
            }
            State::Gone(_) => None,
        }
    }
}

/// An INVITE is tried for as long (RFC 3261, timer B).
const ON_ITS_WAY: Duration = Duration::from_secs(32);

/// Phones tell at once that they have been answered; what a lost NOTIFY takes is in it.
const NEWS: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> (oneshot::Sender<Outcome>, Target) {
        let (tell, told) = oneshot::channel();
        (tell, Target::new(told))
    }

    #[tokio::test(start_paused = true)]
    async fn a_phone_that_goes_waits_for_whoever_was_sent_to_it() {
        for (outcome, fate) in [
            (Some(Outcome::Talks), Fate::Taken),
            (Some(Outcome::Left), Fate::Taken),
            (None, Fate::Spared),
        ] {
            let (tell, mut target) = target();
            assert_eq!(target.phone_left(), None);
            match outcome {
                Some(outcome) => tell.send(outcome).unwrap(),
                None => drop(tell),
            }
            assert_eq!(target.next().await, fate, "{outcome:?}");
        }
        let (_tell, mut target) = target();
        assert_eq!(target.phone_left(), None);
        let begun = now();
        assert_eq!(target.next().await, Fate::Spared, "nobody tells");
        assert!(now().duration_since(begun) >= NEWS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_phone_that_stays_is_let_go_only_where_the_other_is_there() {
        let (tell, mut talks) = target();
        tell.send(Outcome::Talks).unwrap();
        assert_eq!(talks.next().await, Fate::Taken);
        let (tell, mut failed) = target();
        drop(tell);
        assert_eq!(failed.next().await, Fate::Spared);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hung_up_after_agreeing_may_be_on_its_way_and_may_not() {
        let (tell, mut comes) = target();
        tell.send(Outcome::Left).unwrap();
        let soon = tokio::time::timeout(Duration::from_secs(1), comes.next());
        assert!(soon.await.is_err(), "the phone would be hung up on");
        assert_eq!(comes.phone_left(), Some(Fate::Taken));
        let (tell, mut never) = target();
        tell.send(Outcome::Left).unwrap();
        let begun = now();
        assert_eq!(never.next().await, Fate::Spared);
        assert!(now().duration_since(begun) >= ON_ITS_WAY);
    }
}
