//! Keys, hold, silence, leaving.

use super::*;

#[test]
fn silence_on_both_sides_is_noticed_again_and_again() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(2200 + 12_000 * 2 + 500));
    assert_eq!(
        world.count(|action| matches!(action, Action::Away { .. })),
        2
    );
    assert_eq!(world.machine.agent_state(), AgentState::Idle);
    world.caller_says("sorry", ms(500));
    world.silence(ms(500));
    assert_eq!(world.heard(), ["sorry"]);
}

#[test]
fn a_menu_key_interrupts_and_is_answered_at_once() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(800));
    world.input(Input::Digit('2'));
    assert_eq!(world.count(interrupted), 1);
    assert_eq!(world.heard(), ["2"]);
}

#[test]
fn a_key_nobody_asked_for_does_not_cut_the_answer() {
    let mut world = World::phone();
    world.input(Input::ExpectDigits(DigitPlan {
        wanted: Keys::of("12".chars()),
        ..DigitPlan::default()
    }));
    let reply = world.agent_says(true);
    world.silence(ms(800));
    world.input(Input::Digit('7'));
    world.input(Input::Digit('#'));
    assert_eq!(world.speaker.playing, Some(reply));
    world.silence(ms(1500));
    assert!(world.heard().is_empty());
    world.input(Input::Digit('2'));
    assert_eq!(world.heard(), ["2"]);
}

#[test]
fn digits_end_with_the_last_one_the_hash_key_or_a_pause() {
    let plan = DigitPlan {
        max: 4,
        ..DigitPlan::default()
    };
    for (keys, pause) in [("4271", ms(0)), ("42#", ms(0)), ("42", plan.timeout)] {
        let mut world = World::phone();
        world.input(Input::ExpectDigits(plan));
        for key in keys.chars() {
            world.silence(ms(300));
            world.input(Input::Digit(key));
        }
        world.silence(pause);
        assert_eq!(world.heard(), [keys.trim_end_matches('#')]);
    }
}

#[test]
fn keys_do_not_cut_an_uninterruptible_speech() {
    let mut world = World::phone();
    world.agent_says(false);
    world.silence(ms(800));
    world.input(Input::Digit('1'));
    assert!(world.heard().is_empty());
    world.silence(ms(2000));
    assert_eq!(world.heard(), ["1"]);
    assert_eq!(world.count(interrupted), 0);
}

#[test]
fn nothing_happens_after_the_caller_left() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(500));
    world.input(Input::CallerLeft);
    assert_eq!(world.count(interrupted), 1);
    let actions = world.log.len();
    world.caller_says("hello", ms(500));
    world.silence(ms(20_000));
    assert_eq!(world.log.len(), actions);
}

/// A caller put the agent on hold to look for a number, and was hung up on.
#[test]
fn on_hold_the_agent_stops_and_goes_on_where_it_stopped() {
    for interruptible in [true, false] {
        let mut world = World::phone();
        let speech = world.agent_says(interruptible);
        world.silence(ms(1150));
        world.input(Input::Line(Line::Held));
        assert_eq!(world.speaker.held, Some(speech));
        world.silence(ms(40 * 60_000));
        assert_eq!(world.speaker.held, Some(speech));
        assert_eq!((world.count(away), world.count(interrupted)), (0, 0));
        world.input(Input::Line(Line::Open));
        assert_eq!(world.speaker.playing, Some(speech));
        world.silence(ms(900));
        assert_eq!(
            world.speaker.playing,
            Some(speech),
            "a second of it was left"
        );
        world.silence(ms(300));
        assert_eq!(world.speaker.playing, None);
    }
}

#[test]
fn music_and_keys_on_hold_are_nobodys() {
    let mut world = World::phone();
    world.input(Input::Line(Line::Held));
    world.caller_says("la la la", ms(30_000));
    world.input(Input::Digit('1'));
    world.silence(ms(3000));
    assert!(world.heard().is_empty());
    world.words.clear();
    world.input(Input::Line(Line::Open));
    world.caller_says("i am back", ms(900));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["i am back"]);
}

#[test]
fn neither_hold_nor_mute_is_asked_about() {
    for line in [Line::Held, Line::Muted] {
        let mut world = World::phone();
        world.silence(ms(5000));
        world.input(Input::Line(line));
        world.silence(ms(60 * 60_000));
        assert_eq!(world.count(away), 0);
        world.input(Input::Line(Line::Open));
        world.silence(ms(11_900));
        assert_eq!(world.count(away), 0, "the wait begins anew");
        world.silence(ms(200));
        assert_eq!(world.count(away), 1);
    }
}

#[test]
fn a_question_asked_just_before_hold_is_answered_after_it() {
    let mut world = World::phone();
    world.caller_says("where is my parcel", ms(1200));
    world.input(Input::Line(Line::Held));
    world.silence(ms(20_000));
    assert_eq!(world.heard(), ["where is my parcel"]);
    assert_eq!(world.speaker.playing, None);
    world.input(Input::Line(Line::Open));
    world.silence(ms(500));
    assert_eq!(world.machine.agent_state(), AgentState::Speaking);
}

#[test]
fn a_muted_caller_still_hears_the_agent() {
    let mut world = World::phone();
    let speech = world.agent_says(true);
    world.silence(ms(500));
    world.input(Input::Line(Line::Muted));
    assert_eq!(world.speaker.playing, Some(speech));
    world.input(Input::Line(Line::Held));
    world.input(Input::Line(Line::Held));
    world.input(Input::Line(Line::Muted));
    assert_eq!(world.speaker.playing, Some(speech));
}
