//! The built daemon as a gateway alone: calls from this machine are answered at once, each in a room
//! of its own, and nobody speaks there.

use std::fs;
use std::time::{Duration, Instant};

use trunkline_bridge::sip::{Caller, CallerOptions, OutgoingCall};
use trunkline_store::{Call, Store};
use trunkline_tests::{Daemon, Setup};

/// Where calls of the trunk come from; what floods comes from elsewhere on loopback.
pub const TRUNK: &str = "127.0.0.0/24";

/// The telephone's side of the configuration; `more` are further trunks. No agent comes, and calls are
/// kept all the same.
#[must_use]
pub fn configuration(more: &str) -> String {
    format!(
        "gateway:\n  answer: on_room\n  agent_wait: 1h\n\
         trunks:\n  - {{key: local, allowed_addresses: [{TRUNK}]}}\n{more}\
         rules:\n  - {{key: calls, individual: {{room_prefix: call}}}}\n"
    )
}

/// A daemon with that.
#[must_use]
pub fn start(configuration: String) -> Daemon {
    Daemon::start(&Setup {
        files: vec![("livekit-sip-correct.yaml", configuration)],
        without_agent: true,
        ..Setup::default()
    })
}

/// The daemon's own counters.
pub async fn exposition(daemon: &Daemon) -> String {
    let url = format!("http://{}/metrics", daemon.addr("console"));
    match reqwest::get(url).await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// The last calls as they were written down, the latest first.
pub async fn calls(daemon: &Daemon, count: u32) -> Vec<Call> {
    let path = daemon.data().join("trunkline.db");
    let Ok(store) = Store::open(&path.display().to_string()).await else {
        return Vec::new();
    };
    let calls = store.calls().list(count).await.unwrap_or_default();
    store.close().await;
    calls
}

/// Files that a process has open.
#[must_use]
pub fn open_files(pid: u32) -> Option<usize> {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .ok()
        .map(Iterator::count)
}

/// Threads of a process.
#[must_use]
pub fn threads(pid: u32) -> Option<usize> {
    fs::read_dir(format!("/proc/{pid}/task"))
        .ok()
        .map(Iterator::count)
}

/// What one phone saw of one call.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How long it took until somebody answered; nothing where nobody did.
    pub answered: Option<Duration>,
    /// Whether it was up until the phone hung up.
    pub kept: bool,
    /// The longest time without a packet.
    pub gap: Duration,
    /// Packets heard.
    pub packets: u64,
    /// Packets that never came.
    pub lost: u64,
}

/// Calls and stays for so long.
pub async fn call(options: CallerOptions, length: Duration) -> Seen {
    match Caller::call(options).await {
        Ok(call) => listen(call, length).await,
        Err(_) => Seen::default(),
    }
}

/// Listens to a call for so long, and hangs up.
pub async fn listen(mut call: OutgoingCall, length: Duration) -> Seen {
    let mut seen = Seen {
        answered: Some(Duration::from_millis(call.answered_ms)),
        ..Seen::default()
    };
    let end = tokio::time::Instant::now() + length;
    let mut last = Instant::now();
    seen.kept = loop {
        tokio::select! {
            frame = call.recv() => {
                let Some(frame) = frame else { break false };
                seen.gap = seen.gap.max(frame.arrival.saturating_duration_since(last));
                last = last.max(frame.arrival);
                seen.packets += 1;
            }
            () = tokio::time::sleep_until(end) => {
                seen.gap = seen.gap.max(last.elapsed());
                break !call.is_over();
            }
        }
    };
    seen.lost = call.hangup().await.lost;
    seen
}
