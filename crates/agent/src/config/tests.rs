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
    assert!(matches!(config.brain, BrainConfig::Chat(_, _)));
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

#[test]
fn every_slip_of_a_provider_is_reported_at_once_with_the_rest() {
    let text = format!(
        "{SAMPLE}\n{}",
        "stt: [{provider: opnai}, {provider: openai, url: nowhere, modl: x}]\n\
         tts: {provider: openai, speed: fast, attempt_timeout: soon}\n\
         llm: {provider: openai}\n\
         max_cost_per_call: much\n\
         prices: {openai/x: {minute: dear, hour: 1}}\n"
    );
    let shown = parse(&text).unwrap_err().to_string();
    for part in [
        "no provider of `stt[0]` is called `opnai`",
        "did you mean `openai`?",
        "this is no web address",
        "there is no key `modl` here",
        "did you mean `model`?",
        "write a number from 0.25 to 4",
        "`soon` is not a duration",
        "the key `model` is missing in this section",
        "this is no amount of money",
        "there is no key `hour` here",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn providers_are_asked_in_the_order_of_the_file_and_no_key_is_shown() {
    let text = format!(
        "{SAMPLE}\nstt: [{{provider: openai, api_key: \"${{KEY}}\", retries: 0}}, local]\ntts: local\n"
    );
    let env = Environment::from([("KEY", "sk-hidden")]);
    let config = AgentConfig::parse(&Source::new("agent.yaml", text), &env).unwrap();
    let names: Vec<&str> = config
        .stt
        .iter()
        .map(|wanted| wanted.plan.provider)
        .collect();
    assert_eq!(names, ["openai", "local"]);
    assert_eq!(config.stt[0].retries, Some(0));
    assert!(!format!("{config:?}").contains("sk-hidden"));
    let (key, url) = config.addresses().remove(0);
    assert_eq!(
        (key.as_str(), url.as_str()),
        ("stt[0].url", "https://api.openai.com/v1")
    );
    assert!(!config.is_remote(), "a model of this machine may be asked");
}

#[test]
fn a_model_of_its_own_takes_the_place_of_the_endpoint() {
    let text = SAMPLE.replace("brain: ${TRUNKLINE_BRAIN:-flow}", "brain: chat");
    let text =
        format!("{text}\nllm: [{{provider: openai, model: a}}, {{provider: openai, model: b}}]\n");
    let config = parse(&text).unwrap_or_else(|report| panic!("{report}"));
    let BrainConfig::Chat(_, llm) = &config.brain else {
        panic!("{:?}", config.brain);
    };
    assert_eq!(llm.len(), 2);
    // Without either of them there is nobody to ask.
    let base = "  base_url: ${OPENAI_BASE_URL:-https://api.openai.com/v1}\n";
    let shown = parse(&SAMPLE.replace(base, "")).unwrap_err().to_string();
    assert!(
        shown.contains("no `base_url`, and there is no `llm`"),
        "{shown}"
    );
}
