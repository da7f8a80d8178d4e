//! One round of work.

use std::process::Command;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_benches::counter;
use trunkline_benches::gateway::{self, Seen};
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_client::api::{LiveKitApiClient, table};
use trunkline_tests::line::{Relay, Weather};
use trunkline_tests::{Daemon, Kamailio, free_port, root, run};

use super::configuration;
use strangers::flood;

#[path = "../flood/strangers.rs"]
mod strangers;

/// The daemon and whoever it has to do with.
pub(crate) struct World {
    pub(crate) daemon: Daemon,
    provider: Option<Kamailio>,
    phones: u32,
    rounds: u64,
}

/// What one round came to, or all of them.
#[derive(Default)]
pub(crate) struct Round {
    rows: Vec<(&'static str, u32, u32)>,
    pub(crate) failures: Vec<String>,
}

impl Round {
    fn tell(&mut self, what: &'static str, good: u32, of: u32) {
        self.rows.push((what, good, of));
        if good < of {
            self.failures.push(format!("{what}: {good} of {of}"));
        }
    }

    /// Adds another's counts to these.
    pub(crate) fn add(&mut self, other: &Self) {
        for (what, good, of) in &other.rows {
            match self.rows.iter_mut().find(|(name, ..)| name == what) {
                Some(row) => (row.1, row.2) = (row.1 + good, row.2 + of),
                None => self.rows.push((what, *good, *of)),
            }
        }
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let rows = self
            .rows
            .iter()
            .map(|(what, good, of)| format!("{what:<44} {good:>7} of {of}\n"));
        rows.collect()
    }
}

impl World {
    pub(crate) const fn new(daemon: Daemon, provider: Option<Kamailio>, phones: u32) -> Self {
        Self {
            daemon,
            provider,
            phones,
            rounds: 0,
        }
    }

    /// Everything once, as far as it goes side by side.
    pub(crate) async fn round(&mut self) -> Round {
        self.rounds += 1;
        let mut round = Round::default();
        let target = format!("sip:100@{}", self.daemon.addr("sip"));
        let (plain, bad, sipp, transfers, placed, ()) = tokio::join!(
            phones(target.clone(), self.phones),
            over_bad_line(&self.daemon, self.phones.div_ceil(2), self.rounds),
            scenarios(&self.daemon),
            transfers(&self.daemon, &target),
            placed(&self.daemon),
            flooded(&self.daemon),
        );
        let kept = |seen: &[Seen]| {
            u32::try_from(seen.iter().filter(|seen| seen.kept).count()).unwrap_or(0)
        };
        round.tell(
            "calls with keys, kept to their end",
            kept(&plain),
            self.phones,
        );
        round.tell(
            "calls over a line of 3 % loss and 30 ms",
            kept(&bad),
            self.phones.div_ceil(2),
        );
        for (what, good) in sipp {
            round.tell(what, u32::from(good), 1);
        }
        round.tell("transfers asked for, told, and the call kept", transfers, 2);
        if let Some(placed) = placed {
            round.tell(
                "calls placed by the API, and hung up there",
                u32::from(placed),
                1,
            );
        }
        let reloaded = self.reload().await;
        round.tell("reloads with calls up", u32::from(reloaded), 1);
        if let Some(registered) = self.registrar().await {
            round.tell(
                "registrations after the registrar came back",
                u32::from(registered),
                1,
            );
        }
        round
    }

    /// The file changes under a call, and the daemon stays ready.
    async fn reload(&self) -> bool {
        let file = self.daemon.config().join("livekit-sip-correct.yaml");
        let text = configuration(self.provider.as_ref(), self.rounds % 2 == 1);
        let target = format!("sip:100@{}", self.daemon.addr("sip"));
        let call = gateway::call(CallerOptions::new(target, "4700"), Duration::from_secs(6));
        let written = async {
            sleep(Duration::from_secs(1)).await;
            std::fs::write(file, text).is_ok()
        };
        let (seen, written) = tokio::join!(call, written);
        written && seen.kept && self.is_ready().await
    }

    async fn is_ready(&self) -> bool {
        let url = format!("http://{}/readyz", self.daemon.addr("console"));
        reqwest::get(url)
            .await
            .is_ok_and(|answer| answer.status().is_success())
    }

    /// The registrar is away for a moment: afterwards the trunk is registered again.
    async fn registrar(&mut self) -> Option<bool> {
        let provider = self.provider.as_mut()?;
        provider.stop();
        sleep(Duration::from_secs(1)).await;
        provider.run();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            sleep(Duration::from_millis(500)).await;
            let caller = Caller::call(CallerOptions::new(provider.target(), "4701"));
            if let Ok(Ok(call)) = tokio::time::timeout(Duration::from_secs(3), caller).await {
                call.hangup().await;
                let counts = gateway::exposition(&self.daemon).await;
                return Some(counter(&counts, "trunkline_bridge_sip_registrations") >= 1.0);
            }
        }
        Some(false)
    }
}

/// Phones that talk for a while, and press keys.
async fn phones(target: String, count: u32) -> Vec<Seen> {
    let mut calls = JoinSet::new();
    for number in 0..count {
        let options = CallerOptions::new(&target, format!("46{number:03}"));
        calls.spawn(async move {
            let Ok(call) = Caller::call(options).await else {
                return Seen::default();
            };
            call.dtmf("12#").await;
            gateway::listen(call, TALK).await
        });
        sleep(Duration::from_millis(53)).await;
    }
    calls.join_all().await
}

async fn over_bad_line(daemon: &Daemon, count: u32, seed: u64) -> Vec<Seen> {
    let sound = Weather {
        loss: 0.03,
        burst: 2.5,
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(30),
        reorder: 0.01,
        duplicate: 0.01,
    };
    let signalling = Weather {
        loss: 0.03,
        delay: Duration::from_millis(40),
        ..Weather::default()
    };
    let Ok(address) = daemon.addr("sip").parse() else {
        return Vec::new();
    };
    let Ok(relay) = Relay::start(address, sound, signalling, seed << 20) else {
        return Vec::new();
    };
    let mut calls = JoinSet::new();
    for number in 0..count {
        let target = format!("sip:100@{}", relay.addr());
        calls.spawn(gateway::call(
            CallerOptions::new(target, format!("45{number:03}")),
            TALK,
        ));
    }
    let seen = calls.join_all().await;
    drop(relay);
    seen
}

/// sipp's calls, each of one scenario; those that are not to be had are left out.
async fn scenarios(daemon: &Daemon) -> Vec<(&'static str, bool)> {
    const SCENARIOS: [(&str, &str); 6] = [
        ("ok", "sipp: call"),
        ("hold", "sipp: hold and resume"),
        ("dtmf", "sipp: keys"),
        ("retransmission", "sipp: a late ACK"),
        ("cancel-crossing", "sipp: a CANCEL across the answer"),
        ("reliable", "sipp: reliable ringing"),
    ];
    let mut passed = Vec::new();
    for (scenario, what) in SCENARIOS {
        let args = vec!["-s".to_owned(), "100".to_owned(), daemon.addr("sip")];
        if let Some(good) = sipp(scenario, args).await {
            passed.push((what, good));
        }
    }
    passed
}

/// One run of a scenario to its end; nothing where sipp is not installed.
async fn sipp(scenario: &'static str, args: Vec<String>) -> Option<bool> {
    let passed = tokio::task::spawn_blocking(move || {
        let scratch = tempfile::tempdir().ok()?;
        let mut command = Command::new("sipp");
        Command::new("sipp").arg("-v").output().ok()?;
        command
            .current_dir(scratch.path())
            .arg("-sf")
            .arg(root().join("peers/sipp").join(format!("{scenario}.xml")))
            .args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", "1", "-nostdin"])
            .args(["-timeout", "40", "-timeout_error"])
            .args(args);
        Some(run(&mut command, Duration::from_secs(60)).status.success())
    });
    passed.await.ok().flatten()
}

/// The API has somebody called, who answers and hangs up.
async fn placed(daemon: &Daemon) -> Option<bool> {
    let port = free_port();
    let listens = sipp("called-answers", vec!["-p".to_owned(), port.to_string()]);
    let order = proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: format!("127.0.0.1:{port}"),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "+15550100".to_owned(),
        room_name: "placed".to_owned(),
        participant_identity: "callee".to_owned(),
        wait_until_answered: true,
        ..Default::default()
    };
    let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
    let api = LiveKitApiClient::new(&daemon.url(), keys).ok()?;
    // The INVITE is repeated until the scenario listens.
    let (good, answer) = tokio::join!(listens, api.call(&table::CREATE_SIP_PARTICIPANT, order));
    good.map(|good| good && answer.is_ok())
}

/// Phones that are asked to go elsewhere, and decline: the API hears it and the call goes on.
async fn transfers(daemon: &Daemon, target: &str) -> u32 {
    let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
    let Ok(api) = LiveKitApiClient::new(&daemon.url(), keys) else {
        return 0;
    };
    let mut good = 0;
    for number in 0..2 {
        let from = format!("44{number:03}");
        let Ok(call) = Caller::call(CallerOptions::new(target, &from)).await else {
            continue;
        };
        let identity = format!("sip_{from}");
        let Some(room) = room_of(&api, &identity).await else {
            continue;
        };
        let asked = proto::TransferSipParticipantRequest {
            participant_identity: identity,
            room_name: room,
            transfer_to: "sip:+15550177@provider.example".to_owned(),
            ..Default::default()
        };
        let told = api.call(&table::TRANSFER_SIP_PARTICIPANT, asked).await;
        let is_told = told.is_err_and(|error| error.refusal().is_some());
        let seen = gateway::listen(call, Duration::from_secs(1)).await;
        good += u32::from(is_told && seen.kept);
    }
    good
}

async fn room_of(api: &LiveKitApiClient, identity: &str) -> Option<String> {
    for room in api.list_rooms(&[]).await.ok()? {
        let Ok(name) = trunkline_base::id::RoomName::parse(&room.name) else {
            continue;
        };
        let there = api.list_participants(&name).await.unwrap_or_default();
        if there.iter().any(|one| one.identity == identity) {
            return Some(room.name);
        }
    }
    None
}

/// Strangers for three seconds.
async fn flooded(daemon: &Daemon) {
    if let Ok(address) = daemon.addr("sip").parse() {
        flood(address, &FLOOD).await;
    }
}

const FLOOD: strangers::Flood = strangers::Flood {
    rate: 500,
    length: Duration::from_secs(3),
    sources: 200,
    known: false,
};

const TALK: Duration = Duration::from_secs(8);

/// How long a registration may take to come back.
const PATIENCE: Duration = Duration::from_secs(45);
