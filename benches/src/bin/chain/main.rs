//! What the chain adds of its own when a language model answers: a local endpoint that speaks
//! OpenAI's protocol begins to answer after a delay that is known, so the rest of the gap is ours.
//!
//! A gap is the pause after which hearing begins, hearing, the model's delay, the words of the first
//! sentence and the voice's first sound, one after the other; and never less than the pause that
//! ends a turn. What remains is the chain's own part.

use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use trunkline_agent::turn::TurnConfig;
use trunkline_benches::journal::{self, Turn};
use trunkline_benches::phone::Phone;
use trunkline_benches::voices::ALL;
use trunkline_benches::{Figures, Host, tell};
use trunkline_media::analyse::replies;
use trunkline_tests::{Daemon, Setup};

use model::Model;

mod model;

/// Delays of the language model.
const DELAYS: [u64; 4] = [0, 100, 200, 400];
/// Asked one after the other, in every call. Whole sentences, so that nobody waits for more.
const QUESTIONS: [&str; 4] = [
    "What are your opening hours?",
    "Can you tell me where my parcel is?",
    "Are you open on Saturday?",
    "Can I speak to a person, please?",
];
/// Quiet after which an answer is over, and how long one is waited for.
const FINISHED: Duration = Duration::from_millis(1100);
const ANSWER: Duration = Duration::from_secs(25);

/// How the measurement is made.
#[derive(Parser)]
struct Options {
    /// Calls for each delay.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// One question's answer, in milliseconds.
struct Answer {
    gap: f64,
    hear: f64,
    voice: f64,
}

fn main() {
    trunkline_benches::run(measure(Options::parse()));
}

async fn measure(options: Options) {
    let lines: Result<Vec<_>, _> = QUESTIONS.iter().map(|text| ALL[0].say(text)).collect();
    let lines = match lines {
        Ok(lines) => lines,
        Err(error) => return tell(&format!("error: {error}")),
    };
    let Ok(model) = Model::start().await else {
        return tell("error: no port for the language model");
    };
    let daemon = Daemon::start(&Setup {
        env: vec![
            ("TRUNKLINE_BRAIN", "openai".to_owned()),
            ("OPENAI_BASE_URL", model.url()),
            ("OPENAI_API_KEY", "none".to_owned()),
        ],
        ..Setup::default()
    });
    let mut rows = Vec::new();
    // The first call warms what warms by itself.
    let _ = call(&daemon, &lines, 0).await;
    for (number, delay) in (1..).zip(DELAYS) {
        model.answers_after(Duration::from_millis(delay));
        let mut answers = Vec::new();
        for round in 0..options.rounds {
            answers.extend(call(&daemon, &lines, number * 100 + round).await);
        }
        rows.push(row(delay, &answers));
    }
    let host = Host::read();
    if options.json {
        return tell(&format!("{:#}", json!({ "host": host, "delays": rows })));
    }
    tell(&Host::line(&host, &Value::from(0)));
    tell(&format!(
        "{:>9} {:>8} {:>8} {:>8} {:>9} {:>8} {:>12}",
        "delay ms", "answers", "hear", "voice", "expected", "gap", "chain's own"
    ));
    for row in &rows {
        let whole = |name: &str| {
            row[name]
                .as_f64()
                .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0}"))
        };
        tell(&format!(
            "{:>9} {:>8} {:>8} {:>8} {:>9} {:>8} {:>12}",
            whole("delay_ms"),
            whole("answers"),
            whole("hear_ms"),
            whole("voice_ms"),
            whole("expected_ms"),
            whole("gap_ms"),
            whole("own_ms")
        ));
    }
}

/// One call; its answers.
async fn call(daemon: &Daemon, lines: &[Vec<i16>], number: usize) -> Vec<Answer> {
    let from = format!("46{number:04}");
    let target = format!("sip:agent@{}", daemon.addr("sip"));
    let Some(mut phone) = Phone::dial(&target, &from).await else {
        return Vec::new();
    };
    let mut since = Duration::ZERO;
    for pcm in lines {
        if phone.heard_out(since, FINISHED, ANSWER).await.is_none() {
            break;
        }
        let Some(said) = phone.say(pcm).await else {
            break;
        };
        since = said.to;
    }
    phone.heard_out(since, FINISHED, ANSWER).await;
    phone.hang_up().await;
    let record = journal::of_caller(daemon, &from).await;
    let sides = record.sides().unwrap_or_default();
    let gaps = replies(&sides.caller, &sides.agent);
    let turns: Vec<&Turn> = record
        .turns
        .iter()
        .filter(|turn| !turn.heard.is_empty())
        .collect();
    if gaps.len() != turns.len() {
        // A sentence was taken for two, or two for one: nothing to lay side by side.
        return Vec::new();
    }
    let answers = gaps.iter().zip(turns).filter_map(|(reply, turn)| {
        Some(Answer {
            gap: reply.gap.as_secs_f64() * 1e3,
            hear: turn.stt_ms?,
            voice: turn.tts_ms?,
        })
    });
    answers.collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a delay, and a count"
)]
fn row(delay: u64, answers: &[Answer]) -> Value {
    let middle =
        |of: fn(&Answer) -> f64| answers.iter().map(of).collect::<Figures>().percentile(50);
    let turns = TurnConfig::phone();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let expected = |answer: &Answer| {
        let work = answer.hear + delay as f64 + ms(model::FIRST_SENTENCE) + answer.voice;
        (ms(turns.vad.speculate_after) + work).max(ms(turns.endpointing.min_delay))
    };
    let of =
        |of: &dyn Fn(&Answer) -> f64| answers.iter().map(of).collect::<Figures>().percentile(50);
    json!({
        "delay_ms": delay as f64,
        "answers": answers.len() as f64,
        "hear_ms": middle(|answer| answer.hear),
        "voice_ms": middle(|answer| answer.voice),
        "gap_ms": middle(|answer| answer.gap),
        "expected_ms": of(&expected),
        "own_ms": of(&|answer| answer.gap - expected(answer)),
    })
}
