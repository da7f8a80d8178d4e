//! What holds for every conversation, however it goes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{Parts, World, ms};
use crate::turn::config::TurnConfig;
use crate::turn::event::{Action, Input, Line, ReplyId, Verdict};

#[derive(Clone, Debug)]
enum Step {
    Talk(bool, u64),
    Silence(u64),
    Say(bool),
    Key(char),
    Flutter(Vec<u8>),
    Pin,
    Line(Line),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 20_u64..3000).prop_map(|(words, length)| Step::Talk(words, length)),
        4 => (20_u64..4000).prop_map(Step::Silence),
        2 => any::<bool>().prop_map(Step::Say),
        1 => prop_oneof![Just('1'), Just('7'), Just('#')].prop_map(Step::Key),
        1 => prop::collection::vec(0_u8..100, 1..60).prop_map(Step::Flutter),
        1 => Just(Step::Pin),
    ]
}

/// With a telephone that holds and comes back.
fn step_or_hold() -> impl Strategy<Value = Step> {
    let line = prop_oneof![Just(Line::Open), Just(Line::Muted), Just(Line::Held)];
    prop_oneof![6 => step(), 1 => line.prop_map(Step::Line)]
}

fn parts() -> impl Strategy<Value = Parts> {
    let verdict = prop_oneof![
        Just(Verdict::Whole),
        Just(Verdict::Goodbye),
        Just(Verdict::Complete),
        Just(Verdict::Incomplete),
        Just(Verdict::Unknown)
    ];
    (
        10_u64..1500,
        10_u64..1500,
        0_u64..1200,
        100_u64..4000,
        0.0_f32..1.0,
        verdict,
    )
        .prop_map(|(stt, end, first, length, finished, verdict)| Parts {
            stt: ms(stt),
            end: ms(end),
            first_sound: ms(first),
            reply_length: ms(length),
            finished,
            verdict,
            ..Parts::default()
        })
}

fn config() -> impl Strategy<Value = TurnConfig> {
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        0_usize..3,
        any::<bool>(),
    )
        .prop_map(|(phone, resumes, prepares, min_words, end_of_turn)| {
            let mut config = if phone {
                TurnConfig::phone()
            } else {
                TurnConfig::standard()
            };
            config.interruption.resume_false_interruption = resumes;
            config.interruption.min_words = min_words;
            config.preemptive.enabled = prepares;
            config.end_of_turn.enabled = end_of_turn;
            config.limits.max_duration = Some(ms(8000));
            config
        })
}

fn live(world: &mut World, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Talk(true, length) => world.caller_says("some words", ms(*length)),
            Step::Talk(false, length) => world.caller_says("", ms(*length)),
            Step::Silence(length) => world.silence(ms(*length)),
            Step::Say(interruptible) => {
                world.agent_says(*interruptible);
            }
            Step::Key(key) => world.input(Input::Digit(*key)),
            Step::Line(line) => world.input(Input::Line(*line)),
            Step::Flutter(probabilities) => {
                for probability in probabilities {
                    world.sound(f32::from(*probability) / 100.0, ms(30));
                }
            }
            Step::Pin => {
                if let Some(commit) = world.commits().last() {
                    let reply = commit.reply;
                    world.input(Input::Pinned { reply });
                }
            }
        }
    }
}

/// Every answer is prepared or asked for before it speaks, ends once, and is silent afterwards.
fn check_lives(log: &[Action]) {
    let mut over = BTreeSet::new();
    let mut held: Option<ReplyId> = None;
    for action in log {
        match action {
            Action::Speak { reply } => {
                assert!(!over.contains(reply), "{reply:?} spoke after its end")
            }
            Action::Abandon { reply } | Action::Interrupt { reply } => {
                assert!(over.insert(*reply), "{reply:?} ended twice");
                if held == Some(*reply) {
                    held = None;
                }
            }
            Action::Pause { reply, .. } => {
                assert!(!over.contains(reply) && held.is_none());
                held = Some(*reply);
            }
            Action::Resume { reply } => assert_eq!(held.take(), Some(*reply)),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The world itself asserts that two speeches never sound at once, that nothing is paused
    /// twice and that no time-out repeats without effect.
    #[test]
    fn any_conversation_is_orderly(
        config in config(),
        parts in parts(),
        steps in prop::collection::vec(step_or_hold(), 1..25),
    ) {
        let mut world = World::new(config);
        world.parts = parts;
        live(&mut world, &steps);
        world.input(Input::Line(Line::Open));
        world.silence(ms(15_000));
        let log: Vec<Action> = world.log.iter().map(|(_, action)| action.clone()).collect();
        check_lives(&log);
        prop_assert!(world.speaker.held.is_none(), "a paused speech was left hanging");
    }

    /// The same inputs at the same times give the same actions.
    #[test]
    fn conversations_replay(
        parts in parts(),
        steps in prop::collection::vec(step_or_hold(), 1..12),
    ) {
        let run = || {
            let mut world = World::phone();
            world.parts = parts.clone();
            live(&mut world, &steps);
            let times: Vec<_> = world.log.iter().map(|(at, _)| *at).collect();
            let kinds: Vec<_> =
                world.log.iter().map(|(_, action)| std::mem::discriminant(action)).collect();
            (times, kinds, world.heard())
        };
        prop_assert!(run() == run());
    }

    /// An uninterruptible speech that has begun is never held or cut while the caller stays.
    #[test]
    fn the_uninterruptible_is_not_interrupted(
        parts in parts(),
        steps in prop::collection::vec(step(), 1..15),
    ) {
        let mut world = World::phone();
        world.parts = parts;
        let greeting = world.agent_says(false);
        live(&mut world, &steps);
        let cut = world.count(|action| matches!(
            action,
            Action::Pause { reply, .. } | Action::Interrupt { reply } if *reply == greeting
        ));
        prop_assert_eq!(cut, 0);
    }

    /// While the call is on hold nothing sounds and nobody is asked for.
    #[test]
    fn a_held_call_is_silent(
        parts in parts(),
        before in prop::collection::vec(step(), 0..10),
        during in prop::collection::vec(step(), 1..10),
    ) {
        let mut world = World::phone();
        world.parts = parts;
        live(&mut world, &before);
        world.input(Input::Line(Line::Held));
        prop_assert!(world.speaker.playing.is_none());
        let log = world.log.len();
        live(&mut world, &during);
        world.silence(ms(60_000));
        prop_assert!(world.speaker.playing.is_none());
        let away = world.log[log..].iter().any(|(_, action)| matches!(action, Action::Away { .. }));
        prop_assert!(!away);
    }
}
