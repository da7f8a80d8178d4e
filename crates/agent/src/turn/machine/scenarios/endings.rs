//! Where a caller's turn ends.

use super::*;

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

/// "Four two seven, one one eight", and all six digits are there.
#[test]
fn what_nothing_can_be_added_to_is_answered_however_unfinished_it_sounds() {
    let mut world = World::phone();
    world.parts = Parts {
        finished: 0.1,
        verdict: Verdict::Whole,
        ..Parts::default()
    };
    world.caller_says("four two seven one one eight", ms(1200));
    world.silence(ms(3000));
    assert_eq!(delay_of(&world), TurnConfig::phone().endpointing.min_delay);
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
