//! Sounds over the agent's voice that are no wish to speak, and words that are.

use super::*;
use crate::turn::Stage;

/// The caller asks something this loudly; the agent answers for six seconds.
fn answered() -> World {
    let mut world = World::phone();
    world.parts.reply_length = ms(6000);
    world.caller_says("where is my parcel", ms(900));
    world.silence(ms(2500));
    assert!(world.speaker.playing.is_some());
    world
}

fn voice(level: f32) -> Sound {
    Sound {
        voice: 0.95,
        level,
        own: false,
    }
}

#[test]
fn the_agents_own_voice_neither_stops_it_nor_is_a_turn() {
    let mut world = World::phone();
    world.parts.reply_length = ms(3000);
    world.agent_says(true);
    world.silence(ms(300));
    "how can i help you".clone_into(&mut world.words);
    let echo = Sound {
        own: true,
        ..voice(-40.0)
    };
    world.line(echo, ms(3500));
    world.silence(ms(2000));
    assert_eq!(world.count(paused), 0);
    assert!(world.heard().is_empty());
}

/// An echo is known for one only after its first sound; by then the agent may have stopped.
#[test]
fn an_echo_that_was_known_too_late_gives_the_floor_back() {
    let mut world = World::phone();
    world.parts.reply_length = ms(3000);
    world.agent_says(true);
    world.silence(ms(300));
    let playing = world.speaker.playing;
    "swift parcel good".clone_into(&mut world.words);
    world.parts.own = 0.9;
    world.line(voice(-40.0), ms(300));
    let quiet = world.elapsed();
    world.silence(ms(600));
    assert_eq!(world.speaker.playing, playing);
    assert!(world.when(resumed).unwrap() - quiet < ms(300));
    world.silence(ms(3000));
    assert!(world.heard().is_empty());
}

#[test]
fn an_echo_of_the_last_word_is_no_turn() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(2300));
    assert_eq!(world.speaker.playing, None);
    "good day".clone_into(&mut world.words);
    world.parts.own = 0.9;
    world.line(voice(-40.0), ms(300));
    world.silence(ms(2000));
    assert!(world.heard().is_empty());
}

#[test]
fn listeners_do_not_take_the_floor_until_they_are_asked() {
    for noise in [
        "uh-huh",
        "mm",
        "Yeah.",
        "Yes, okay.",
        "oh I see",
        "all right, yeah",
    ] {
        let mut world = answered();
        world.caller_says(noise, ms(400));
        let quiet = world.elapsed();
        world.silence(ms(1000));
        assert_eq!(world.heard(), ["where is my parcel"], "{noise}");
        assert!(world.when(resumed).unwrap() - quiet < ms(300), "{noise}");
        assert_eq!(world.count(interrupted), 0);
    }
    for words in ["no", "yeah but when", "okay stop", "right now"] {
        let mut world = answered();
        world.caller_says(words, ms(500));
        world.silence(ms(1000));
        assert_eq!(world.heard().last().map(String::as_str), Some(words));
    }
}

/// "Shall I book it?" was heard; what follows it does not take the answer away.
#[test]
fn yeah_answers_a_question_that_was_heard() {
    let mut world = World::phone();
    world.parts.reply_length = ms(6000);
    let reply = world.agent_says(true);
    world.silence(ms(2000));
    world.input(Input::Playout {
        reply,
        stage: Stage::Ending,
    });
    world.silence(ms(500));
    world.caller_says("yeah", ms(400));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["yeah"]);
}

/// A question of the answer before this one was answered already.
#[test]
fn yeah_does_not_answer_the_question_before_the_last() {
    let mut world = World::phone();
    world.agent_says(true);
    world.silence(ms(2300));
    world.parts.reply_length = ms(5000);
    world.caller_says("where is my parcel", ms(900));
    world.silence(ms(2500));
    world.caller_says("yeah", ms(400));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["where is my parcel"]);
}

#[test]
fn what_is_softer_than_the_caller_does_not_even_pause_the_agent() {
    for below in [16.0, 20.0, 30.0] {
        let mut world = answered();
        "and then she said".clone_into(&mut world.words);
        world.line(voice(-25.0 - below), ms(2000));
        world.silence(ms(1500));
        assert_eq!(world.count(paused), 0, "{below} dB below");
        assert_eq!(world.heard(), ["where is my parcel"]);
    }
}

#[test]
fn a_caller_who_speaks_softly_stops_the_agent() {
    for level in [-25.0, -35.0, -45.0] {
        let mut world = World::phone();
        world.parts.reply_length = ms(6000);
        for (words, turns) in [("where is my parcel", 1), ("no wait", 2)] {
            world.caller_says("", ms(0));
            words.clone_into(&mut world.words);
            world.line(voice(level), ms(900));
            world.silence(ms(2500));
            assert_eq!(world.heard().len(), turns, "{level}");
        }
        assert_eq!(world.count(interrupted), 1);
    }
}

/// A laugh was heard as "Thank you.", a hum as "That word."
#[test]
fn words_the_recogniser_made_up_are_no_turn() {
    let mut world = answered();
    world.parts.sure = 0.3;
    world.caller_says("thank you", ms(600));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["where is my parcel"]);
    assert_eq!(world.count(interrupted), 0);
    world.words.clear();
    world.parts.sure = 0.9;
    world.caller_says("thank you goodbye", ms(900));
    world.silence(ms(1000));
    assert_eq!(world.heard(), ["where is my parcel", "thank you goodbye"]);
}

/// Music does not end by itself: the agent goes on before it does.
#[test]
fn a_long_sound_without_words_does_not_keep_the_agent_silent() {
    let mut world = answered();
    let playing = world.speaker.playing;
    world.parts.sure = 0.2;
    let began = world.elapsed();
    world.caller_says("you", ms(1500));
    assert_eq!(world.speaker.playing, playing);
    assert!(world.when(resumed).unwrap() - began < ms(750));
    world.sound(0.95, ms(2000));
    assert_eq!(world.count(paused), 1, "it is not stopped again");
    // Somebody speaks up in the middle of it.
    world.parts.sure = 0.9;
    "no please stop that".clone_into(&mut world.words);
    world.sound(0.95, ms(2000));
    assert_eq!(world.count(paused), 2);
    world.silence(ms(1000));
    assert_eq!(world.heard().last().unwrap(), "no please stop that");
}

/// "Stop." was heard as such, 0.6 sure, and the agent went on.
#[test]
fn a_short_word_that_means_something_counts_though_it_is_hardly_heard() {
    for words in ["Stop.", "Hold on.", "no", "Help!", "What?"] {
        let mut world = answered();
        world.parts.sure = 0.55;
        world.caller_says(words, ms(350));
        world.silence(ms(1000));
        assert_eq!(world.heard().last().map(String::as_str), Some(words));
        assert_eq!(world.count(interrupted), 1);
    }
}

/// "Mm", "mm hmm", as the recogniser hears them.
#[test]
fn a_hum_heard_as_words_gives_the_floor_back() {
    for words in ["And then.", "Amen.", "And then each and then.", "Them."] {
        let mut world = answered();
        world.parts.sure = 0.8;
        world.caller_says(words, ms(400));
        let quiet = world.elapsed();
        world.silence(ms(1500));
        assert_eq!(world.heard(), ["where is my parcel"], "{words}");
        assert!(world.when(resumed).unwrap() - quiet < ms(250), "{words}");
    }
}

/// Its first half is heard badly.
#[test]
fn a_sentence_keeps_the_agent_quiet_though_its_beginning_is_hardly_understood() {
    let mut world = answered();
    world.parts.sure = 0.45;
    world.caller_says("wine", ms(750));
    world.parts.sure = 0.9;
    world.words.clear();
    world.caller_says("why do you need that", ms(900));
    world.silence(ms(1000));
    assert_eq!((world.count(paused), world.count(resumed)), (1, 0));
    assert_eq!(world.heard().last().unwrap(), "why do you need that");
}

/// Turned away from the telephone, the caller is as soft as a television.
#[test]
fn a_call_is_heard_however_soft_it_is() {
    for words in ["wait", "stop", "hold on a second", "excuse me"] {
        let mut world = answered();
        words.clone_into(&mut world.words);
        world.line(voice(-45.0), ms(500));
        world.silence(ms(1200));
        assert_eq!(world.heard().last().map(String::as_str), Some(words));
        assert_eq!(world.count(interrupted), 1);
    }
    // What begins with a call stops the agent before it is over.
    let mut world = answered();
    "wait I need".clone_into(&mut world.words);
    let began = world.elapsed();
    world.line(voice(-45.0), ms(2000));
    assert!(world.when(paused).unwrap() - began < ms(900));
    for words in ["no", "what", "thank you"] {
        let mut world = answered();
        words.clone_into(&mut world.words);
        world.line(voice(-45.0), ms(500));
        world.silence(ms(1200));
        assert_eq!(world.heard(), ["where is my parcel"], "{words}");
    }
}

/// "Where is my parcel" is meant for the agent, and "did you put the milk back" is not.
#[test]
fn soft_words_are_the_callers_if_the_brain_knows_what_they_ask() {
    let said = "I want to change my delivery date";
    for (verdict, turns) in [
        (Verdict::Complete, 2),
        (Verdict::Goodbye, 1),
        (Verdict::Unknown, 1),
        (Verdict::Incomplete, 1),
    ] {
        let mut world = answered();
        world.parts.verdict = verdict;
        said.clone_into(&mut world.words);
        world.line(voice(-45.0), ms(1800));
        world.silence(ms(1500));
        assert_eq!(world.heard().len(), turns, "{verdict:?}");
        assert_eq!(world.count(interrupted), turns - 1, "{verdict:?}");
        assert_eq!(world.count(paused), 0);
    }
}
