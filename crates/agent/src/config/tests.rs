use std::time::Duration;

use trunkline_service::config::{Environment, Report, Source};

use super::*;

const SAMPLE: &str = include_str!("../../../../config/agent.yaml");

fn parse(text: &str) -> Result<AgentConfig, Report> {
    AgentConfig::parse(&Source::new("agent.yaml", text), &Environment::default())
}

#[test]
fn the_sample_in_the_repository_is_without_a_mistake() {
    let config = parse(SAMPLE).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(config.agent_name, "trunkline");
    assert_eq!(config.turns, TurnConfig::phone());
    assert!(matches!(config.brain, BrainConfig::Flow(_)));
}

#[test]
fn the_other_brain_and_profile_are_chosen_by_a_variable() {
    let env = Environment::from([
        ("TRUNKLINE_BRAIN", "openai"),
        ("TRUNKLINE_AGENT_PROFILE", "standard"),
        ("OPENAI_API_KEY", "sk-hidden"),
    ]);
    let config = AgentConfig::parse(&Source::new("agent.yaml", SAMPLE), &env).unwrap();
    assert_eq!(config.turns, TurnConfig::standard());
    assert!(matches!(config.brain, BrainConfig::Chat(_)));
    assert!(!format!("{config:?}").contains("sk-hidden"));
}

#[test]
fn single_delays_lie_on_top_of_the_profile() {
    let text = SAMPLE.replace(
        "turn_handling: {}",
        "turn_handling:\n  endpointing: {min_delay: 0.4, max_delay: 1500ms}\nuser_away_timeout: 0",
    );
    let turns = parse(&text)
        .unwrap_or_else(|report| panic!("{report}"))
        .turns;
    assert_eq!(turns.endpointing.min_delay, Duration::from_millis(400));
    assert_eq!(turns.endpointing.max_delay, Duration::from_millis(1500));
    assert_eq!(turns.user_away_timeout, None);
    assert_eq!(turns.interruption, TurnConfig::phone().interruption);
}

#[test]
fn words_that_stop_the_agent_are_what_was_typed() {
    let words =
        "turn_handling:\n  interruption: {commands: [Basta, \"Hold it!\"], short_words: []}";
    let turns = parse(&SAMPLE.replace("turn_handling: {}", words));
    let rules = turns.unwrap_or_else(|report| panic!("{report}")).turns;
    assert_eq!(rules.interruption.commands, ["basta", "hold it"]);
    assert!(rules.interruption.short_words.is_empty());
    let backchannels = TurnConfig::phone().interruption.backchannels;
    assert_eq!(rules.interruption.backchannels, backchannels);
    let none = "turn_handling:\n  interruption: {commands: [\"?!\"]}";
    let report = parse(&SAMPLE.replace("turn_handling: {}", none)).unwrap_err();
    assert!(report.to_string().contains("there is no word in this"));
}

#[test]
fn every_mistake_is_reported_at_once_with_its_line_and_remedy() {
    let text = SAMPLE
        .replace("brain: ${TRUNKLINE_BRAIN:-flow}", "brain: floww")
        .replace(
            "turn_handling: {}",
            "turn_handling: {endpointing: {min_delay: soon}}",
        )
        .replace("needs: [tracking]", "needs: [traking]")
        .replace(
            "{tracking|digits} {parcel.status}",
            "{tracking|digit} {parcl.status}",
        )
        .replace("then: goodbye", "then: goodby")
        .replace("kind: date", "kind: dat");
    let report = parse(&text).unwrap_err();
    let shown = report.to_string();
    for part in [
        "no brain is called `floww`",
        "`soon` is not a duration",
        "no slot is called `traking`",
        "did you mean `tracking`?",
        "no filter is called `digit`",
        "no intent is called `goodby`",
        "did you mean `goodbye`?",
        "no slot holds a `dat`",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    assert!(report.problems().len() >= 6, "{shown}");
    assert!(shown.contains("agent.yaml:6:8"), "{shown}");
}
