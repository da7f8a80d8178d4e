//! Hours of everything at once: calls with keys, hold and transfers, a registration whose registrar
//! comes and goes, bad lines, reloads and floods. Ends with a table, and with 1 when something grew
//! that should not, a good call failed, or the daemon complained.
//!
//! The work comes in rounds. After each the daemon is left alone until no call is up; what it holds
//! then is compared over all rounds.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use trunkline_benches::{Host, counter, gateway, tell, usage};
use trunkline_tests::{Daemon, Kamailio};

use rounds::{Round, World};
use table::{Held, verdict};

mod rounds;
mod table;

#[derive(Parser)]
struct Args {
    /// How long; a round that has begun is brought to its end.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Phones that call at once in each round.
    #[arg(long, default_value_t = 10)]
    phones: u32,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut code = ExitCode::SUCCESS;
    trunkline_benches::run(async {
        if !soak(&args).await {
            code = ExitCode::FAILURE;
        }
    });
    code
}

/// `true` if nothing grew and nothing failed.
async fn soak(args: &Args) -> bool {
    tell(&Host::line(&Host::read(), &json!(0)));
    let provider = Kamailio::start();
    let daemon = gateway::start(configuration(provider.as_ref(), false));
    let mut world = World::new(daemon, provider, args.phones);
    let (began, length) = (Instant::now(), Duration::from_secs(args.minutes * 60));
    let (mut held, mut failures) = (Vec::new(), Vec::new());
    let mut all = Round::default();
    tell(&format!("{:>6} {:>6} {}", "minute", "round", Held::HEAD));
    while began.elapsed() < length || held.len() < ENOUGH {
        let round = Box::pin(world.round()).await;
        failures.extend(
            round
                .failures
                .iter()
                .map(|what| format!("round {}: {what}", held.len() + 1)),
        );
        all.add(&round);
        match rest(&world.daemon).await {
            Ok(now) => {
                let minutes = began.elapsed().as_secs_f64() / 60.0;
                tell(&format!(
                    "{minutes:>6.1} {:>6} {}",
                    held.len() + 1,
                    now.line()
                ));
                held.push(now);
            }
            Err(what) => {
                failures.push(what);
                break;
            }
        }
    }
    tell(&all.table());
    failures.extend(verdict(&held));
    failures.extend(complaints(&world.daemon).await);
    for failure in failures.iter().take(TOLD) {
        tell(&format!("FAILED: {failure}"));
    }
    if failures.len() > TOLD {
        tell(&format!("and {} more", failures.len() - TOLD));
    }
    if failures.is_empty() {
        tell("nothing grew, nothing failed");
    }
    failures.is_empty()
}

/// The daemon's file: with a registered trunk where there is a provider, and `changed` with one more.
fn configuration(provider: Option<&Kamailio>, changed: bool) -> String {
    let mut more = String::new();
    if let Some(provider) = provider {
        more += &format!(
            "  - key: provider\n    numbers: [alice]\n    register: {{registrar: 'sip:127.0.0.1:{}', \
             username: alice, password: wonderland}}\n",
            provider.port()
        );
    }
    if changed {
        more += "  - {key: another, numbers: ['+15550111'], allowed_addresses: [192.0.2.1]}\n";
    }
    gateway::configuration(&more)
}

/// Waits until no call and no room is left, and says what the daemon holds then.
async fn rest(daemon: &Daemon) -> Result<Held, String> {
    let end = Instant::now() + REST;
    loop {
        let counts = gateway::exposition(daemon).await;
        let count = |name: &str| counter(&counts, name);
        let (calls, rooms) = (
            count("trunkline_bridge_calls"),
            count("trunkline_node_rooms"),
        );
        // Rooms of nobody close by themselves after a while, which is not waited for.
        if calls == 0.0 && !counts.is_empty() {
            tokio::time::sleep(QUIET).await;
            let pid = daemon.pid();
            let used = usage(pid).ok_or("the daemon is gone")?;
            return Ok(Held {
                resident: used.resident,
                files: gateway::open_files(pid).unwrap_or_default(),
                threads: gateway::threads(pid).unwrap_or_default(),
                rooms,
                cpu: used.cpu,
            });
        }
        if Instant::now() > end {
            return Err(format!(
                "{calls} calls are left {} s after all hung up",
                REST.as_secs()
            ));
        }
        tokio::time::sleep(QUIET).await;
    }
}

/// What the daemon says went wrong.
async fn complaints(daemon: &Daemon) -> Vec<String> {
    let log = daemon.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("ERROR") || line.contains("panicked"));
    let mut found: Vec<String> = lines.take(3).map(str::to_owned).collect();
    let counts = gateway::exposition(daemon).await;
    for name in [
        "trunkline_task_panics_total",
        "trunkline_store_rows_lost_total",
    ] {
        let value = counter(&counts, name);
        if value > 0.0 {
            found.push(format!("{name} is {value}"));
        }
    }
    found
}

/// Rounds without which nothing can be said.
const ENOUGH: usize = 4;

/// Failures printed; the rest is counted.
const TOLD: usize = 20;

/// How long calls may take to be over.
const REST: Duration = Duration::from_secs(60);

const QUIET: Duration = Duration::from_secs(1);
