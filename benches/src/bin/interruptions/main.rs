//! Who may stop the agent, and what may not: real phone calls, measured on the phone's RTP.
//!
//! Wishes to speak over a long answer, in six voices and at three levels; sounds that are no such
//! wish; sentences with a pause for thought; and the agent's own voice coming back. Prints a table.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use trunkline_benches::voices::VoiceError;
use trunkline_benches::{Figures, Host, tell};
use trunkline_tests::{Daemon, Setup, root};

use trials::{Kind, Trial, all};

mod run;
mod trials;

use run::Outcome;

/// How the measurement is made.
#[derive(Parser)]
struct Options {
    /// Calls at the same time.
    #[arg(long, default_value_t = 2)]
    together: usize,
    /// Only trials whose kind or name has this in it.
    #[arg(long)]
    only: Option<String>,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// An answer long enough to be talked over, in one breath: a pause of its own would look like
/// stopping.
const LONG: &str = "on Mondays and Tuesdays and Wednesdays from eight in the morning until six in the \
evening and on Thursdays and Fridays from seven in the morning until eight in the evening and on \
Saturdays from nine in the morning until one in the afternoon and on the last Sunday of each month \
from ten in the morning until noon";

fn main() {
    trunkline_benches::run(measure(Options::parse()));
}

async fn measure(options: Options) {
    let trials = match all() {
        Ok(trials) => trials,
        Err(error) => return tell(&format!("error: {error}")),
    };
    let named = |trial: &Trial| {
        let whole = format!("{} {}", trial.kind.name(), trial.name);
        options
            .only
            .as_deref()
            .is_none_or(|part| whole.contains(part))
    };
    let trials: Vec<Trial> = trials.into_iter().filter(named).collect();
    let daemon = Arc::new(Daemon::start(&Setup {
        files: vec![("agent.yaml", agent())],
        ..Setup::default()
    }));
    run::settle(&daemon).await;
    let outcomes = perform(&daemon, trials, &options).await;
    let rows: Vec<Value> = Kind::ALL
        .iter()
        .filter_map(|kind| row(*kind, &outcomes))
        .collect();
    let host = Host::read();
    if options.json {
        let trials: Vec<Value> = outcomes
            .iter()
            .map(|(trial, outcome)| outcome.to_json(trial))
            .collect();
        tell(&format!(
            "{:#}",
            json!({ "host": host, "kinds": rows, "trials": trials })
        ));
        return;
    }
    tell(&format!("\n{}", Host::line(&host, &Value::from(0))));
    tell(&format!(
        "{:<38} {:>6} {:>8} {:>8} {:>22} {:>18}",
        "kind", "trials", "stopped", "turns", "stop p50/p95/max ms", "silent p50/p95 ms"
    ));
    for row in &rows {
        let of = |name: &str| row[name].to_string();
        let stops = &row["stopped_after_ms"];
        let stops = format!(
            "{} / {} / {}",
            whole(&stops["p50"]),
            whole(&stops["p95"]),
            whole(&stops["max"])
        );
        let silent = &row["held_up_ms"];
        let silent = format!("{} / {}", whole(&silent["p50"]), whole(&silent["p95"]));
        tell(&format!(
            "{:<38} {:>6} {:>8} {:>8} {:>22} {:>18}",
            row["kind"].as_str().unwrap_or_default(),
            of("trials"),
            of("stopped"),
            of("turns"),
            stops,
            silent
        ));
    }
}

fn whole(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0}"))
}

/// The shipped flow with an answer that can be talked over.
#[expect(
    clippy::expect_used,
    reason = "without the shipped flow there is nothing to measure"
)]
fn agent() -> String {
    const HOURS: &str = "    hours: Monday to Friday";
    let text =
        std::fs::read_to_string(root().join("config/agent.yaml")).expect("config/agent.yaml");
    let line = text.lines().find(|line| line.starts_with(HOURS));
    let line = line.expect("the flow has opening hours");
    text.replace(line, &format!("    hours: {LONG}"))
}

async fn perform(
    daemon: &Arc<Daemon>,
    trials: Vec<Trial>,
    options: &Options,
) -> Vec<(Trial, Outcome)> {
    /// No whole number of frames: callers do not speak in step.
    const APART: Duration = Duration::from_millis(1307);
    let lines = Arc::new(Semaphore::new(options.together.max(1)));
    let mut calls = JoinSet::new();
    for (number, trial) in trials.into_iter().enumerate() {
        let Ok(line) = Arc::clone(&lines).acquire_owned().await else {
            break;
        };
        let daemon = Arc::clone(daemon);
        let json = options.json;
        calls.spawn(async move {
            let outcome = run::trial(&daemon, &trial, number).await;
            drop(line);
            if !json {
                tell(&outcome.line(&trial));
            }
            (trial, outcome)
        });
        tokio::time::sleep(APART).await;
    }
    let mut done = Vec::new();
    while let Some(one) = calls.join_next().await {
        done.extend(one);
    }
    done
}

fn row(kind: Kind, outcomes: &[(Trial, Outcome)]) -> Option<Value> {
    let of_kind: Vec<&Outcome> = outcomes
        .iter()
        .filter(|(trial, outcome)| trial.kind == kind && outcome.valid)
        .map(|(_, outcome)| outcome)
        .collect();
    if of_kind.is_empty() {
        return None;
    }
    let stops: Figures = of_kind
        .iter()
        .filter_map(|outcome| Some(outcome.stopped_after?.as_secs_f64() * 1e3))
        .collect();
    let silent: Figures = of_kind
        .iter()
        .filter_map(|outcome| Some(outcome.held_up?.as_secs_f64() * 1e3))
        .collect();
    Some(json!({
        "kind": kind.name(),
        "trials": of_kind.len(),
        "invalid": outcomes.iter().filter(|(trial, outcome)| trial.kind == kind && !outcome.valid).count(),
        "stopped": of_kind.iter().filter(|outcome| outcome.stopped()).count(),
        "turns": of_kind.iter().map(|outcome| outcome.turns).sum::<usize>(),
        "became_a_turn": of_kind.iter().filter(|outcome| outcome.turns > 0).count(),
        "stopped_after_ms": stops.to_json(),
        "held_up_ms": silent.to_json(),
    }))
}

/// Sounds that cannot be made are said, not skipped in silence.
type Sounds = Result<Vec<Trial>, VoiceError>;
