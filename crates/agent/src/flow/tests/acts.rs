//! What cannot be undone: done when it was surely asked for, else asked back or left.

use super::{Call, SAMPLE};
use crate::brain::{Act, Farewell, Question, Undone};
use crate::turn::Verdict;

/// What an utterance led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Led {
    /// The call ends.
    End,
    /// The caller is asked whether to end it.
    AskEnd,
    /// A person is called.
    Person,
    /// The caller is asked whether to call one.
    AskPerson,
    Neither,
}

fn led(call: &mut Call, text: &str) -> (Led, String) {
    let (said, acts, _) = call.hears(text);
    let led = match acts.as_slice() {
        [Act::HangUp(Farewell::Done)] => Led::End,
        [Act::Transfer { .. }] => Led::Person,
        [] if said.contains("end the call?") => Led::AskEnd,
        [] if said.contains("speak to one of our people?") => Led::AskPerson,
        [] => Led::Neither,
        other => panic!("{text}: {other:?}"),
    };
    (led, said)
}

fn check(begin: impl Fn() -> Call, table: &[(Led, &[&str])]) {
    let mut wrong = Vec::new();
    for (expected, texts) in table {
        for text in *texts {
            let (found, said) = led(&mut begin(), text);
            if found != *expected {
                wrong.push(format!(
                    "{text:?} led to {found:?}, not {expected:?}: {said:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// "Is there anything else I can do for you?"
fn asked_for_more() -> Call {
    let mut call = Call::new();
    call.says("What are your opening hours?");
    call
}

/// "What is your tracking number?"
fn asked_for_digits() -> Call {
    let mut call = Call::new();
    call.says("where is my parcel");
    call
}

/// "That would be Tuesday, March 24. Is that right?"
fn asked_to_confirm() -> Call {
    let mut call = Call::new();
    call.says("change my delivery date");
    call.says("427193");
    call.says("next Tuesday");
    call
}

#[test]
fn goodbyes_end_the_call_in_whatever_words() {
    let goodbyes: &[&str] = &[
        "Goodbye.",
        "Bye.",
        "Okay, bye-bye.",
        "Thanks, bye!",
        "Thank you, goodbye.",
        "That's all, thanks, bye.",
        "Nope, I'm good, have a nice day.",
        "No, that's all, thank you.",
        "No thanks, that's everything.",
        "No, that's it. Have a great weekend!",
        "nothing else, thank you very much",
        "I'm all set, thank you so much.",
        "Great, see you later.",
        "Alright, take care, bye now.",
        "You too, goodbye.",
        "I don't need anything else, thanks.",
        "I have no more questions, goodbye.",
        "that will be all good night",
        "okay I will call back when I have the number bye",
        "I've found it, thanks, bye.",
        "Please hang up.",
        "I have to go now, bye.",
        "cheers, talk to you later",
    ];
    check(asked_for_more, &[(Led::End, goodbyes)]);
    check(Call::new, &[(Led::End, goodbyes)]);
    check(
        asked_for_more,
        &[(
            Led::End,
            &[
                "No.",
                "Nope.",
                "no thank you",
                "No, thanks.",
                "no, I'm fine",
                "not right now",
                "I don't think so, thank you",
                "Nothing.",
                "no no that's fine thank you",
            ],
        )],
    );
}

#[test]
fn what_is_no_goodbye_does_not_end_the_call() {
    let others: &[&str] = &[
        "Please don't hang up.",
        "Don't hang up on me!",
        "No, don't hang up, I have a question.",
        "please do not end the call",
        "I never said goodbye.",
        "Not goodbye.",
        "I did not say goodbye.",
        "I'm not saying goodbye.",
        "Wait, don't go, I'm not done.",
        "You hung up on me yesterday.",
        "Your colleague said goodbye and hung up.",
        "Is that all you can do?",
        "Is that all?",
        "No, that's wrong.",
        "No, that's not right.",
        "no that is not all",
        "That's not all.",
        "Thank you for holding.",
        "Thank you.",
        "Before you say goodbye, where is my parcel?",
        "Goodbye? I never said goodbye.",
        "Don't say goodbye yet, where is my parcel?",
        "that's all wrong",
        "That's all I can remember.",
        "No, it was a blue box.",
        "no wait",
        "Hello?",
        "It is a goodbye present for my sister.",
        "If you hang up I will call again.",
    ];
    check(Call::new, &[(Led::Neither, others)]);
    check(asked_for_more, &[(Led::Neither, others)]);
    check(
        Call::new,
        &[(
            Led::AskEnd,
            &[
                "Can you hang up?",
                "What happens if I hang up?",
                "Goodbye?",
                "Shall I hang up now?",
                "bye, wait, one moment",
            ],
        )],
    );
}

#[test]
fn an_end_that_was_asked_back_comes_with_a_yes_or_a_second_goodbye() {
    for (answer, expected) in [
        ("Yes.", Led::End),
        ("yes please, goodbye", Led::End),
        ("Goodbye.", Led::End),
        ("No.", Led::Neither),
        ("No, don't.", Led::Neither),
        ("no, where is my parcel", Led::Neither),
        ("where is my parcel", Led::Neither),
        ("I'm not sure", Led::Neither),
        ("the weather is lovely", Led::Neither),
    ] {
        let mut call = Call::new();
        assert_eq!(led(&mut call, "Can you hang up?").0, Led::AskEnd);
        let (found, said) = led(&mut call, answer);
        assert_eq!(found, expected, "{answer:?} was answered with {said:?}");
    }
}

#[test]
fn where_digits_are_awaited_digits_are_heard() {
    let mut call = asked_for_digits();
    let answer = call.says("Bye-bye, bye-bye, bye-bye.");
    assert!(answer.contains("9 9 9, 9 9 9"), "{answer}");
    check(
        asked_for_digits,
        &[
            (
                Led::End,
                &[
                    "Goodbye.",
                    "okay, goodbye then",
                    "Thanks, I have to go, bye.",
                ],
            ),
            (Led::AskEnd, &["Bye-bye.", "Bye.", "That's all."]),
            (
                Led::Neither,
                &[
                    "to to",
                    "oh oh",
                    "nigh nigh nine",
                    "for for",
                    "no",
                    "four two seven",
                    "I don't have it.",
                    "Please don't hang up, I am looking for it.",
                    "Hold on.",
                    "four two seven one one eight, bye",
                ],
            ),
        ],
    );
}

#[test]
fn a_person_is_called_when_one_is_wanted() {
    check(
        Call::new,
        &[
            (
                Led::Person,
                &[
                    "I want to speak to a human being.",
                    "Can I speak to a person, please?",
                    "could you put me through to an operator",
                    "I need to talk to a real person",
                    "speak to someone",
                    "customer service please",
                    "Let me talk to a human.",
                    "why don't you put me through to a person",
                ],
            ),
            (
                Led::AskPerson,
                &[
                    "What happens if I speak to a person?",
                    "Do I have to speak to a person?",
                    "if I talk to a human will it be faster",
                    "no human please",
                ],
            ),
            (
                Led::Neither,
                &[
                    "No, don't transfer me.",
                    "Don't put me through to a person.",
                    "I don't want to talk to a person.",
                    "I did not ask for an operator.",
                    "Please don't put me through to an operator, where is my parcel?",
                    "I was put through to a person yesterday",
                    "Your colleague said I should talk to a person",
                    "I never asked to speak to a person",
                    "stop putting me through to operators",
                    "not a person please",
                ],
            ),
        ],
    );
}

#[test]
fn a_refused_request_is_left_and_the_open_question_asked_again() {
    let mut call = Call::new();
    let answer = call.says("Please don't hang up.");
    assert_eq!(answer, "All right, I won't do that. What can I do for you?");
    let mut call = asked_for_digits();
    let answer = call.says("Don't put me through to a person.");
    assert!(
        answer.ends_with("What is your tracking number? It has six digits."),
        "{answer}"
    );
    let mut call = asked_to_confirm();
    let answer = call.says("No, don't change it. Never mind.");
    assert!(!answer.contains("Done"), "{answer}");
    let mut call = asked_for_digits();
    assert!(call.says("Never mind.").contains("What can I do for you?"));
}

#[test]
fn a_day_is_booked_on_a_sure_yes_only() {
    let booked = |text: &&&str| asked_to_confirm().says(text).contains("Done.");
    let sure: &[&str] = &[
        "Yes.",
        "yes please, that's right",
        "Uh huh.",
        "correct",
        "okay",
        "Tuesday, yes",
        "sounds good",
        "that works for me",
        "next Tuesday",
    ];
    let not: Vec<&&str> = sure.iter().filter(|text| !booked(text)).collect();
    assert!(not.is_empty(), "not booked: {not:?}");
    let unsure: &[&str] = &[
        "No.",
        "I'm not sure",
        "Yes, but not in the morning",
        "maybe",
        "is that right?",
        "of course not",
        "not Tuesday",
        "I don't know",
        "No, that's right.",
        "what did you say",
        "yes if it is free",
        "Yes, I mean Friday",
        "right, what was my number again",
        "please don't",
        "Tuesday or Wednesday",
        "wait",
        "the weather is lovely",
        "the thirty first of February",
        "Where is my parcel?",
    ];
    let booked: Vec<&&str> = unsure.iter().filter(booked).collect();
    assert!(booked.is_empty(), "booked: {booked:?}");
    let mut call = asked_to_confirm();
    assert!(
        call.says("Yes, I mean Friday.")
            .contains("Friday, March 20. Is that right?")
    );
    // Silence is no yes, and neither is the yes to "are you still there?".
    let mut call = asked_to_confirm();
    call.ask(Question::Silence(1));
    let again = call.says("Yes.");
    assert_eq!(again, "That would be Tuesday, March 24. Is that right?");
    assert!(call.says("Yes.").contains("Done."));
}

/// A flow whose cancellation asks nothing of its own before it is done.
fn shop() -> Call {
    Call::of(
        r#"
brain: flow
flow:
  greeting: Hello.
  intents:
    cancel:
      label: cancel the order
      examples: [cancel my order, cancel the order, cancel it, I want to cancel]
      call: cancellation
      say: It is cancelled.
    price:
      examples: [how much is it, what does it cost]
      say: Ten euros.
  tools:
    cancellation:
      changes: true
      failed: That did not work.
      table: {by: nobody, otherwise: {done: "yes"}}
  slots:
    nobody: {kind: name, ask: [Who?]}
  fallback: {say: [Pardon?, Once more?]}
  silence: {say: [Hello?]}
  apology: Sorry.
"#,
    )
}

#[test]
fn a_tool_that_changes_something_waits_to_be_sure() {
    for text in [
        "Cancel my order.",
        "I want to cancel my order please",
        "cancel it",
    ] {
        let answer = shop().says(text);
        assert_eq!(answer, "It is cancelled.", "{text}");
    }
    for text in [
        "Can you cancel?",
        "What happens if I cancel the order?",
        "could you cancel it",
        "when I cancel the order do I get my money",
    ] {
        let mut call = shop();
        assert_eq!(
            call.says(text),
            "Would you like to cancel the order?",
            "{text}"
        );
        assert_eq!(call.says("yes"), "It is cancelled.", "{text}");
    }
    for text in [
        "Don't cancel it.",
        "I don't want to cancel my order.",
        "please do not cancel the order",
        "I never asked you to cancel it",
        "you cancelled my order",
        "my order was cancelled",
        "not cancel",
        "my husband said cancel the order",
    ] {
        let answer = shop().says(text);
        assert!(
            !answer.contains("It is cancelled") && !answer.contains("Would you"),
            "{text}: {answer}"
        );
    }
    let mut call = shop();
    call.says("Can you cancel?");
    assert!(call.says("No.").starts_with("All right"));
    assert_eq!(call.says("how much is it"), "Ten euros.");
}

/// The caller thanks before the announcement is over; it was lost with its end.
#[test]
fn a_person_who_was_promised_is_called_though_the_promise_was_cut_short() {
    let promised = "Of course. I am putting";
    for text in [
        "Thank you very much.",
        "What are your opening hours?",
        "Okay.",
        "No problem.",
    ] {
        let mut call = Call::new();
        call.hears("Can I speak to a person please?");
        let (said, acts, _) = call.cut_at(promised).hears(text);
        let called = acts
            .iter()
            .filter(|act| matches!(act, Act::Transfer { .. }));
        assert_eq!(called.count(), 1, "{text} {said}");
    }
    for text in [
        "No, I don't want a person.",
        "Stop, not that.",
        "Wait, wait.",
    ] {
        let mut call = Call::new();
        call.hears("Can I speak to a person please?");
        let (said, acts, _) = call.cut_at(promised).hears(text);
        assert!(acts.is_empty(), "{text} {said}");
    }
    let mut call = Call::new();
    call.hears("Can I speak to a person please?");
    let (_, acts, _) = call.cut_at("").hears("What are your opening hours?");
    assert!(acts.is_empty(), "nobody heard of it");
}

/// Callers were told that a colleague would call back, and nobody was told.
#[test]
fn nobody_is_promised_who_is_not_there() {
    let call = || Call::with(SAMPLE, "");
    for text in [
        "Can I speak to a person please?",
        "What happens if I speak to a person?",
    ] {
        let (said, acts, _) = call().hears(text);
        assert!(
            said.contains("cannot put you through to a colleague"),
            "{said}"
        );
        assert!(said.contains("anything else"), "{said}");
        assert_eq!(acts, [], "{text}");
    }
    let said = call().says("Don't put me through to a person.");
    assert!(said.starts_with("All right"), "{said}");
    let mut lost = call();
    for text in [
        "the weather is lovely",
        "my bicycle is blue",
        "lalala",
        "tomatoes",
    ] {
        let said = lost.says(text);
        assert!(
            !said.contains("people") && !said.contains("colleague"),
            "{said}"
        );
    }
    let mut number = call();
    number.says("where is my parcel");
    for text in [
        "it is on the paper",
        "hold on a moment",
        "well I never",
        "let me see",
    ] {
        let said = number.says(text);
        assert!(
            !said.contains("people") && !said.contains("colleague"),
            "{said}"
        );
    }
}

#[test]
fn a_caller_who_could_not_be_put_through_is_told_and_asked_for_more() {
    let mut call = Call::new();
    let (said, acts, _) = call.hears("Can I speak to a person please?");
    assert!(!said.contains("anything else"), "{said}");
    let undone = Undone {
        act: acts[0].clone(),
        why: "the line is busy".to_owned(),
    };
    let (said, acts, _) = call.ask(Question::Undone(undone));
    assert!(said.contains("none of my colleagues"), "{said}");
    assert!(said.contains("anything else"), "{said}");
    assert_eq!(acts, []);
    assert!(call.says("No thank you.").contains("Goodbye"));
}

#[test]
fn what_nothing_can_be_added_to_is_a_whole_turn() {
    let mut call = asked_for_digits();
    assert_eq!(call.hears("Four two seven.").2, Verdict::Incomplete);
    assert_eq!(call.hears("One one eight.").2, Verdict::Whole);
    let mut call = asked_for_digits();
    assert_eq!(
        call.hears("Four two seven, one one eight.").2,
        Verdict::Whole
    );
    assert_eq!(
        asked_for_more().hears("No thank you, goodbye.").2,
        Verdict::Goodbye
    );
    assert_eq!(
        Call::new().hears("Where is my parcel?").2,
        Verdict::Complete
    );
}
