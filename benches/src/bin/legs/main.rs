//! What a call costs: rooms of one phone and one other participant, at the built daemon.
//!
//! Every call is transcoded between G.711 and Opus, by the gateway and the node of one process, over
//! loopback. What is measured is read from outside, as processor time: what else runs only makes it
//! late. `--beside FILE` measures another build as well, `--upstream DIR` LiveKit's own servers
//! (`peers/livekit`), turn and turn about in the same run, with the same phones and rooms. Prints one
//! JSON document.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use trunkline_benches::{Host, tell};

use sounds::Sounds;
use stack::{Choice, NotUp};

mod leg;
mod line;
mod peer;
mod setups;
mod sounds;
mod spent;
mod stack;
mod together;

/// What a change needs to be over before something is measured.
const SETTLE: Duration = Duration::from_secs(3);

/// How the measurement is made.
#[derive(Parser)]
struct Options {
    /// Calls at once, one number after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [20, 50])]
    calls: Vec<usize>,
    /// Seconds of each part.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Calls that are set up and ended, of each kind; 0 for none.
    #[arg(long, default_value_t = 100)]
    setups: usize,
    /// Calls that are being set up at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=50))]
    at_once: u16,
    /// How often all of that is measured.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Another build of the daemon, measured beside this one.
    #[arg(long)]
    beside: Vec<PathBuf>,
    /// A directory with `livekit-server` and `livekit-sip`, measured beside this build with the
    /// `redis-server` of the machine (peers/livekit/README.md).
    #[arg(long)]
    upstream: Option<PathBuf>,
    /// Lines of `gateway:` besides the usual ones, such as "opus_complexity: 3".
    #[arg(long)]
    gateway: Vec<String>,
}

impl Options {
    fn stacks(&self) -> Vec<Choice> {
        let beside = self.beside.iter().cloned();
        let ours = beside.map(Some).chain([None]).map(Choice::Ours);
        ours.chain(self.upstream.clone().map(Choice::Upstream))
            .collect()
    }
}

fn main() {
    trunkline_benches::run(measure(Options::parse()));
}

async fn measure(options: Options) {
    let sounds = match Sounds::make() {
        Ok(sounds) => sounds,
        Err(error) => return tell(&format!("error: {error}")),
    };
    let mut rows = Vec::new();
    for round in 1..=options.rounds {
        if let Err(error) = one_round(&options, &sounds, round, &mut rows).await {
            tell(&format!("error: {error}"));
            break;
        }
    }
    tell(&format!(
        "{:#}",
        json!({ "host": Host::read(), "rows": rows })
    ));
}

/// Each measurement at each stack, before the next one. Each has servers of its own, so that what
/// one left does not count for the next.
async fn one_round(
    options: &Options,
    sounds: &Sounds,
    round: usize,
    rows: &mut Vec<Value>,
) -> Result<(), NotUp> {
    let mut add = |mut row: Value| {
        row["round"] = round.into();
        rows.push(row);
    };
    let stacks = options.stacks();
    for choice in stacks.iter().filter(|_| options.setups > 0) {
        let stack = choice.start(&options.gateway).await?;
        add(setups::measure(&*stack, options, sounds).await);
    }
    for calls in &options.calls {
        for choice in &stacks {
            let stack = choice.start(&options.gateway).await?;
            add(together::measure(&*stack, options.seconds, *calls, sounds).await);
        }
    }
    Ok(())
}

fn share(count: usize, seconds: f64) -> f64 {
    as_f64(count) / seconds.max(1e-3)
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls")]
fn as_f64(count: usize) -> f64 {
    count.max(1) as f64
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
