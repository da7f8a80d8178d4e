//! Judging the load, second by second.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::foresight::Foreseen;
use super::sample::Sample;

/// From where on the machine is full. What is `None` is not looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadLimits {
    /// Share of packets that go out more than a frame late.
    pub late: Option<f64>,
    /// Share of their time that the threads for sound are busy, or would be if all calls talked.
    pub busy: Option<f64>,
    /// How long a task for sound that is ready waits for its thread.
    pub lag: Option<Duration>,
    /// How many calls are being set up at once; it is no strain, and over in a moment.
    pub setups: Option<NonZeroUsize>,
    /// When who is refused may try again.
    pub retry_after: Duration,
}

impl Default for LoadLimits {
    /// Nothing is looked at.
    fn default() -> Self {
        Self {
            late: None,
            busy: None,
            lag: None,
            setups: None,
            retry_after: Duration::from_secs(10),
        }
    }
}

/// What shows that the machine is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strain {
    /// Packets go out late.
    Late,
    /// The threads for sound have no time left.
    Busy,
    /// They would have none if the calls that rest talked.
    Foreseen,
    /// What is ready waits.
    Lag,
}

impl Strain {
    /// As it is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Late => "packets go out late",
            Self::Busy => "the threads for sound are busy",
            Self::Foreseen => "calls that rest now will need the threads for sound",
            Self::Lag => "sound waits for its thread",
        }
    }
}

/// Says when the machine is full, and when it is no more.
pub(super) struct Judge {
    limits: LoadLimits,
    full: Option<Strain>,
    /// Seconds in a row that speak against what is said.
    against: u32,
}

impl Judge {
    pub(super) const fn new(limits: LoadLimits) -> Self {
        Self {
            limits,
            full: None,
            against: 0,
        }
    }

    /// Other limits from now on; what was said stands until the load speaks against it.
    pub(super) const fn go_by(&mut self, limits: LoadLimits) {
        self.limits = limits;
    }

    /// One second more. A bad one alone is a hiccup; and who was full has room again only once the load
    /// has stayed well below the limits, or each call that ends would let one in too many.
    pub(super) fn hear(&mut self, sample: &Sample, foreseen: &Foreseen) -> Option<Strain> {
        let strain = self.strain((sample, foreseen), 1.0);
        if self.full.is_none() {
            self.against = if strain.is_some() {
                self.against + 1
            } else {
                0
            };
            if self.against >= BAD {
                self.full = strain;
                self.against = 0;
            }
            return self.full;
        }
        let is_well = self.strain((sample, foreseen), WELL).is_none();
        self.against = if is_well { self.against + 1 } else { 0 };
        if self.against >= GOOD {
            self.full = None;
            self.against = 0;
        } else {
            self.full = strain.or(self.full);
        }
        self.full
    }

    /// What is beyond a part of its limit. By foresight it is full where no call more has room.
    fn strain(&self, (sample, foreseen): (&Sample, &Foreseen), part: f64) -> Option<Strain> {
        let LoadLimits {
            late, busy, lag, ..
        } = self.limits;
        let share = sample.late as f64 / sample.frames.max(1) as f64;
        if sample.frames >= FEW && late.is_some_and(|limit| share > limit * part) {
            return Some(Strain::Late);
        }
        if busy.is_some_and(|limit| sample.busy > limit * part) {
            return Some(Strain::Busy);
        }
        if lag.is_some_and(|limit| sample.lag > limit.mul_f64(part)) {
            return Some(Strain::Lag);
        }
        let has_no_room = |limit| foreseen.busy > limit * part || foreseen.with_another() > limit;
        busy.is_some_and(has_no_room).then_some(Strain::Foreseen)
    }
}

/// Bad seconds in a row that make it full.
const BAD: u32 = 3;

/// Good seconds in a row after which there is room again.
const GOOD: u32 = 5;

/// The part of its limits below which the load is good.
const WELL: f64 = 0.8;

/// Packets of one call in a second: of fewer a share says nothing.
const FEW: u64 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        Judge::new(LoadLimits {
            late: Some(0.05),
            busy: Some(0.9),
            lag: Some(Duration::from_millis(40)),
            ..LoadLimits::default()
        })
    }

    /// Of calls that all talk.
    fn hear(judge: &mut Judge, sample: &Sample) -> Option<Strain> {
        let foreseen = Foreseen {
            busy: sample.busy,
            ..Foreseen::default()
        };
        judge.hear(sample, &foreseen)
    }

    fn busy(share: f64) -> Sample {
        Sample {
            frames: 1_000,
            busy: share,
            ..Sample::default()
        }
    }

    #[test]
    fn a_hiccup_is_not_full_and_a_load_that_stays_is() {
        let mut judge = judge();
        for share in [0.95, 0.95, 0.5, 0.95, 0.95] {
            assert_eq!(hear(&mut judge, &busy(share)), None, "{share}");
        }
        assert_eq!(hear(&mut judge, &busy(0.95)), Some(Strain::Busy));
    }

    /// A call that ended made room, one came in, sound was late, and so it went on.
    #[test]
    fn there_is_room_again_only_once_the_load_has_stayed_well_below() {
        let mut judge = judge();
        for _ in 0..BAD {
            hear(&mut judge, &busy(0.95));
        }
        for _ in 0..60 {
            assert!(
                hear(&mut judge, &busy(0.85)).is_some(),
                "below, but not well"
            );
        }
        for _ in 1..GOOD {
            assert!(hear(&mut judge, &busy(0.6)).is_some());
        }
        assert!(
            hear(&mut judge, &busy(0.8)).is_some(),
            "and counts from the start"
        );
        for _ in 1..GOOD {
            assert!(hear(&mut judge, &busy(0.6)).is_some());
        }
        assert_eq!(hear(&mut judge, &busy(0.6)), None);
    }

    #[test]
    fn each_sign_is_a_sign_and_of_few_packets_none_is_made() {
        let late = |frames| Sample {
            frames,
            late: frames / 10,
            ..Sample::default()
        };
        let lag = Sample {
            lag: Duration::from_millis(41),
            ..Sample::default()
        };
        for (sample, said) in [
            (late(1_000), Some(Strain::Late)),
            (late(40), None),
            (lag, Some(Strain::Lag)),
            (Sample::default(), None),
        ] {
            let mut judge = judge();
            for _ in 0..BAD {
                hear(&mut judge, &sample);
            }
            assert_eq!(judge.full, said, "{sample:?}");
        }
    }

    /// What is foreseen has its own word, and comes after what is there.
    #[test]
    fn full_by_foresight_stays_so_until_much_less_is_foreseen() {
        let mut judge = judge();
        let foreseen = |busy| Foreseen {
            busy,
            each: Some(0.02),
            ..Foreseen::default()
        };
        let rests = busy(0.5);
        for _ in 1..BAD {
            assert_eq!(judge.hear(&rests, &foreseen(0.89)), None);
        }
        assert_eq!(judge.hear(&rests, &foreseen(0.89)), Some(Strain::Foreseen));
        assert_eq!(judge.hear(&busy(0.95), &foreseen(0.95)), Some(Strain::Busy));
        for _ in 0..60 {
            assert!(judge.hear(&rests, &foreseen(0.75)).is_some(), "not well");
        }
        for _ in 1..GOOD {
            assert!(judge.hear(&rests, &foreseen(0.6)).is_some());
        }
        assert_eq!(judge.hear(&rests, &foreseen(0.6)), None);
    }

    #[test]
    fn limits_that_rise_make_room_once_the_load_has_stayed_below_them() {
        let mut judge = judge();
        for _ in 0..BAD {
            hear(&mut judge, &busy(0.95));
        }
        judge.go_by(LoadLimits::default());
        for _ in 1..GOOD {
            assert!(hear(&mut judge, &busy(0.95)).is_some());
        }
        assert_eq!(hear(&mut judge, &busy(0.95)), None);
    }

    #[test]
    fn what_is_not_looked_at_makes_nothing_full() {
        let mut judge = Judge::new(LoadLimits::default());
        let worst = Sample {
            frames: 1_000,
            late: 1_000,
            busy: 1.0,
            lag: Duration::from_secs(9),
            ..Sample::default()
        };
        for _ in 0..100 {
            assert_eq!(hear(&mut judge, &worst), None);
        }
    }
}
