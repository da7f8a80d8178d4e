//! Callers who talk while the agent does, or just before.

use super::*;

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
    assert!(waited <= ms(350), "nothing was said: {waited:?}");
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

/// "Hello", a short pause, and the agent had begun: "I'm …".
#[test]
fn a_caller_who_goes_on_as_the_answer_begins_reopens_the_turn() {
    let mut world = World::phone();
    world.caller_says("hello", ms(500));
    world.silence(ms(500));
    assert!(world.speaker.playing.is_some(), "it has begun to answer");
    world.caller_says("where is my parcel", ms(900));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["hello", "hello where is my parcel"]);
    let reopened = world.when(|action| matches!(action, Action::Reopen { .. }));
    let withdrawn = world.when(interrupted);
    assert!(reopened.unwrap() < withdrawn.unwrap());
}

#[test]
fn a_noise_as_the_answer_begins_leaves_both_as_they_were() {
    let mut world = World::phone();
    world.caller_says("hello", ms(500));
    world.silence(ms(500));
    let playing = world.speaker.playing;
    world.caller_says("", ms(300));
    world.silence(ms(900));
    assert_eq!(world.heard(), ["hello"]);
    assert_eq!(world.speaker.playing, playing);
    assert_eq!((world.count(paused), world.count(interrupted)), (1, 0));
}

#[test]
fn an_answer_that_was_understood_is_interrupted_and_not_withdrawn() {
    let mut world = World::phone();
    world.parts.reply_length = ms(5000);
    world.caller_says("where is my parcel", ms(900));
    world.silence(ms(1500));
    world.caller_says("no stop", ms(700));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["where is my parcel", "no stop"]);
    assert_eq!(world.count(|a| matches!(a, Action::Reopen { .. })), 0);
}

/// The journal told of 100 ms where the telephone had waited for 320.
#[test]
fn an_interruption_is_known_from_its_first_sound() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(800));
    let soft = Sound {
        voice: 0.1,
        level: -28.0,
        own: false,
    };
    let began = world.now;
    world.line(soft, ms(128));
    world.caller_says("wait", ms(500));
    let pause = |action: &Action| match action {
        Action::Pause { since, .. } => *since,
        _ => None,
    };
    let since = world
        .log
        .iter()
        .find_map(|(_, action)| pause(action))
        .unwrap();
    assert!(since <= began + ms(32), "{:?} late", since - began);
    let waited = began + ms(330);
    let at = world.when(paused).unwrap();
    assert!(world.now - world.elapsed() + at <= waited);
}

/// A detector finds a voice two windows after it began; the agent stops then, and not three later.
#[test]
fn a_plain_voice_stops_the_agent_a_tenth_of_a_second_after_its_first_sound() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(800));
    let began = world.elapsed();
    let soft = Sound {
        voice: 0.1,
        level: -28.0,
        own: false,
    };
    world.line(soft, ms(64));
    world.caller_says("wait", ms(400));
    let waited = world.when(paused).unwrap() - began;
    assert!(waited <= ms(100), "{waited:?}");
}
