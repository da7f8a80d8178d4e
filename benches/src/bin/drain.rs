//! SIGTERM under a hundred calls: how many are kept until they hang up by themselves, how new callers
//! are refused meanwhile, and how soon the rest hears goodbye where a cap ends the wait.

use std::time::{Duration, Instant};

use clap::Parser;
use nix::sys::signal::Signal;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use trunkline_benches::gateway::{self, Seen};
use trunkline_benches::{Figures, Host, tell};
use trunkline_bridge::sip::{CallError, Caller, CallerOptions, OutgoingCall};
use trunkline_tests::Daemon;

#[derive(Parser)]
struct Args {
    /// Calls that are up when the daemon is told to end.
    #[arg(long, default_value_t = 100)]
    calls: u32,
    /// Over how long they hang up by themselves.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

fn main() {
    trunkline_benches::run(async {
        let args = Args::parse();
        tell(&Host::line(&Host::read(), &serde_json::json!(0)));
        patient(&args).await;
        capped(&args).await;
    });
}

/// A daemon whose calls may go on for so long, and as many calls to it as are to be had.
async fn talking(args: &Args, drain: &str) -> (Daemon, Vec<OutgoingCall>) {
    // They rest, and more are let in than could talk.
    let lines = format!("gateway:\n  drain: {drain}\n  limits: {{busy: 100%}}\n");
    let configuration = gateway::configuration("").replace("gateway:\n", &lines);
    let daemon = gateway::start(configuration);
    let mut calls = JoinSet::new();
    for number in 0..args.calls {
        calls.spawn(Caller::call(options(&daemon, number)));
        // As fast as a core sets them up, and no whole number of frames apart.
        sleep(Duration::from_millis(63)).await;
    }
    let calls = calls.join_all().await;
    (daemon, calls.into_iter().filter_map(Result::ok).collect())
}

fn options(daemon: &Daemon, number: u32) -> CallerOptions {
    CallerOptions::new(
        format!("sip:100@{}", daemon.addr("sip")),
        format!("43{number:04}"),
    )
}

/// Everybody hangs up in the end, one after the other.
async fn patient(args: &Args) {
    let (daemon, calls) = talking(args, "10m").await;
    let count = calls.len();
    daemon.signal(Signal::SIGTERM);
    let told = Instant::now();
    let mut staying = JoinSet::new();
    let apart = Duration::from_secs(args.seconds) / u32::try_from(count.max(1)).unwrap_or(1);
    for (place, call) in (1_u32..).zip(calls) {
        staying.spawn(gateway::listen(call, apart * place));
    }
    let (mut refused, mut asked) = (0, 0);
    while told.elapsed() < Duration::from_secs(args.seconds).mul_f64(0.8) {
        asked += 1;
        let answer = timeout(PATIENCE, Caller::call(options(&daemon, 9_999))).await;
        refused += u32::from(matches!(answer, Ok(Err(CallError::Refused(503)))));
        sleep(Duration::from_millis(500)).await;
    }
    let seen: Vec<Seen> = staying.join_all().await;
    let kept = seen.iter().filter(|seen| seen.kept).count();
    let longest = seen.iter().map(|seen| seen.gap).max().unwrap_or_default();
    let ended = Instant::now();
    let code = tokio::task::spawn_blocking(move || daemon.stop(Signal::SIGCONT)).await;
    tell(&format!(
        "{count} of {} calls up at SIGTERM: {kept} kept until they hung up over {} s, longest time without \
         a packet {} ms; {refused} of {asked} new callers got 503; the process ended {} ms after the last, code {:?}",
        args.calls,
        args.seconds,
        longest.as_millis(),
        ended.elapsed().as_millis(),
        code.ok().flatten(),
    ));
}

/// Nobody hangs up: all hear goodbye at the cap.
async fn capped(args: &Args) {
    let (daemon, calls) = talking(args, "5s").await;
    let count = calls.len();
    daemon.signal(Signal::SIGTERM);
    let told = Instant::now();
    let mut ends = JoinSet::new();
    for call in calls {
        ends.spawn(async move {
            let end = timeout(PATIENCE, call.ended()).await;
            (end.is_ok_and(|end| end.cause == "remote"), told.elapsed())
        });
    }
    let ends = ends.join_all().await;
    let goodbyes = ends.iter().filter(|(remote, _)| *remote).count();
    let when: Figures = ends.iter().map(|(_, at)| at.as_secs_f64() * 1e3).collect();
    let code = tokio::task::spawn_blocking(move || daemon.stop(Signal::SIGCONT)).await;
    tell(&format!(
        "{count} calls at a cap of 5 s: {goodbyes} heard goodbye, the first after {:.0}, the last after {:.0} ms; code {:?}",
        when.percentile(0).unwrap_or(f64::NAN),
        when.percentile(100).unwrap_or(f64::NAN),
        code.ok().flatten(),
    ));
}

/// Longer than the cap, and than any answer.
const PATIENCE: Duration = Duration::from_secs(30);
