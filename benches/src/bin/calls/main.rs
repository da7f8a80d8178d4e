//! Calls against the built daemon: memory at rest, set-up times, and twenty conversations at once.
//!
//! Prints one JSON document. The callers run in this process, the daemon in its own, so that the
//! daemon's use of the machine is read from outside.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use trunkline_agent::speech::{Speech, SpeechConfig, models};
use trunkline_benches::{Figures, Usage, counter, usage};
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_media::SampleRate;
use trunkline_tests::{Daemon, Setup};

use talk::{Heard, converse};

mod talk;

/// Calls one after the other, for set-up times.
const SETUPS: usize = 30;
/// Conversations at once.
const TOGETHER: usize = 20;
/// Between one's start and the next one's: nearly five calls a second, and no whole number of
/// frames, since callers do not speak in step.
const APART: Duration = Duration::from_millis(207);
/// How long each lasts.
const CONVERSATION: Duration = Duration::from_secs(30);
/// What each caller asks, over and over.
const QUESTION: &str = "What are your opening hours?";

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

/// The question as 8 kHz samples, without the quiet around it. Spoken before anything is measured.
#[expect(
    clippy::expect_used,
    reason = "without the models there is nothing to measure"
)]
async fn question() -> Arc<[i16]> {
    let dir = std::env::var_os("TRUNKLINE_MODELS").map(PathBuf::from);
    let dir = dir.or_else(models::default_dir).expect("a home directory");
    let speech = Speech::load(&dir, &SpeechConfig::default()).expect("installed models");
    let stream = speech.tts().say(QUESTION.into());
    let mut pcm = stream.whole(SampleRate::HZ_8000).await.expect("a voice");
    let loud = |sample: &i16| sample.unsigned_abs() > 300;
    let last = pcm.iter().rposition(loud).map_or(0, |at| at + 1);
    pcm.truncate(last);
    pcm.into()
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
    let question = question().await;
    let before = usage(daemon.pid());
    let counted = exposition(daemon).await;
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..TOGETHER {
        let options = CallerOptions::new(target, format!("47{number:02}"));
        callers.spawn(converse(options, Arc::clone(&question), CONVERSATION));
        tokio::time::sleep(APART).await;
    }
    let all_in = exposition(daemon).await;
    let mut heard = Vec::new();
    while let Some(one) = callers.join_next().await {
        heard.push(one.unwrap_or_default());
    }
    let (after, counts) = (usage(daemon.pid()), exposition(daemon).await);
    let grown_by = |name: &str| counter(&counts, name) - counter(&counted, name);
    let late = |name: &str| {
        let coming = counter(&all_in, name) - counter(&counted, name);
        json!({ "while_they_come": coming, "after": grown_by(name) - coming })
    };
    let answers: Figures = heard
        .iter()
        .flat_map(|heard| heard.answers.clone())
        .collect();
    let sum = |of: fn(&Heard) -> usize| heard.iter().map(of).sum::<usize>();
    json!({
        "calls": TOGETHER,
        "answered": sum(|heard| usize::from(heard.answered)),
        "greeted": sum(|heard| usize::from(heard.greeted)),
        "questions": sum(|heard| heard.questions),
        "question_to_answer_ms": answers.to_json(),
        "frames": sum(|heard| heard.frames),
        "late_over_20_ms": {
            "at_the_callers": sum(|heard| heard.late),
            "in_the_gateway": late("trunkline_bridge_rtp_late_total"),
            "in_the_sfu": late("trunkline_node_frames_late_total"),
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
