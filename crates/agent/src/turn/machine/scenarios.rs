//! Conversations as stories; each claims what a caller would notice.

use std::time::Duration;

use super::world::{Parts, World, ms};
use crate::turn::config::TurnConfig;
use crate::turn::event::{Action, AgentState, DigitPlan, Input, Line, Verdict};

fn delay_of(world: &World) -> Duration {
    let commit = world.commits().remove(0);
    commit.committed - commit.last_speech
}

fn paused(action: &Action) -> bool {
    matches!(action, Action::Pause { .. })
}

fn resumed(action: &Action) -> bool {
    matches!(action, Action::Resume { .. })
}

fn interrupted(action: &Action) -> bool {
    matches!(action, Action::Interrupt { .. })
}

fn prepared(action: &Action) -> bool {
    matches!(action, Action::Prepare { .. })
}

fn abandoned(action: &Action) -> bool {
    matches!(action, Action::Abandon { .. })
}

#[test]
fn a_finished_question_is_answered_after_the_short_delay() {
    let mut world = World::phone();
    world.caller_says("where is my parcel", ms(1200));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["where is my parcel"]);
    assert_eq!(delay_of(&world), TurnConfig::phone().endpointing.min_delay);
    assert_eq!(world.machine.agent_state(), AgentState::Speaking);
}

#[test]
fn an_unfinished_sentence_gets_the_long_delay() {
    let mut world = World::phone();
    world.parts.finished = 0.1;
    world.caller_says("my number is", ms(900));
    world.silence(ms(3000));
    assert_eq!(delay_of(&world), TurnConfig::phone().endpointing.max_delay);
}

#[test]
fn a_pause_inside_a_sentence_does_not_split_it() {
    let mut world = World::phone();
    world.parts.finished = 0.1;
    world.caller_says("my number is", ms(900));
    world.silence(ms(800));
    world.parts.finished = 0.9;
    world.caller_says("four two seven", ms(900));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["my number is four two seven"]);
}

#[test]
fn the_delay_runs_from_the_last_speech_not_from_the_transcript() {
    let mut world = World::phone();
    world.parts.stt = ms(180);
    world.caller_says("hello", ms(600));
    world.silence(ms(1000));
    assert_eq!(delay_of(&world), TurnConfig::phone().endpointing.min_delay);
}

#[test]
fn a_slow_transcript_is_waited_for() {
    let mut world = World::phone();
    world.parts.stt = ms(700);
    world.caller_says("hello", ms(600));
    world.silence(ms(1500));
    let delay = delay_of(&world);
    assert!(delay >= ms(800) && delay < ms(850), "{delay:?}");
}

#[test]
fn a_brain_that_lacks_digits_makes_the_machine_patient() {
    let mut world = World::phone();
    world.parts.verdict = Verdict::Incomplete;
    world.caller_says("four two", ms(600));
    world.silence(ms(3000));
    assert_eq!(delay_of(&world), TurnConfig::phone().endpointing.max_delay);
}

#[test]
fn a_brain_that_understood_overrules_a_doubtful_ear() {
    let mut world = World::phone();
    world.parts = Parts {
        finished: 0.1,
        verdict: Verdict::Complete,
        ..Parts::default()
    };
    world.caller_says("where is my parcel", ms(1200));
    world.silence(ms(3000));
    assert_eq!(
        delay_of(&world),
        TurnConfig::phone().endpointing.understood_delay
    );
}

#[test]
fn without_an_answer_the_end_of_turn_model_is_given_up() {
    let mut world = World::phone();
    world.parts.end = ms(60_000);
    world.caller_says("hello", ms(600));
    world.silence(ms(2000));
    let delay = delay_of(&world);
    assert!(delay >= ms(1150) && delay < ms(1200), "{delay:?}");
}

#[test]
fn the_answer_is_prepared_during_the_wait_and_kept() {
    let mut world = World::phone();
    world.caller_says("hello there", ms(600));
    world.silence(ms(1000));
    assert_eq!(world.count(prepared), 1);
    assert_eq!(world.count(abandoned), 0);
    assert!(world.commits()[0].prepared);
}

#[test]
fn an_answer_prepared_for_half_a_sentence_is_dropped() {
    let mut world = World::phone();
    world.parts.finished = 0.1;
    world.caller_says("hello", ms(600));
    world.silence(ms(500));
    world.caller_says("is anybody there", ms(900));
    world.silence(ms(3000));
    assert_eq!(world.count(prepared), 2);
    assert_eq!(world.count(abandoned), 1);
    assert_eq!(world.heard(), ["hello is anybody there"]);
}

#[test]
fn noise_without_words_is_no_turn() {
    let mut world = World::phone();
    world.caller_says("", ms(400));
    world.silence(ms(3000));
    assert!(world.commits().is_empty());
    assert_eq!(world.machine.agent_state(), AgentState::Listening);
}

#[test]
fn talking_over_the_agent_pauses_it_within_a_window_of_the_limit() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(800));
    let began = world.elapsed();
    world.caller_says("wait", ms(500));
    let limit = TurnConfig::phone().interruption.min_duration;
    let pause = world.when(paused).unwrap() - began;
    assert!(pause >= limit && pause <= limit + ms(64), "{pause:?}");
    world.silence(ms(1500));
    assert_eq!(world.count(interrupted), 1);
    assert_eq!(world.heard(), ["wait"]);
}

#[test]
fn a_cough_only_pauses_the_agent() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(800));
    world.caller_says("", ms(300));
    let quiet = world.elapsed();
    world.silence(ms(4000));
    assert_eq!((world.count(paused), world.count(interrupted)), (1, 0));
    let waited = world.when(resumed).unwrap() - quiet;
    assert!(waited >= ms(1950) && waited <= ms(2050), "{waited:?}");
}

#[test]
fn a_click_does_not_even_pause_it() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(800));
    world.caller_says("", ms(64));
    world.silence(ms(3000));
    assert_eq!(world.count(paused), 0);
}

#[test]
fn listening_noises_give_the_floor_back_at_once() {
    let mut world = World::phone();
    world.parts.reply_length = ms(6000);
    world.agent_says(true);
    world.silence(ms(2500));
    world.caller_says("mm hmm", ms(400));
    let quiet = world.elapsed();
    world.silence(ms(1000));
    assert!(world.commits().is_empty());
    assert!(world.when(resumed).unwrap() - quiet < ms(500));
}

#[test]
fn the_same_word_at_the_end_of_a_question_is_an_answer() {
    let mut world = World::phone();
    world.parts.reply_length = ms(6000);
    let reply = world.agent_says(true);
    world.silence(ms(2500));
    world.input(Input::Playout {
        reply,
        stage: crate::turn::Stage::Ending,
    });
    world.caller_says("okay", ms(400));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["okay"]);
}

#[test]
fn an_uninterruptible_speech_plays_to_its_end() {
    let mut world = World::phone();
    world.agent_says(false);
    world.silence(ms(500));
    world.caller_says("but", ms(500));
    world.silence(ms(3000));
    assert_eq!(world.count(paused) + world.count(interrupted), 0);
    assert!(world.commits().is_empty());
}

#[test]
fn what_outlasts_an_uninterruptible_speech_is_heard() {
    let mut world = World::phone();
    world.agent_says(false);
    world.silence(ms(1500));
    world.caller_says("can you hear me", ms(2000));
    world.silence(ms(800));
    assert_eq!(world.heard(), ["can you hear me"]);
}

#[test]
fn a_caller_who_goes_on_before_the_answer_sounds_reopens_the_turn() {
    let mut world = World::phone();
    world.parts.first_sound = ms(900);
    world.caller_says("where is", ms(600));
    world.silence(ms(400));
    assert_eq!(world.heard(), ["where is"]);
    world.caller_says("my parcel", ms(700));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["where is", "where is my parcel"]);
    assert_eq!(
        world.count(|action| matches!(action, Action::Reopen { .. })),
        1
    );
    assert_eq!(
        world.count(interrupted),
        0,
        "nothing of the first answer was heard"
    );
}

#[test]
fn an_answer_that_cannot_be_undone_is_held_instead() {
    let mut world = World::phone();
    world.parts.first_sound = ms(900);
    world.caller_says("send it tomorrow", ms(600));
    world.silence(ms(400));
    let reply = world.commits()[0].reply;
    world.input(Input::Pinned { reply });
    world.caller_says("please", ms(700));
    world.silence(ms(800));
    assert_eq!(
        world.count(|action| matches!(action, Action::Reopen { .. })),
        0
    );
    assert_eq!(world.heard(), ["send it tomorrow", "please"]);
}

#[test]
fn the_first_silence_asks_for_a_transcript_at_once() {
    let mut world = World::phone();
    world.caller_says("hello", ms(600));
    let quiet = world.elapsed();
    world.silence(ms(400));
    let asked = world
        .when(|action| matches!(action, Action::Transcribe { .. }))
        .unwrap()
        - quiet;
    assert!(asked <= ms(140), "{asked:?}");
}

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
fn a_caller_who_never_stops_is_answered_at_the_limit() {
    let mut config = TurnConfig::phone();
    config.limits.max_duration = Some(ms(5000));
    let mut world = World::new(config);
    world.caller_says("and then and then", ms(7000));
    assert_eq!(world.heard(), ["and then and then"]);
    assert_eq!(world.count(paused), 0, "that answer is not talked down");
}

#[test]
fn a_long_turn_is_transcribed_in_parts() {
    let mut world = World::phone();
    world.caller_says("long story", ms(25_000));
    world.silence(ms(1000));
    let mut next = 0;
    for (_, action) in &world.log {
        if let Action::Transcribe { audio, .. } = action {
            assert!(audio.end - audio.start <= 16_000 * 21);
            assert!(audio.start <= next.max(1), "no sound is left out");
            next = audio.end;
        }
    }
    assert_eq!(world.commits().len(), 1);
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

#[test]
fn an_early_talker_does_not_stop_the_first_words_of_a_loudspeaker_agent() {
    let mut world = World::new(TurnConfig::standard());
    world.agent_says(true);
    world.silence(ms(300));
    world.caller_says("", ms(900));
    assert_eq!(world.count(paused), 0, "echo warm-up");
}

#[test]
fn one_short_word_does_not_interrupt_when_two_are_asked_for() {
    let mut config = TurnConfig::phone();
    config.interruption.min_words = 2;
    let mut world = World::new(config);
    world.parts.reply_length = ms(5000);
    world.agent_says(true);
    world.silence(ms(500));
    world.caller_says("what", ms(400));
    world.silence(ms(1500));
    assert!(world.commits().is_empty());
    world.words.clear();
    world.caller_says("stop it please", ms(800));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["stop it please"]);
}

fn away(action: &Action) -> bool {
    matches!(action, Action::Away { .. })
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
