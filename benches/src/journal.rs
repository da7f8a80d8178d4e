//! What a daemon's journal says of a call, and what its recording holds.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use trunkline_media::SampleRate;
use trunkline_media::analyse::{Rules, Segment, segments};
use trunkline_media::ogg::Reader;
use trunkline_tests::Daemon;

use crate::counter;

/// How long a call may take to be written down.
const SETTLE: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// One turn as it was written down.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// When it began, on the wall clock, in milliseconds.
    pub at: u64,
    /// What the agent understood; empty for what it said unasked.
    pub heard: String,
    /// What it said.
    pub said: String,
    /// Caller's first sound to the agent's last, where the caller cut in.
    pub barge_in_ms: Option<f64>,
    /// Speech to text.
    pub stt_ms: Option<f64>,
    /// Last sound to the decision.
    pub turn_ms: Option<f64>,
    /// Text to the first sentence.
    pub llm_ms: Option<f64>,
    /// Sentence to its first sound.
    pub tts_ms: Option<f64>,
}

/// One call as it was written down.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Its turns, in order.
    pub turns: Vec<Turn>,
    recording: Option<PathBuf>,
}

/// Both sides of a recording, when each was heard.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// The caller's stretches of sound.
    pub caller: Vec<Segment>,
    /// The agent's.
    pub agent: Vec<Segment>,
}

/// What the last call from a number came to so far.
pub async fn so_far(daemon: &Daemon, from: &str) -> Record {
    let found = read(daemon, from).await;
    found.map(|(record, _)| record).unwrap_or_default()
}

/// The last call from a number, once all of it is written down or the time for that is over.
pub async fn of_caller(daemon: &Daemon, from: &str) -> Record {
    let end = Instant::now() + SETTLE;
    loop {
        let found = read(daemon, from).await;
        let whole = found.as_ref().is_some_and(|(_, ended)| *ended);
        if whole || Instant::now() >= end {
            return found.map(|(record, _)| record).unwrap_or_default();
        }
        sleep(LOOK).await;
    }
}

async fn read(daemon: &Daemon, from: &str) -> Option<(Record, bool)> {
    let list = get(daemon, "/api/calls?limit=20").await?;
    let call = list["calls"].as_array()?.iter().find(|call| {
        let caller = call["caller"].as_str().unwrap_or_default();
        caller == from
    })?;
    let id = call["call_id"].as_str()?;
    let document = get(daemon, &format!("/api/calls/{id}")).await?;
    let turns = document["turns"].as_array()?.iter().map(turn).collect();
    let recording = document["recordings"].as_array()?.first();
    let recorded = recording.filter(|recording| !recording["ended_at"].is_null());
    let path = recorded.and_then(|recording| recording["path"].as_str());
    let ended = !document["call"]["ended_at"].is_null() && path.is_some();
    let record = Record {
        turns,
        recording: path.map(PathBuf::from),
    };
    Some((record, ended))
}

fn turn(value: &Value) -> Turn {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let ms = |name: &str| value["latency"][name].as_f64();
    Turn {
        at: value["at"].as_u64().unwrap_or_default(),
        heard: text("heard"),
        said: text("said"),
        barge_in_ms: ms("barge_in_ms"),
        stt_ms: ms("stt_ms"),
        turn_ms: ms("turn_ms"),
        llm_ms: ms("llm_ms"),
        tts_ms: ms("tts_ms"),
    }
}

impl Record {
    /// The recording's two sides; nothing when there is none.
    #[must_use]
    pub fn sides(&self) -> Option<Sides> {
        let bytes = std::fs::read(self.recording.as_ref()?).ok()?;
        let rate = SampleRate::HZ_16000;
        let stereo = Reader::new(&bytes).ok()?.decode(rate).ok()?;
        Some(Sides {
            caller: segments(&stereo.left, rate, &Rules::default()),
            agent: segments(&stereo.right, rate, &Rules::default()),
        })
    }
}

/// Frames that the daemon passed on more than 20 ms late: by the gateway, by the SFU.
pub async fn late(daemon: &Daemon) -> (f64, f64) {
    let text = text(daemon, "/metrics").await.unwrap_or_default();
    (
        counter(&text, "trunkline_bridge_rtp_late_total"),
        counter(&text, "trunkline_node_frames_late_total"),
    )
}

async fn get(daemon: &Daemon, path: &str) -> Option<Value> {
    serde_json::from_str(&text(daemon, path).await?).ok()
}

async fn text(daemon: &Daemon, path: &str) -> Option<String> {
    let url = format!("http://{}{path}", daemon.addr("console"));
    reqwest::get(url).await.ok()?.text().await.ok()
}
