//! A daemon that is killed and started again at the same addresses, and what it keeps.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::time::Duration;

use livekit_protocol as proto;
use tempfile::TempDir;
use tokio::time::timeout;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_client::api::LiveKitApiClient;
use trunkline_store::{Call, Journalled, Store};
use trunkline_tests::{Daemon, Setup, livekit_yaml, root};

use super::house::{House, LIMIT};

/// Where a daemon listens, whichever time it is started, and what it keeps.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    env: Vec<(&'static str, String)>,
}

impl Place {
    pub(crate) fn new(rtp_ports: &str) -> Self {
        let tcp = || {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().to_string()
        };
        let udp = || {
            let free = UdpSocket::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().to_string()
        };
        let env = vec![
            ("TRUNKLINE_HTTP", tcp()),
            ("TRUNKLINE_RTC_UDP", udp()),
            ("TRUNKLINE_SIP_UDP", udp()),
            ("TRUNKLINE_SIP_TCP", tcp()),
            ("TRUNKLINE_RTP_PORTS", rtp_ports.to_owned()),
        ];
        Self {
            dir: tempfile::tempdir().unwrap(),
            env,
        }
    }

    /// Everything in one process, but for the agent.
    pub(crate) fn alone(&self) -> Daemon {
        Daemon::start(&Setup {
            without_agent: true,
            env: self.env.clone(),
            data: Some(self.dir.path().to_owned()),
            ..Setup::default()
        })
    }

    /// The same, where calls are answered at once and wait for a minute.
    pub(crate) fn alone_at_once(&self) -> Daemon {
        self.at_once_with(&[])
    }

    /// The same, with some more text of its file changed.
    pub(crate) fn at_once_with(&self, changes: &[(&'static str, String)]) -> Daemon {
        let file = root().join("config/livekit-sip-correct.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        let text = text.replace("answer: on_agent ", "answer: on_room ");
        let text = text.replace("agent_wait: 20s ", "agent_wait: 60s ");
        // How full a daemon built for tests is beside others is no question of theirs.
        let text = text.replace("busy: 90% ", "busy: 100% ");
        let text = changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "the file does not say {from}");
            text.replacen(from, to, 1)
        });
        Daemon::start(&Setup {
            without_agent: true,
            files: vec![("livekit-sip-correct.yaml", text)],
            env: self.env.clone(),
            data: Some(self.dir.path().to_owned()),
            ..Setup::default()
        })
    }

    /// A gateway beside the house's node.
    pub(crate) fn gateway(&self, house: &House) -> Daemon {
        let files = vec![livekit_yaml(&[("server: embedded", "server: remote")])];
        let mut setup = house.setup(files);
        setup.env.extend(self.env.clone());
        setup.data = Some(self.dir.path().to_owned());
        Daemon::start(&setup)
    }

    pub(crate) async fn record(&self, call: &str) -> Call {
        record(self.dir.path(), call).await
    }
}

/// The row of a call that has ended.
async fn record(data: &Path, call_id: &str) -> Call {
    let path = data.join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    let ended = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            let calls = store.calls().list(50).await.unwrap();
            let mut found = calls.into_iter();
            let found = found.find(|one| one.call_id == call_id && one.ended_at.is_some());
            if let Some(found) = found {
                return found;
            }
        }
    };
    let found = timeout(LIMIT, ended).await.expect("a row that ends");
    store.close().await;
    found
}

/// The calls that are up, latest first.
pub(crate) async fn up(data: &Path) -> Vec<Call> {
    let path = data.join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    let mut calls = store.calls().list(50).await.unwrap();
    calls.retain(|one| one.ended_at.is_none());
    store.close().await;
    calls
}

/// Waits until so many calls are written down.
pub(crate) async fn journalled(data: &Path, calls: usize) {
    let path = data.join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    let written = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            let all = store.journal().all().await.unwrap();
            let whole = |one: &&Journalled| one.dialog.is_some() && one.call.is_some();
            if all.values().filter(whole).count() == calls {
                return;
            }
        }
    };
    timeout(LIMIT, written)
        .await
        .expect("calls are written down");
    store.close().await;
}

pub(crate) async fn journal_is_empty(data: &Path) {
    let path = data.join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    assert!(store.journal().all().await.unwrap().is_empty());
    store.close().await;
}

/// The keys of development mode.
pub(crate) fn dev() -> KeyRing {
    KeyRing::from(ApiKey::new("devkey", "secret"))
}

/// Has a number called at that address, and the callee brought to the lobby; the id of the call.
pub(crate) async fn order(daemon: &Daemon, address: &str) -> String {
    let api = LiveKitApiClient::new(&daemon.url(), dev()).unwrap();
    let order = proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: address.to_owned(),
            transport: i32::from(proto::SipTransport::Udp),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "+15550100".to_owned(),
        room_name: "lobby".to_owned(),
        participant_identity: "callee".to_owned(),
        ..Default::default()
    };
    api.create_sip_participant(order).await.unwrap().sip_call_id
}
