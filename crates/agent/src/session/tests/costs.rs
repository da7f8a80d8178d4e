//! What a conversation costs.

use super::*;
use crate::provider::{Amount, TtsEvent, Used};

/// A voice that is paid for.
struct Dear;

impl Tts for Dear {
    fn name(&self) -> &'static str {
        "dear"
    }

    fn rate(&self) -> u32 {
        ScriptedTts::default().rate
    }

    fn say(&self, utterance: Utterance) -> TtsStream {
        let used = Used {
            provider: "dear",
            model: String::new(),
            amount: Amount::Spoken(utterance.text.chars().count() as u64),
        };
        TtsStream::made(4, |outlet| async move {
            outlet.give(TtsEvent::Used(used)).await;
            let mut sound = ScriptedTts::default().say(utterance);
            while let Some(event) = sound.next().await {
                outlet.give(event?).await;
            }
            Ok(())
        })
    }
}

fn priced(most: &str) -> AgentConfig {
    let text = include_str!("../../../../../config/agent.yaml");
    let text =
        format!("{text}\nmax_cost_per_call: {most}\nprices: {{dear: {{characters: 1000000}}}}\n");
    let config = AgentConfig::parse(&Source::new("agent.yaml", text), &Environment::default());
    config.unwrap_or_else(|report| panic!("{report}"))
}

async fn ends_with(most: &str) -> (CloseReason, Vec<Turn>) {
    let speech = Speech::from_parts(
        Batch::of(ScriptedStt::new(&["goodbye"])),
        Arc::new(Dear),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::new(0.9)),
    );
    let call = Call::with(speech, priced(most), Some("SCL_1")).await;
    call.is_silent(5000).await;
    call.speaks(700).await;
    call.is_silent(8000).await;
    let (reason, turns, _) = call.ends().await;
    (reason, turns)
}

#[tokio::test]
async fn a_call_that_costs_too_much_ends_behind_the_answer_it_is_at() {
    let (reason, turns) = ends_with("20").await;
    assert_eq!(reason, CloseReason::CostLimit);
    assert_eq!(said(&turns), [GREETING]);
    assert!(!turns[0].interrupted);
}

#[tokio::test]
async fn a_call_that_may_cost_so_much_goes_on() {
    let (reason, _) = ends_with("1000").await;
    assert_eq!(reason, CloseReason::TaskCompleted);
}
