//! A conversation that does not advance comes to an end, and says why.

use super::Call;
use crate::brain::{Act, Farewell, Question};
use crate::turn::Verdict;

/// Says these over and over; how many turns it took until the agent hung up, and why.
fn until_the_end(call: &mut Call, texts: &[&str]) -> Option<(usize, Farewell)> {
    (1..=30).zip(texts.iter().cycle()).find_map(|(turn, text)| {
        match call.hears(text).1.as_slice() {
            [Act::HangUp(farewell)] => Some((turn, *farewell)),
            _ => None,
        }
    })
}

#[test]
fn a_machine_is_hung_up_on() {
    let mut wrong = Vec::new();
    for texts in [
        &["Hi, this is Bob. Please leave a message after the tone."][..],
        &[
            "Your call is important to us. Please hold.",
            "Thank you for holding.",
        ],
        &["All our agents are busy.", "Please stay on the line."],
        &["Thank you for calling. For sales, press one. For support, press two."],
        &["Our shop is closed for the summer and opens again in the first week of September"],
    ] {
        let end = until_the_end(&mut Call::new(), texts);
        if !matches!(end, Some((1..=5, Farewell::Machine))) {
            wrong.push((texts, end));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_leads_nowhere_ends_with_a_reason() {
    let mut wrong = Vec::new();
    for texts in [
        &["the weather is lovely"][..],
        &["lalala", "my bicycle is blue"],
        &["hello", "hello there"],
        &["thank you"],
        &["uh huh"],
        &["can you change it", "deliver"],
        &["what", "parcel person", "hm"],
        &["hold on please"],
        &["Don't hang up."],
        &["What are your opening hours?"],
        &["who are you"],
        &["yes"],
        &["can you hang up", "no"],
    ] {
        let end = until_the_end(&mut Call::new(), texts);
        if !matches!(end, Some((2..=14, Farewell::NoProgress))) {
            wrong.push((texts, end));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Half a sentence may be what is heard so far.
#[test]
fn a_call_is_given_up_only_once_the_caller_sounds_finished() {
    let greeting = "Hi, this is Bob. Please leave a message after the tone.";
    for text in [greeting, "What are your opening hours?", "hold on please"] {
        let mut call = Call::new();
        let end = (0..30)
            .map(|_| call.hears(text))
            .find(|heard| !heard.1.is_empty());
        let verdict = end.map(|(_, _, verdict)| verdict);
        let guess = matches!(verdict, Some(Verdict::Unknown | Verdict::Incomplete));
        assert!(guess, "{text} {verdict:?}");
    }
}

#[test]
fn a_hand_over_does_not_begin_the_ladder_anew() {
    let mut call = Call::new();
    assert!(
        call.says("I want to speak to a person")
            .contains("putting you through")
    );
    let end = until_the_end(&mut call, &["speak to a person"]);
    assert!(
        matches!(end, Some((1..=13, Farewell::NoProgress))),
        "{end:?}"
    );
    let mut call = Call::new();
    call.says("track my parcel");
    let end = until_the_end(&mut call, &["it is on the paper somewhere"]);
    assert!(
        matches!(end, Some((5..=7, Farewell::NoProgress))),
        "{end:?}"
    );
}

#[test]
fn noise_that_is_no_speech_does_not_keep_a_call_alive() {
    let mut call = Call::new();
    let ended = (0..20).any(|_| !call.ask(Question::Silence(1)).1.is_empty());
    assert!(ended);
}

#[test]
fn a_caller_who_gets_on_is_never_given_up() {
    let mut call = Call::new();
    for round in 0..20 {
        let number = 427_100 + round;
        for text in ["where is my parcel", "hm", &number.to_string(), "yes"] {
            let (said, acts, _) = call.hears(text);
            assert_eq!(acts, vec![], "{round} {text}: {said}");
            call.state.values.clear();
        }
    }
}
