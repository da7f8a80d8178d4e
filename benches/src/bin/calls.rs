//! Calls against the built daemon: memory at rest, set-up times, and twenty conversations at once.
//!
//! Prints one JSON document. The callers run in this process, the daemon in its own, so that the
//! daemon's use of the machine is read from outside.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use trunkline_benches::{Figures, Usage, counter, usage};
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_media::level;
use trunkline_tests::{Daemon, Setup};

/// Calls one after the other, for set-up times.
const SETUPS: usize = 30;
/// Conversations at once.
const TOGETHER: usize = 20;
/// How long they last.
const CONVERSATION: Duration = Duration::from_secs(30);
/// The agent is heard in a frame at least this loud, in dBov.
const HEARD: i8 = -50;

#[tokio::main]
async fn main() {
    let bare = resident(&Daemon::start(&Setup {
        without_agent: true,
        ..Setup::default()
    }));
    let daemon = Daemon::start(&Setup::default());
    let with_models = resident(&daemon);
    let target = format!("sip:agent@{}", daemon.addr("sip"));
    let setups = setups(&target).await;
    let together = together(&daemon, &target).await;
    let report = json!({
        "resident_mb": { "without_models": bare, "with_models": with_models },
        "invite_to_200_ms": setups.to_json(),
        "together": together,
    });
    show(&report);
}

#[expect(clippy::print_stdout, reason = "the report of a measurement")]
fn show(report: &Value) {
    println!("{report:#}");
}

fn resident(daemon: &Daemon) -> Option<u64> {
    usage(daemon.pid()).map(|usage| usage.resident / 1_000_000)
}

async fn setups(target: &str) -> Figures {
    let mut took = Vec::new();
    for _ in 0..SETUPS {
        let Ok(call) = Caller::call(CallerOptions::new(target, "4711")).await else {
            continue;
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of a call's set-up"
        )]
        took.push(call.answered_ms as f64);
        call.hangup().await;
    }
    took.into_iter().collect()
}

/// What one caller saw of one conversation.
#[derive(Default)]
struct Heard {
    answered: bool,
    greeted: bool,
    /// Frames that came more than 20 ms after the beat of the ones before.
    late: usize,
    frames: usize,
    lost: u64,
}

/// The daemon's own counters.
async fn exposition(daemon: &Daemon) -> String {
    let url = format!("http://{}/metrics", daemon.addr("console"));
    match reqwest::get(url).await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

async fn together(daemon: &Daemon, target: &str) -> Value {
    let before = usage(daemon.pid());
    let counted = exposition(daemon).await;
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..TOGETHER {
        let target = target.to_owned();
        callers.spawn(converse(target, format!("47{number:02}")));
    }
    let mut heard = Vec::new();
    while let Some(one) = callers.join_next().await {
        heard.push(one.unwrap_or_default());
    }
    let (after, counts) = (usage(daemon.pid()), exposition(daemon).await);
    let grown_by = |name: &str| counter(&counts, name) - counter(&counted, name);
    let sum = |of: fn(&Heard) -> usize| heard.iter().map(of).sum::<usize>();
    json!({
        "calls": TOGETHER,
        "answered": sum(|heard| usize::from(heard.answered)),
        "greeted": sum(|heard| usize::from(heard.greeted)),
        "frames": sum(|heard| heard.frames),
        "late_over_20_ms": {
            "at_the_callers": sum(|heard| heard.late),
            "in_the_gateway": grown_by("trunkline_bridge_rtp_late_total"),
            "in_the_sfu": grown_by("trunkline_node_frames_late_total"),
        },
        "packets_in_the_sfu": {
            "in": grown_by("trunkline_node_media_packets_in_total"),
            "out": grown_by("trunkline_node_media_packets_out_total"),
        },
        "lost": heard.iter().map(|heard| heard.lost).sum::<u64>(),
        "cpu_percent_of_one_core_per_call": share(before, after, began.elapsed()),
        "memory_mb_per_call": grown(before, after),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls")]
fn share(before: Option<Usage>, after: Option<Usage>, wall: Duration) -> Option<f64> {
    let used = after?.cpu.saturating_sub(before?.cpu);
    Some(100.0 * used.as_secs_f64() / wall.as_secs_f64() / TOGETHER as f64)
}

#[expect(clippy::cast_precision_loss, reason = "bytes as megabytes")]
fn grown(before: Option<Usage>, after: Option<Usage>) -> Option<f64> {
    let grown = after?.resident.saturating_sub(before?.resident);
    Some(grown as f64 / 1e6 / TOGETHER as f64)
}

async fn converse(target: String, from: String) -> Heard {
    let mut heard = Heard::default();
    let Ok(mut call) = Caller::call(CallerOptions::new(target, from)).await else {
        return heard;
    };
    heard.answered = true;
    let end = tokio::time::Instant::now() + CONVERSATION;
    let mut beat: Option<(Instant, u64)> = None;
    loop {
        let frame = tokio::select! {
            frame = call.recv() => frame,
            () = tokio::time::sleep_until(end) => break,
        };
        let Some(frame) = frame else { break };
        heard.frames += 1;
        heard.greeted |= level::dbov(&frame.samples) >= HEARD;
        // The earliest frame sets the beat; the others are measured against it.
        let (start, first) = *beat.get_or_insert((frame.arrival, frame.sequence));
        let due = start + Duration::from_millis(20 * frame.sequence.saturating_sub(first));
        if frame.arrival > due + Duration::from_millis(20) {
            heard.late += 1;
        } else if frame.arrival < due {
            beat = Some((frame.arrival, frame.sequence));
        }
        call.send(&[0; 160]).await;
    }
    heard.lost = call.hangup().await.lost;
    heard
}
