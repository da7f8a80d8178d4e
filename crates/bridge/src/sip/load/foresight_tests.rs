//! A machine that is called, second by second: simulations of foresight and judge together.

use std::collections::VecDeque;

use super::super::judge::{Judge, LoadLimits, Strain};
use super::*;

const LIMIT: f64 = 0.9;

/// A machine with one thread for sound.
struct World {
    /// What a call takes of it while it talks, while it rests and to be set up, and what the thread
    /// does beside.
    talks: f64,
    rests: f64,
    sets_up: f64,
    beside: f64,
    /// Calls that stand, and how many of them talk.
    calls: u32,
    talking: u32,
    /// Calls that are let in and do not stand yet, the next ones first.
    coming: VecDeque<u32>,
    judge: Judge,
    foresight: Foresight,
    most: usize,
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
            sets_up: talks * 1.35,
            beside,
            calls: 0,
            talking: 0,
            coming: VecDeque::new(),
            judge: Judge::new(limits),
            foresight: Foresight::new(1),
            most: 0,
            full: None,
        };
        for _ in 0..30 {
            world.second(0);
        }
        world
    }

    /// One in which a call stands so many seconds after it was let in.
    fn with_waits(mut self, seconds: usize) -> Self {
        self.coming = std::iter::repeat_n(0, seconds).collect();
        self
    }

    fn inside(&self) -> u32 {
        self.calls + self.coming.iter().sum::<u32>()
    }

    /// What the thread is asked for.
    fn wanted(&self) -> f64 {
        let resting = f64::from(self.calls - self.talking);
        self.beside + resting * self.rests + f64::from(self.talking) * self.talks
    }

    /// What it would be asked for if all who are in talked.
    fn feared(&self) -> f64 {
        self.beside + f64::from(self.inside()) * self.talks
    }

    /// A second in which so many knock. Gives how many were let in.
    fn second(&mut self, knock: u32) -> u32 {
        let mut let_in = 0;
        for _ in 0..knock {
            let inside = (self.inside() + let_in) as usize;
            let_in += u32::from(self.full.is_none() && inside < self.most);
        }
        self.coming.push_back(let_in);
        let stand = self.coming.pop_front().unwrap_or_default();
        self.calls += stand;
        let stood = f64::from(self.calls) - f64::from(stand) / 2.0;
        let at_rest = f64::from(stand) / 2.0 * self.rests;
        let sample = Sample {
            busy: (self.wanted() - at_rest + f64::from(stand) * self.sets_up).min(1.0),
            calls: stood,
            talking: self.talking.into(),
            inside: self.inside().into(),
            ..Sample::default()
        };
        let foreseen = self.foresight.hear(&sample);
        self.most = foreseen.most(LIMIT);
        self.full = self.judge.hear(&sample, &foreseen);
        let_in
    }
}

/// Eighty-six calls of a machine for sixty-two were let in at nineteen a second: those that had been
/// let in and did not stand yet were forgotten, and the cheaper set-ups were, the cheaper calls
/// seemed.
#[test]
fn however_fast_calls_come_there_is_time_for_all_who_are_in_to_talk() {
    let mut worlds = Vec::new();
    for talks in [0.002, 0.0081, 0.0144, 0.018, 0.03] {
        for rests in [0.5, 0.6, 0.9] {
            for sets_up in [0.0, 0.5, 1.35, 4.0] {
                for (waits, beside) in [(0, 0.0), (1, 0.05), (3, 0.0), (5, 0.3)] {
                    worlds.push((talks, rests, sets_up, waits, beside));
                }
            }
        }
    }
    for (talks, rests, sets_up, waits, beside) in worlds {
        for a_second in [1, 4, 10, 19, 64, 300] {
            let mut world = World::new(talks, talks * rests, beside).with_waits(waits);
            world.sets_up = talks * sets_up;
            let told = format!("{talks} {rests} {sets_up} {waits} {beside} {a_second}");
            for second in 0..500 / a_second + 60 {
                world.second(a_second);
                let feared = world.feared();
                assert!(feared <= LIMIT + talks, "{told}: {feared} after {second}");
            }
            // Nor is much room kept that nobody needs: a call at rest is taken to talk for twice of
            // what it takes, and while set-ups are dear calls seem so.
            let room = (LIMIT - beside) / (talks * (2.0 * rests).max(1.0));
            let inside = f64::from(world.inside());
            let enough = (room * 0.75).floor() - 1.0;
            assert!(inside >= enough, "{told}: {inside} of {room}");
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
    assert_eq!(world.full, Some(Strain::Foreseen));
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

/// What set-ups take makes calls seem dear; that is no reason to turn everybody away for long.
#[test]
fn a_burst_into_an_empty_machine_does_not_make_it_full() {
    for talks in [0.002, 0.0081] {
        let mut world = World::new(talks, talks * 0.6, 0.02);
        for a_second in [19, 19, 19, 0, 0, 0, 0, 0] {
            world.second(a_second);
            assert_eq!(world.full, None, "{talks}");
        }
        assert!(world.calls >= 30, "{talks}: {}", world.calls);
    }
}

/// Rooms of browsers are no calls: what they take grows with no caller's voice.
#[test]
fn what_the_threads_do_beside_calls_is_not_taken_for_calls() {
    for beside in [0.6, 0.8] {
        let mut world = World::new(0.002, 0.001, beside);
        for _ in 0..30 {
            world.second(0);
        }
        for _ in 0..20 {
            assert_eq!(world.second(1), 1, "{beside}");
        }
        assert_eq!(world.full, None, "{beside}");
    }
}

/// A conference beside a few calls at rest was taken for theirs. Once they had ended, nobody was let
/// in for as long as others kept the threads half busy, and so nobody could show what a call takes.
#[test]
fn what_calls_seemed_to_take_beside_others_keeps_nobody_out_once_they_have_ended() {
    for stays in [0.0, 0.4, 0.6, 0.7] {
        let mut world = World::new(0.018, 0.011, 0.02);
        for _ in 0..6 {
            world.second(1);
        }
        world.beside = 0.8;
        for _ in 0..5 {
            world.second(0);
        }
        assert_eq!(world.full, Some(Strain::Foreseen), "{stays}");
        (world.calls, world.beside) = (0, stays);
        for _ in 0..60 {
            world.second(0);
        }
        assert_eq!(world.full, None, "{stays}");
        for _ in 0..20 {
            world.second(1);
        }
        let room = ((LIMIT - stays) / 0.022).min(20.0) - 1.0;
        let inside = f64::from(world.inside());
        assert!(inside >= room.floor(), "{stays}: {inside} of {room}");
    }
}

#[test]
fn one_second_unlike_the_others_and_few_calls_say_nothing() {
    let calm = Sample {
        busy: 0.2,
        calls: 10.0,
        talking: 10.0,
        inside: 10.0,
        ..Sample::default()
    };
    let mut foresight = Foresight::new(1);
    let few = Sample { calls: 2.0, ..calm };
    let foreseen = foresight.hear(&few);
    assert_eq!((foreseen.busy, foreseen.each), (0.2, None));
    assert_eq!(foreseen.most(LIMIT), 30, "by what none is seen to take");
    for _ in 0..5 {
        foresight.hear(&calm);
    }
    let before = foresight.hear(&calm);
    let after = foresight.hear(&Sample { busy: 0.8, ..calm });
    assert_eq!(before, after);
    assert!((before.busy - 0.2).abs() < 1e-9, "{before:?}");
    assert_eq!(before.most(LIMIT), 30, "of ten the price says little");
    let many = Sample {
        busy: 0.5,
        calls: 25.0,
        talking: 25.0,
        inside: 25.0,
        ..calm
    };
    assert_eq!(foresight.hear(&many).most(LIMIT), 45);
}

#[test]
fn a_call_that_is_let_in_counts_before_it_stands() {
    let mut foresight = Foresight::new(1);
    let standing = Sample {
        busy: 0.2,
        calls: 10.0,
        talking: 10.0,
        inside: 10.0,
        ..Sample::default()
    };
    let coming = Sample {
        inside: 40.0,
        ..standing
    };
    assert!((foresight.hear(&standing).busy - 0.2).abs() < 1e-9);
    assert!((foresight.hear(&coming).busy - 0.8).abs() < 1e-9);
}
