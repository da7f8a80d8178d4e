//! The built daemon: node and gateway in one process, without an agent.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use trunkline_tests::{Daemon, Setup, livekit_yaml, root};

use super::{ROOMS, Stack};

/// What a call costs is told without its recording.
const RECORDED: &str = "recording:\n  enabled: true";
const NOT_RECORDED: &str = "recording:\n  enabled: false";

pub(super) struct Ours {
    daemon: Daemon,
    name: String,
    sip: SocketAddr,
}

impl Ours {
    pub(super) fn start(build: Option<&PathBuf>, gateway: &[String]) -> Self {
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
}

impl Stack for Ours {
    fn name(&self) -> &str {
        &self.name
    }

    fn sip(&self) -> SocketAddr {
        self.sip
    }

    fn url(&self) -> String {
        self.daemon.url()
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.daemon.pid()]
    }

    fn answers_alone(&self) -> bool {
        true
    }

    fn refusal(&self) -> u16 {
        488
    }

    fn exposition(&self) -> Option<String> {
        Some(format!("http://{}/metrics", self.daemon.addr("console")))
    }
}

fn trunks(gateway: &[String]) -> String {
    let more: String = gateway.iter().map(|line| format!("  {line}\n")).collect();
    format!(
        "gateway:\n  udp: ${{TRUNKLINE_SIP_UDP:-127.0.0.1:5060}}\n  answer: on_room\n{more}\
         trunks:\n  - {{key: local, name: Phones, allowed_addresses: [127.0.0.0/8]}}\n\
         rules:\n  - {{key: calls, name: One room a number, trunks: [local], callee: {{room_prefix: {ROOMS}}}}}\n"
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
