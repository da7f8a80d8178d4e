//! Conversations with the sample of the repository.

mod acts;
mod days;
mod patience;
mod tools;

use time::macros::datetime;
use trunkline_base::secret::Personal;
use trunkline_service::config::{Environment, Report, Source};

use super::engine::Step;
use super::model::Flow;
use super::state::State;
use super::tools::Ready;
use crate::brain::{Act, Farewell, Question};
use crate::config::{AgentConfig, BrainConfig};
use crate::turn::{Heard, Verdict};

struct Call {
    flow: std::sync::Arc<Flow>,
    state: State,
}

const SAMPLE: &str = include_str!("../../../../../config/agent.yaml");

impl Call {
    fn new() -> Self {
        Self::of(SAMPLE)
    }

    /// Somebody takes calls over.
    fn of(text: &str) -> Self {
        Self::with(text, "tel:+15550100")
    }

    fn with(text: &str, transfer_to: &str) -> Self {
        let source = Source::new("agent.yaml", text);
        let env = Environment::from([("TRUNKLINE_TRANSFER_TO", transfer_to)]);
        let config: Result<AgentConfig, Report> = AgentConfig::parse(&source, &env);
        match config.unwrap_or_else(|report| panic!("{report}")).brain {
            BrainConfig::Flow(flow) => Self {
                flow,
                state: State::default(),
            },
            other => panic!("the sample is a flow: {other:?}"),
        }
    }

    fn ask(&mut self, question: Question) -> (String, Vec<Act>, Verdict) {
        // A Wednesday.
        let now = datetime!(2026-03-18 10:00 UTC);
        let outcome = self.flow.hear(&mut self.state, &question, now);
        let (mut said, mut acts) = (Vec::new(), Vec::new());
        let mut steps = outcome.steps;
        loop {
            let mut called = None;
            for step in steps {
                match step {
                    Step::Say(text) => said.push(text),
                    Step::Act(act) => acts.push(act),
                    Step::Call(tool) => called = Some(tool),
                }
            }
            let Some(tool) = called else { break };
            let Ready::Result(result) = self.flow.prepare(&tool, &self.state, now) else {
                panic!("the sample asks no web service");
            };
            steps = self.flow.called(&mut self.state, &tool, result.ok(), now);
        }
        self.state.answer.hear_all();
        (said.join(" "), acts, outcome.verdict)
    }

    /// The caller spoke when only this much of the latest answer had been played.
    fn cut_at(&mut self, heard: &str) -> &mut Self {
        self.state.answer.hear_only(heard);
        self
    }

    fn says(&mut self, text: &str) -> String {
        self.hears(text).0
    }

    fn hears(&mut self, text: &str) -> (String, Vec<Act>, Verdict) {
        let heard = Heard::Speech(Personal::new(text.to_owned()));
        self.ask(Question::Heard(heard))
    }

    fn keys(&mut self, keys: &str) -> String {
        let heard = Heard::Digits(Personal::new(keys.to_owned()));
        self.ask(Question::Heard(heard)).0
    }
}

#[test]
fn a_parcel_is_found_by_its_dictated_number() {
    let mut call = Call::new();
    assert!(
        call.says("Hello, where is my parcel?")
            .contains("tracking number")
    );
    let answer = call.says("Four two seven one nine three.");
    assert!(answer.contains("4 2 7, 1 9 3 is in the van"), "{answer}");
    assert!(answer.contains("anything else"), "{answer}");
}

#[test]
fn a_number_in_the_first_sentence_is_not_asked_for_again() {
    let mut call = Call::new();
    let answer = call.says("Can you track parcel 111111 please");
    assert!(answer.contains("delivered yesterday"), "{answer}");
}

#[test]
fn half_a_number_is_waited_for() {
    let mut call = Call::new();
    call.says("track my parcel");
    let (said, _, verdict) = call.ask(Question::Heard(Heard::Speech(Personal::new(
        "four two seven".to_owned(),
    ))));
    assert_eq!(
        (said.as_str(), verdict),
        ("Yes, go on.", Verdict::Incomplete)
    );
    assert!(call.says("one nine three").contains("4 2 7, 1 9 3"));
}

#[test]
fn keys_fill_the_number_and_choose_from_the_menu() {
    let mut call = Call::new();
    assert!(call.keys("1").contains("tracking number"));
    assert_eq!(call.flow.digit_plan(&call.state).max, 6);
    assert!(call.keys("222222").contains("waiting for you"));
    assert_eq!(call.flow.digit_plan(&call.state).max, 1);
}

#[test]
fn a_delivery_day_is_changed_after_a_yes() {
    let mut call = Call::new();
    call.says("I'd like to change my delivery date.");
    assert!(call.says("427193").contains("which day"));
    let question = call.says("next Tuesday please");
    assert!(
        question.contains("Tuesday, March 24. Is that right?"),
        "{question}"
    );
    assert!(call.says("No, on Friday.").contains("Friday, March 20"));
    assert!(
        call.says("Yes, that's right.")
            .contains("will come on Friday, March 20")
    );
}

#[test]
fn the_rest_of_a_call_sounds_natural() {
    let mut call = Call::new();
    assert!(
        call.says("What are your opening hours?")
            .contains("eight in the morning")
    );
    assert!(call.says("Yes.").contains("What can I do for you?"));
    assert!(call.says("where's my package").contains("tracking number"));
    // In the middle of one thing the caller wants another.
    assert!(
        call.says("Can I speak to a person, please?")
            .contains("putting you through")
    );
    let no = Question::Heard(Heard::Speech(Personal::new(
        "No, that's all, thank you.".to_owned(),
    )));
    let (said, acts, verdict) = call.ask(no);
    assert!(said.contains("Goodbye"), "{said}");
    assert_eq!(
        (acts, verdict),
        (vec![Act::HangUp(Farewell::Done)], Verdict::Complete)
    );
}

#[test]
fn what_is_not_understood_leads_to_a_person_in_the_end() {
    let mut call = Call::new();
    assert!(
        call.says("the weather is lovely")
            .contains("didn't quite get that")
    );
    assert!(call.says("my bicycle is blue").contains("other words"));
    assert!(call.says("lalala").contains("Would you like to speak to"));
    assert!(call.says("yes please").contains("putting you through"));
}

#[test]
fn a_number_that_never_comes_is_given_up() {
    let mut call = Call::new();
    call.says("where is my parcel");
    assert!(
        call.says("it is on the paper somewhere")
            .contains("one by one")
    );
    assert!(call.says("hold on a moment").contains("type them"));
    assert!(
        call.says("I cannot see it")
            .contains("Would you like to speak to")
    );
    assert!(call.says("Yes.").contains("putting you through"));
}

#[test]
fn silence_is_asked_about_and_then_ends_the_call() {
    let mut call = Call::new();
    assert_eq!(call.ask(Question::Silence(1)).0, "Are you still there?");
    call.ask(Question::Silence(2));
    assert_eq!(
        call.ask(Question::Silence(3)).1,
        vec![Act::HangUp(Farewell::Silence)]
    );
}

#[test]
fn every_request_survives_the_mishearings_of_a_telephone() {
    for (text, part) in [
        ("where is my partial", "tracking number"),
        ("Wears my parcel.", "tracking number"),
        ("I wanna track a package", "tracking number"),
        ("what are your opening ours", "eight in the morning"),
        ("when do you close today", "eight in the morning"),
        ("Change my delivery day.", "tracking number"),
        ("Good bye.", "Goodbye"),
        ("talk to a humans", "putting you through"),
    ] {
        let answer = Call::new().says(text);
        assert!(answer.contains(part), "{text}: {answer}");
    }
}

#[test]
fn a_yes_does_not_answer_a_question_that_was_not_heard() {
    let mut call = Call::new();
    let answer = call.says("What are your opening hours?");
    let again = call.cut_at("We are open Monday to").says("Yeah.");
    assert_eq!(again, answer);
    let question = call.cut_at("We are open Monday").says("okay");
    let (hours, _) = question.split_once(" Is there").unwrap();
    assert_eq!(
        call.cut_at(hours).says("no"),
        "Is there anything else I can do for you?"
    );
    assert!(call.says("Yes.").contains("What can I do for you?"));
}

#[test]
fn a_day_is_not_agreed_to_before_it_was_asked_about() {
    let mut call = Call::new();
    call.says("change my delivery date");
    call.says("427193");
    call.says("next Tuesday");
    assert_eq!(
        call.cut_at("That would").says("yeah"),
        "That would be Tuesday, March 24. Is that right?"
    );
    assert!(call.says("yes").contains("will come on Tuesday"));
}

#[test]
fn a_number_may_be_given_while_it_is_still_being_asked_for() {
    let mut call = Call::new();
    call.says("track my parcel");
    let answer = call.cut_at("What").says("four two seven one nine three");
    assert!(answer.contains("4 2 7, 1 9 3 is in the van"), "{answer}");
}

#[test]
fn what_was_asked_back_keeps_the_values_it_came_with() {
    let mut call = Call::new();
    let question = call.says("My tracking number is 427193.");
    assert_eq!(question, "Would you like to find out where your parcel is?");
    let answer = call.says("Yes.");
    assert!(answer.contains("4 2 7, 1 9 3"), "{answer}");
}

/// The words before a value were taken for the whole answer, and the caller was cut into.
#[test]
fn what_leads_to_a_value_is_waited_for() {
    for text in [
        "My tracking number is",
        "it's",
        "the number is, um",
        "so it's the",
        "my number",
    ] {
        let mut asked = Call::new();
        asked.says("where is my parcel");
        assert_eq!(asked.hears(text).2, Verdict::Incomplete, "{text}");
    }
    assert_eq!(
        Call::new().hears("My tracking number is").2,
        Verdict::Incomplete
    );
    assert_eq!(
        Call::new()
            .hears("I would like to change the delivery date to")
            .2,
        Verdict::Incomplete
    );
    for text in [
        "427193",
        "My tracking number is 427193",
        "I don't know what it is",
        "hold on",
    ] {
        let mut asked = Call::new();
        asked.says("where is my parcel");
        assert_ne!(asked.hears(text).2, Verdict::Incomplete, "{text}");
    }
}
