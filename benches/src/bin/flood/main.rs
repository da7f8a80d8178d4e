//! Thousands of INVITEs a second from strangers beside good calls: how many of those are set up and
//! kept, the longest time without sound, and what it costs.
//!
//! The strangers send from loopback addresses that no trunk names, each INVITE a call of its own; with
//! `--known` they send from the trunk's network, as a provider's broken machine would. They, the
//! phones and the daemon share this machine, so read the rate that was reached beside the figures.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use trunkline_benches::gateway::{self, Seen};
use trunkline_benches::{Figures, Host, counter, tell, usage};
use trunkline_bridge::sip::CallerOptions;
use trunkline_tests::Daemon;

use strangers::Flood;

mod strangers;

#[derive(Clone, Parser)]
struct Args {
    /// INVITEs a second.
    #[arg(long, default_value_t = 5_000)]
    rate: u32,
    /// How long they come.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Calls that are up before, and stay.
    #[arg(long, default_value_t = 50)]
    good: u32,
    /// Calls that are placed meanwhile, each second.
    #[arg(long, default_value_t = 2)]
    more: u32,
    /// Addresses they come from.
    #[arg(long, default_value_t = 1_000)]
    sources: u32,
    /// They come from the trunk's own network.
    #[arg(long)]
    known: bool,
    /// Calls that are set up at once; 0: as many as come.
    #[arg(long)]
    setups: Option<u32>,
}

fn main() {
    trunkline_benches::run(measure(Args::parse()));
}

async fn measure(args: Args) {
    tell(&Host::line(&Host::read(), &serde_json::json!(0)));
    let configuration = gateway::configuration("");
    let bound = args
        .setups
        .map(|most| format!("gateway:\n  limits: {{setups: {most}}}\n"));
    let daemon = gateway::start(match bound {
        Some(bound) => configuration.replacen("gateway:\n", &bound, 1),
        None => configuration,
    });
    let target = format!("sip:100@{}", daemon.addr("sip"));
    let flood = Duration::from_secs(args.seconds);
    let before = usage(daemon.pid()).map_or(0, |usage| usage.resident);
    // Quiet on both sides of the flood, so that the calls are seen without it too.
    let mut kept = JoinSet::new();
    for number in 0..args.good {
        let options = CallerOptions::new(&target, format!("49{number:04}"));
        kept.spawn(gateway::call(options, flood + 3 * QUIET));
        sleep(APART).await;
    }
    sleep(QUIET).await;
    let wanted = Flood {
        rate: args.rate,
        length: flood,
        sources: args.sources,
        known: args.known,
    };
    let (cpu, began) = (usage(daemon.pid()), Instant::now());
    let (sent, new, most) = tokio::join!(
        strangers::flood(address(&daemon), &wanted),
        place(&target, &args),
        watch(&daemon, flood),
    );
    let (spent, took) = (usage(daemon.pid()), began.elapsed());
    let kept = kept.join_all().await;
    sleep(QUIET).await;
    let after = usage(daemon.pid()).map_or(0, |usage| usage.resident);
    let counts = gateway::exposition(&daemon).await;
    tell_calls("up before", &kept);
    tell_calls("placed meanwhile", &new);
    let cpu = spent
        .zip(cpu)
        .map(|(after, before)| after.cpu.saturating_sub(before.cpu));
    tell(&format!(
        "{} INVITEs in {:.1} s ({:.0} a second) from {} sources {}, {} answered; the daemon used {:.0} % of a core",
        sent.invites,
        took.as_secs_f64(),
        f64::from(sent.invites) / took.as_secs_f64(),
        args.sources,
        if args.known {
            "of the trunk"
        } else {
            "unknown"
        },
        sent.answers,
        100.0 * cpu.unwrap_or_default().as_secs_f64() / took.as_secs_f64(),
    ));
    tell(&format!(
        "memory {} MB before, {} with {} calls and the flood, {} after; rows {}, SIP dropped {}, refused {}",
        before / 1_000_000,
        most / 1_000_000,
        args.good,
        after / 1_000_000,
        gateway::calls(&daemon, 100_000).await.len(),
        counter(&counts, "trunkline_bridge_sip_dropped_total"),
        counter(&counts, "trunkline_bridge_calls_refused_total"),
    ));
}

/// Good calls while the flood comes, of two seconds each.
async fn place(target: &str, args: &Args) -> Vec<Seen> {
    let mut calls = JoinSet::new();
    let Some(each) = Duration::from_secs(1).checked_div(args.more) else {
        return Vec::new();
    };
    let mut clock = interval(each);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let count = u64::from(args.more) * args.seconds;
    for number in 0..count {
        clock.tick().await;
        let mut options = CallerOptions::new(target, format!("48{number:04}"));
        options.ring_limit = PATIENCE;
        calls.spawn(gateway::call(options, SHORT));
    }
    calls.join_all().await
}

/// The most memory that was seen.
async fn watch(daemon: &Daemon, length: Duration) -> u64 {
    let end = Instant::now() + length;
    let mut most = 0;
    while Instant::now() < end {
        most = most.max(usage(daemon.pid()).map_or(0, |usage| usage.resident));
        sleep(LOOK).await;
    }
    most
}

fn tell_calls(name: &str, seen: &[Seen]) {
    let answered: Vec<&Seen> = seen.iter().filter(|seen| seen.answered.is_some()).collect();
    let took: Figures = answered
        .iter()
        .filter_map(|seen| seen.answered)
        .map(|took| took.as_secs_f64() * 1e3)
        .collect();
    let gaps: Figures = answered
        .iter()
        .map(|seen| seen.gap.as_secs_f64() * 1e3)
        .collect();
    let figure = |figures: &Figures, share| figures.percentile(share).unwrap_or(f64::NAN);
    tell(&format!(
        "good calls {name}: {} of {} set up (p50 {:.0}, p95 {:.0}, max {:.0} ms), {} kept; \
         longest time without a packet p50 {:.0}, max {:.0} ms",
        answered.len(),
        seen.len(),
        figure(&took, 50),
        figure(&took, 95),
        figure(&took, 100),
        answered.iter().filter(|seen| seen.kept).count(),
        figure(&gaps, 50),
        figure(&gaps, 100),
    ));
}

#[expect(clippy::expect_used, reason = "the daemon says where it listens")]
fn address(daemon: &Daemon) -> SocketAddr {
    daemon.addr("sip").parse().expect("an address")
}

/// Between two calls that are placed before: no whole number of frames.
const APART: Duration = Duration::from_millis(83);

const QUIET: Duration = Duration::from_secs(3);

/// How long a call lasts that is placed meanwhile.
const SHORT: Duration = Duration::from_secs(2);

/// After which a call counts as not set up.
const PATIENCE: Duration = Duration::from_secs(10);

const LOOK: Duration = Duration::from_millis(100);
