//! What the calls that are in may yet cost. One that rests takes a part of what it takes once somebody
//! speaks: a hundred that rest leave the threads for sound a fifth of their time, and want twice of
//! what there is when all talk.
//!
//! What a talking call takes is seen from second to second: the threads' work, by the calls that
//! stood, as far as they spoke, and those that were being set up. So it is known on each machine and
//! for each codec as it is, and who comes within a second is reckoned with before the next is over.

use super::sample::Sample;

/// What is foreseen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Foreseen {
    /// Share of their time that the threads are busy once all who are in talk, and nobody is being set
    /// up; what they are now where too few are in to say.
    pub(super) busy: f64,
    /// What one call more comes to; nothing where too few were seen.
    pub(super) each: Option<f64>,
}

impl Foreseen {
    /// With one call more.
    pub(super) fn with_another(&self) -> f64 {
        self.busy + self.each.unwrap_or_default()
    }

    /// How many more there is room for; nothing where that is not known.
    pub(super) fn room(&self, limit: f64) -> Option<usize> {
        let each = self.each.filter(|each| *each > 0.0)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number of calls, none below zero"
        )]
        let calls = ((limit - self.busy) / each).max(0.0) as usize;
        Some(calls)
    }
}

/// Learns what a call takes.
#[derive(Default)]
pub(super) struct Foresight {
    /// What the threads do without calls.
    idle: f64,
    /// What a talking call took in each of the last seconds that told, the latest last.
    told: Vec<f64>,
}

impl Foresight {
    /// One second more.
    pub(super) fn hear(&mut self, sample: &Sample) -> Foreseen {
        let Sample {
            calls, begun, busy, ..
        } = *sample;
        if calls < 1.0 && begun <= 0.0 {
            self.idle += (busy - self.idle) * IDLE;
        }
        // Whatever else has less to do is soon seen.
        self.idle = self.idle.min(busy);
        // A thread without time does not show how much waits for it.
        if calls >= FEW && busy < SATURATED {
            let talking = sample.talking.min(calls);
            let work = REST * calls + (1.0 - REST) * talking + SETUP * begun;
            self.learn((busy - self.idle) / work);
        }
        let each = self.each();
        // Who came within the second has stood for half of it.
        let stand = calls + begun / 2.0;
        Foreseen {
            busy: each.map_or(busy, |each| self.idle + each * stand),
            each,
        }
    }

    fn learn(&mut self, each: f64) {
        if self.told.len() >= SECONDS {
            self.told.remove(0);
        }
        self.told.push(each);
    }

    /// The middle one: a second unlike those beside it is a hiccup. Of two the smaller.
    fn each(&self) -> Option<f64> {
        let mut told = self.told.clone();
        told.sort_by(f64::total_cmp);
        told.get(told.len().saturating_sub(1) / 2).copied()
    }
}

/// What a call at rest takes, as a part of what it takes while both sides talk: for fifty calls on an
/// EPYC the thread was busy for 44 to 55 % of its time, and for 86 to 88 % (`legs --calls 50`). Larger
/// lets more in and trusts them to rest; smaller keeps room that nobody uses.
const REST: f64 = 0.5;

/// What setting one up takes, in seconds of a call that talks: 24 ms of a core, by the same measure.
const SETUP: f64 = 1.3;

/// Of fewer calls nothing is learned: whatever else the threads do would count as theirs.
const FEW: f64 = 5.0;

/// From here on the threads have no time left.
const SATURATED: f64 = 0.97;

/// How much one second says of what the threads do without calls.
const IDLE: f64 = 0.125;

/// Seconds that are remembered: one of three may be unlike the others.
const SECONDS: usize = 3;

#[cfg(test)]
mod tests {
    use super::super::judge::{Judge, LoadLimits, Strain};
    use super::*;

    const LIMIT: f64 = 0.9;

    /// A machine with one thread for sound.
    struct World {
        /// What a call takes of it while it talks and while it rests, and what the thread does beside.
        talks: f64,
        rests: f64,
        beside: f64,
        calls: u32,
        talking: u32,
        judge: Judge,
        foresight: Foresight,
        room: Option<usize>,
        full: Option<Strain>,
    }

    impl World {
        fn new(talks: f64, rests: f64, beside: f64) -> Self {
            let limits = LoadLimits {
                busy: Some(LIMIT),
                ..LoadLimits::default()
            };
            let mut world = Self {
                talks,
                rests,
                beside,
                calls: 0,
                talking: 0,
                judge: Judge::new(limits),
                foresight: Foresight::default(),
                room: None,
                full: None,
            };
            for _ in 0..30 {
                world.second(0);
            }
            world
        }

        /// What the thread would be asked for.
        fn wanted(&self) -> f64 {
            let resting = f64::from(self.calls - self.talking);
            self.beside + resting * self.rests + f64::from(self.talking) * self.talks
        }

        /// A second in which so many knock. Gives how many were let in.
        fn second(&mut self, knock: u32) -> u32 {
            let fits = |n: &u32| self.room.is_none_or(|room| (*n as usize) < room);
            let let_in = (0..knock)
                .filter(|n| self.full.is_none() && fits(n))
                .count();
            let let_in = u32::try_from(let_in).unwrap();
            let setting_up = f64::from(let_in) * self.talks * 1.35;
            self.calls += let_in;
            let sample = Sample {
                busy: (self.wanted() + setting_up).min(1.0),
                calls: f64::from(self.calls) - f64::from(let_in) / 2.0,
                talking: self.talking.into(),
                begun: let_in.into(),
                ..Sample::default()
            };
            let foreseen = self.foresight.hear(&sample);
            self.room = foreseen.room(LIMIT);
            self.full = self.judge.hear(&sample, &foreseen);
            let_in
        }
    }

    /// A hundred calls at rest were let in, and 72,437 frames were late once all talked.
    #[test]
    fn calls_that_come_at_rest_and_all_talk_later_find_time_for_their_sound() {
        for (rests, beside) in [(0.009, 0.0), (0.011, 0.0), (0.011, 0.05), (0.0095, 0.02)] {
            for a_second in [1, 4, 10, 20] {
                let mut world = World::new(0.018, rests, beside);
                for _ in 0..200 / a_second + 10 {
                    world.second(a_second);
                }
                let told = format!("{rests} {beside} {a_second}: {} calls", world.calls);
                assert_eq!(world.full, Some(Strain::Foreseen), "{told}");
                world.talking = world.calls;
                assert!(world.wanted() < 0.97, "{told}, {}", world.wanted());
                assert!(world.calls >= 34, "{told}");
            }
        }
    }

    #[test]
    fn calls_that_talk_are_let_in_until_the_threads_are_as_busy_as_they_may_be() {
        for each in [0.018, 0.002] {
            let mut world = World::new(each, each * 0.6, 0.02);
            for _ in 0..1_000 {
                world.second(1);
                world.talking = world.calls;
            }
            assert!(world.wanted() > LIMIT - 4.0 * each, "{}", world.wanted());
            assert!(world.wanted() <= LIMIT + each, "{}", world.wanted());
        }
    }

    #[test]
    fn who_is_full_by_foresight_has_room_again_once_calls_have_ended_and_does_not_flap() {
        let mut world = World::new(0.018, 0.011, 0.0);
        for _ in 0..60 {
            world.second(4);
        }
        let most = world.calls;
        let mut changes = 0;
        for second in 0..300 {
            let before = world.full;
            // As one ends the next one knocks.
            world.calls -= u32::from(second % 3 == 0 && world.calls > most - 4);
            world.second(1);
            changes += usize::from(world.full != before);
        }
        assert_eq!(changes, 0, "{} of {most}", world.calls);
        world.calls /= 2;
        for _ in 0..10 {
            world.second(0);
        }
        assert_eq!(world.full, None);
        assert_eq!(world.second(1), 1);
    }

    /// Rooms of browsers are no calls: what they take grows with no caller's voice.
    #[test]
    fn what_the_threads_do_beside_calls_is_not_taken_for_calls() {
        let mut world = World::new(0.002, 0.001, 0.6);
        for _ in 0..20 {
            assert_eq!(world.second(1), 1);
        }
        assert_eq!(world.full, None);
    }

    #[test]
    fn one_second_unlike_the_others_and_few_calls_say_nothing() {
        let calm = Sample {
            busy: 0.2,
            calls: 10.0,
            talking: 10.0,
            ..Sample::default()
        };
        let mut foresight = Foresight::default();
        let few = Sample { calls: 2.0, ..calm };
        assert_eq!(
            foresight.hear(&few),
            Foreseen {
                busy: 0.2,
                each: None
            }
        );
        for _ in 0..5 {
            foresight.hear(&calm);
        }
        let before = foresight.hear(&calm);
        let after = foresight.hear(&Sample { busy: 0.8, ..calm });
        assert_eq!(before, after);
        assert!((before.busy - 0.2).abs() < 1e-9, "{before:?}");
        let room = before.room(LIMIT);
        assert!(
            room.is_some_and(|room| (34..=35).contains(&room)),
            "{room:?}"
        );
    }
}
