//! The daemon that is measured, and what it has spent.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use trunkline_benches::{counter, usage};
use trunkline_tests::{Daemon, Setup, livekit_yaml, root};

/// What a call costs is told without its recording.
const RECORDED: &str = "recording:\n  enabled: true";
const NOT_RECORDED: &str = "recording:\n  enabled: false";

/// A node and its gateway, without an agent. A call is answered at once, in the room of the number
/// that is called.
pub(crate) struct House {
    daemon: Daemon,
    name: String,
    sip: SocketAddr,
}

/// What a process has used so far, or between two moments.
#[derive(Clone, Default)]
pub(crate) struct Spent {
    /// Since the process began.
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Of the thread that was busiest.
    pub(crate) fullest: Duration,
    /// Times that a thread went to sleep or was put aside.
    pub(crate) switches: usize,
    resident: u64,
    threads: BTreeMap<String, Duration>,
    at: Option<Instant>,
}

impl House {
    pub(crate) fn open(build: Option<&PathBuf>, gateway: &[String]) -> Self {
        let name = build.map_or_else(|| "this".to_owned(), |path| path.display().to_string());
        let daemon = Daemon::start(&Setup {
            without_agent: true,
            program: build.cloned(),
            files: vec![
                ("livekit-sip-correct.yaml", trunks(gateway)),
                ("security.yaml", limits()),
                livekit_yaml(&[(RECORDED, NOT_RECORDED)]),
            ],
            ..Setup::default()
        });
        let sip = daemon.addr("sip");
        let sip = sip
            .parse()
            .unwrap_or_else(|error| panic!("no address {sip}: {error}"));
        Self { daemon, name, sip }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn sip(&self) -> SocketAddr {
        self.sip
    }

    pub(crate) fn url(&self) -> String {
        self.daemon.url()
    }

    pub(crate) fn spent(&self) -> Spent {
        let pid = self.daemon.pid();
        let used = usage(pid);
        let (threads, switches) = threads(pid);
        Spent {
            cpu: used.map_or(Duration::ZERO, |used| used.cpu),
            resident: used.map_or(0, |used| used.resident),
            threads,
            switches,
            at: Some(Instant::now()),
            ..Spent::default()
        }
    }

    /// Frames that the gateway and the node were late with.
    pub(crate) async fn late(&self) -> f64 {
        let url = format!("http://{}/metrics", self.daemon.addr("console"));
        let text = match reqwest::get(url).await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        counter(&text, "trunkline_bridge_rtp_late_total")
            + counter(&text, "trunkline_node_frames_late_total")
    }
}

impl Spent {
    pub(crate) fn since(&self, before: &Self) -> Self {
        let of = |id: &String| before.threads.get(id).copied().unwrap_or_default();
        let fullest = self
            .threads
            .iter()
            .map(|(id, cpu)| cpu.saturating_sub(of(id)));
        let wall = self.at.zip(before.at).map(|(now, then)| now - then);
        Self {
            wall: wall.unwrap_or_default(),
            cpu: self.cpu.saturating_sub(before.cpu),
            fullest: fullest.max().unwrap_or_default(),
            switches: self.switches.saturating_sub(before.switches),
            ..self.clone()
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes as megabytes")]
    pub(crate) fn grown_mb(&self, before: &Self) -> f64 {
        self.resident.saturating_sub(before.resident) as f64 / 1e6
    }
}

/// Processor time of each thread, to the nanosecond, and how often all of them were switched.
fn threads(pid: u32) -> (BTreeMap<String, Duration>, usize) {
    let (mut spent, mut switches) = (BTreeMap::new(), 0);
    let Ok(all) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return (spent, switches);
    };
    for thread in all.flatten() {
        let path = thread.path();
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let nanos = text.split_whitespace().next().and_then(|n| n.parse().ok());
        let id = thread.file_name().to_string_lossy().into_owned();
        spent.insert(id, Duration::from_nanos(nanos.unwrap_or(0)));
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
        switches += counts
            .filter_map(|line| line.rsplit('\t').next()?.trim().parse::<usize>().ok())
            .sum::<usize>();
    }
    (spent, switches)
}

fn trunks(gateway: &[String]) -> String {
    let more: String = gateway.iter().map(|line| format!("  {line}\n")).collect();
    format!(
        "gateway:\n  udp: ${{TRUNKLINE_SIP_UDP:-127.0.0.1:5060}}\n  answer: on_room\n{more}\
         trunks:\n  - {{key: local, name: Phones, allowed_addresses: [127.0.0.0/8]}}\n\
         rules:\n  - {{key: calls, name: One room a number, trunks: [local], callee: {{room_prefix: leg}}}}\n"
    )
}

/// The shipped ones, with as many calls from this machine as are wanted.
fn limits() -> String {
    let path = root().join("config/security.yaml");
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("no security.yaml: {error}"));
    text.replace(
        "invites_per_second_per_source: 50",
        "invites_per_second_per_source: 10000",
    )
}
