//! What a conversation used of its providers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};
use trunkline_base::tariff::Micros;
use trunkline_service::metrics::{Counter, count};

use crate::config::Prices;
use crate::provider::{Amount, Tokens, Used};

/// What was used, by provider and model.
#[derive(Debug, Default)]
pub(super) struct Bill {
    lines: BTreeMap<(&'static str, String), Totals>,
}

/// All that was used of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) heard: Duration,
    pub(super) spoken: u64,
    pub(super) tokens: Tokens,
}

impl Bill {
    pub(super) fn add(&mut self, used: Used) {
        let totals = self.lines.entry((used.provider, used.model)).or_default();
        match used.amount {
            Amount::Heard(time) => totals.heard += time,
            Amount::Spoken(characters) => totals.spoken += characters,
            Amount::Thought(tokens) => {
                totals.tokens.input += tokens.input;
                totals.tokens.cached += tokens.cached;
                totals.tokens.output += tokens.output;
            }
        }
    }

    /// What all of it costs, as far as it has prices.
    pub(super) fn cost(&self, prices: &Prices) -> Micros {
        let costs = self.lines.iter().filter_map(|((provider, model), totals)| {
            prices.cost(
                provider,
                model,
                (totals.heard, totals.spoken, totals.tokens),
            )
        });
        costs.fold(Micros::ZERO, Micros::plus)
    }

    /// As it is written down; nothing where nothing was used.
    pub(super) fn written(&self, prices: &Prices) -> Option<Json> {
        if self.lines.is_empty() {
            return None;
        }
        let line = |((provider, model), totals): (&(&'static str, String), &Totals)| {
            let cost = prices.cost(
                provider,
                model,
                (totals.heard, totals.spoken, totals.tokens),
            );
            json!({
                "provider": provider,
                "model": model,
                "stt_audio_seconds": totals.heard.as_secs_f64(),
                "tts_characters": totals.spoken,
                "llm_input_tokens": totals.tokens.input,
                "llm_input_cached_tokens": totals.tokens.cached,
                "llm_output_tokens": totals.tokens.output,
                "cost": cost.map(|cost| cost.to_string()),
            })
        };
        let lines: Vec<Json> = self.lines.iter().map(line).collect();
        Some(json!({
            "used": lines,
            "cost": self.cost(prices).to_string(),
            "currency": prices.currency,
        }))
    }

    /// Adds it to what the process counts.
    pub(super) fn tell(&self) {
        for ((provider, _), totals) in &self.lines {
            for (counter, amount) in [
                (Counter::SttAudio, totals.heard.as_secs()),
                (Counter::TtsCharacters, totals.spoken),
                (Counter::LlmInput, totals.tokens.input),
                (Counter::LlmInputCached, totals.tokens.cached),
                (Counter::LlmOutput, totals.tokens.output),
            ] {
                if amount > 0 {
                    count(counter, amount, &[("provider", *provider)]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_service::config::{Environment, Source};

    use super::*;
    use crate::config::AgentConfig;

    fn prices(text: &str) -> Prices {
        let sample = include_str!("../../../../config/agent.yaml");
        let source = Source::new("agent.yaml", format!("{sample}\n{text}"));
        let config = AgentConfig::parse(&source, &Environment::default());
        config.unwrap_or_else(|report| panic!("{report}")).prices
    }

    #[test]
    fn a_call_costs_what_each_of_its_providers_charges() {
        let prices = prices(
            "prices:\n  currency: EUR\n  openai/tts-1: {characters: 15}\n  openai: {minute: 0.006, input: 2, cached: 0.5, output: 8}\n",
        );
        let mut bill = Bill::default();
        let mut add = |model: &str, amount| {
            let model = model.to_owned();
            bill.add(Used {
                provider: "openai",
                model,
                amount,
            });
        };
        add("whisper-1", Amount::Heard(Duration::from_secs(30)));
        add("whisper-1", Amount::Heard(Duration::from_secs(30)));
        add("tts-1", Amount::Spoken(1000));
        let tokens = Tokens {
            input: 1_500_000,
            cached: 500_000,
            output: 250_000,
        };
        add("gpt", Amount::Thought(tokens));
        bill.add(Used {
            provider: "other",
            model: String::new(),
            amount: Amount::Spoken(9),
        });
        // 0.006 + 0.015 + 2 + 0.25 + 2
        assert_eq!(bill.cost(&prices).to_string(), "4.271");
        let written = bill.written(&prices).unwrap();
        assert_eq!(
            (&written["cost"], &written["currency"]),
            (&json!("4.271"), &json!("EUR"))
        );
        let lines = written["used"].as_array().unwrap();
        let free = lines
            .iter()
            .find(|line| line["provider"] == "other")
            .unwrap();
        assert_eq!(
            (&free["cost"], &free["tts_characters"]),
            (&Json::Null, &json!(9))
        );
        assert!(Bill::default().written(&prices).is_none());
    }
}
