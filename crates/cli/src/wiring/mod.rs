//! The parts of the daemon, started in order and tied together. The parts do not know each other:
//! they meet in rooms, in the store, and here.
//!
//! ```text
//! store ─► console ─► node (its webhooks go to the console) ─► recorder ─► events ─► agent ─► SIP set-up ─► gateway
//!                       └──── changed trunks and rules ────────────────────────────────────────────────────────┤
//!                                                                recorder ◄──── rooms with a call in them ─────┘
//! ```

mod api_metrics;
mod recording;
mod sip_setup;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{info, warn};
use trunkline_agent::speech::Speech;
use trunkline_agent::worker::{AgentHandle, AgentWorker};
use trunkline_base::class::Class;
use trunkline_base::id::RoomName;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_bridge::egress::{Recorder, RecorderConfig};
use trunkline_bridge::sip::{Gateway, GatewayConfig, GatewayHandle, OwnSetup, ServerStore};
use trunkline_client::api::{ApiOptions, LiveKitApiClient, Watch};
use trunkline_client::auth::LiveKitAuthManager;
use trunkline_console::webhooks::EventsConfig;
use trunkline_console::{Access, ConsoleConfig, ConsoleHandle, Part};
use trunkline_node::{Node, NodeConfig, NodeHandle, Receiver, WebhookConfig};
use trunkline_service::listen::Door;
use trunkline_service::tasks::{DrainReport, Limits, Tasks};
use trunkline_store::Store;

use crate::failure::Failure;
use crate::retention;
use crate::settings::{Http, Server, Settings};
use crate::verbs::now;

/// How long the start waits for a part to be known to the server, or to know what it needs.
const REGISTERED: Duration = Duration::from_secs(5);

/// What to start.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) keys: KeyRing,
    /// Well-known keys, loopback only.
    pub(crate) dev: bool,
    /// The agent's voice; without one no agent is started.
    pub(crate) speech: Option<Speech>,
}

/// The running parts.
pub(crate) struct Stack {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) node: Option<NodeHandle>,
    pub(crate) console: ConsoleHandle,
    pub(crate) gateway: Option<GatewayHandle>,
    worker: Option<AgentHandle>,
}

/// The well-known pair of LiveKit's development mode.
pub(crate) fn dev_keys() -> KeyRing {
    KeyRing::from(ApiKey::new("devkey", "secret"))
}

impl Stack {
    /// Starts everything, each part once what it needs is there.
    ///
    /// # Errors
    /// The first part that cannot start, with its remedy.
    pub(crate) async fn start(plan: Plan, tasks: &Tasks) -> Result<Self, Failure> {
        let Plan {
            mut settings,
            keys,
            dev,
            speech,
        } = plan;
        let store = open_store(&settings.livekit.store).await?;
        let forgetting =
            retention::follow(store.clone(), settings.security.retention, tasks.stop());
        tasks.vital("retention", forgetting);
        let parts = Arc::new(watch::Sender::new(Vec::new()));
        let door = door(&settings, tasks)?;
        let config = ConsoleConfig {
            bind: settings.monitoring.console,
            door: door.clone(),
            access: Access {
                open: dev,
                metrics_key: settings.monitoring.metrics_key.clone(),
                hosts: settings.monitoring.hosts.clone(),
            },
            keys: keys.clone(),
            events: EventsConfig {
                retain: settings.security.retention.events.unwrap_or(Duration::MAX),
                ..EventsConfig::default()
            },
        };
        let console =
            trunkline_console::start(config, store.clone(), parts.subscribe(), tasks).await?;
        let node = match settings.livekit.server {
            Server::Embedded => {
                let config = node_config(&settings, &keys, dev, door, &console);
                Some(Node::start(config, store.clone(), tasks.clone()).await?)
            }
            Server::Remote => None,
        };
        if let Some(node) = &node {
            settings.livekit.url = node.url();
            report(&parts, "node", "listens");
        }
        let calls = recorder(&settings, &keys, node.as_ref(), &store, tasks).await?;
        // Whoever listens to events listens now.
        console.process(Vec::new(), tasks);
        let worker = worker(&settings, &keys, speech, &store, tasks).await?;
        if worker.is_some() {
            report(&parts, "agent", "registered");
        }
        let recording = describe_recording(&settings, calls.is_some());
        report(&parts, "recording", recording);
        let gateway = gateway(&settings, &keys, node.as_ref(), calls, &store, tasks).await?;
        if let Some(gateway) = &gateway {
            report(&parts, "sip", describe_sip(gateway, node.as_ref()).await);
        }
        if node.is_none() {
            let own = format!("http://{}/webhooks/livekit", console.addr());
            let text = format!("come as webhooks: name {own} in LiveKit's webhook.urls");
            report(&parts, "events", &text);
        }
        let url = settings.livekit.url.clone();
        Ok(Self {
            store,
            url,
            node,
            console,
            gateway,
            worker,
        })
    }

    /// Ends in order: calls may finish within the limit, then whoever is in the embedded rooms,
    /// within the same limit once more; what is left then is ended politely, calls first, so that
    /// their phones hear why. A hurry cuts every wait short.
    pub(crate) async fn drain(&self, tasks: &Tasks, limits: Limits) -> DrainReport {
        tasks.begin_drain("the daemon is ending");
        let stop = tasks.stop();
        tokio::select! {
            biased;
            () = stop.hurry() => {}
            () = self.wait_for_the_last(limits) => {}
        }
        tasks.hurry();
        tasks.finish(limits).await
    }

    async fn wait_for_the_last(&self, limits: Limits) {
        // Where the server is elsewhere, others take what comes; here nobody else would.
        let early = self.worker.as_ref().filter(|_| self.node.is_none());
        let conversations = async {
            if let Some(worker) = early {
                let _ = timeout(limits.drain, worker.drain()).await;
            }
        };
        tokio::join!(self.calls_and_rooms(limits), conversations);
        if let Some(worker) = &self.worker {
            let _ = timeout(limits.hurry, worker.drain()).await;
        }
        if let Some(node) = &self.node {
            let _ = timeout(limits.hurry, node.drain()).await;
        }
    }

    async fn calls_and_rooms(&self, limits: Limits) {
        let seconds = limits.drain.as_secs();
        if let Some(gateway) = &self.gateway {
            let calls = gateway.calls();
            if calls > 0 {
                info!(
                    calls,
                    seconds, "waiting for calls; a second signal ends them"
                );
            }
            if timeout(limits.drain, gateway.drain()).await.is_err() {
                warn!(calls = gateway.calls(), "ending calls that go on");
                let _ = timeout(limits.hurry, gateway.hang_up()).await;
            }
        }
        if let Some(node) = &self.node {
            let people = node.participants();
            if people > 0 {
                info!(
                    people,
                    seconds, "waiting for rooms; a second signal ends them"
                );
            }
            if timeout(limits.drain, node.vacated()).await.is_err() {
                warn!(people = node.participants(), "closing rooms that go on");
            }
        }
    }

    /// Where SIP over UDP is taken.
    pub(crate) fn sip_addr(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(GatewayHandle::addr)
    }
}

fn report(parts: &watch::Sender<Vec<Part>>, name: &'static str, detail: &str) {
    parts.send_modify(|parts| {
        parts.push(Part {
            name,
            ready: true,
            detail: detail.to_owned(),
        })
    });
}

async fn open_store(path: &Path) -> Result<Store, Failure> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).map_err(|error| {
            let text = format!(
                "cannot make {}: {error}; choose another store.path",
                dir.display()
            );
            Failure::new(Class::Invalid, "store.dir", text)
        })?;
    }
    let store = Store::open(&path.display().to_string()).await?;
    let orphans = store.calls().close_orphans(now()).await?;
    if orphans > 0 {
        info!(
            calls = orphans,
            "closed the calls of a process that was killed"
        );
    }
    Ok(store)
}

/// Who may come in: to the node and to the console alike, with one certificate.
fn door(settings: &Settings, tasks: &Tasks) -> Result<Door, Failure> {
    let security = &settings.security;
    let tls = security.transport.certificates()?;
    if let Some(certificates) = tls.clone() {
        tasks.vital("certificate", certificates.follow(tasks.stop()));
    }
    let Http { caps, clocks } = security.http.clone();
    Ok(security.transport.door(caps, clocks, tls))
}

fn node_config(
    settings: &Settings,
    keys: &KeyRing,
    dev: bool,
    door: Door,
    console: &ConsoleHandle,
) -> NodeConfig {
    let wanted = &settings.livekit.node;
    let own = format!("http://{}/webhooks/livekit", reachable(console.addr()));
    let others = wanted.webhooks.iter().cloned();
    let receivers = std::iter::once(own)
        .chain(others)
        .map(Receiver::all)
        .collect();
    let tls = settings.security.transport_rules().tls_for_http();
    NodeConfig {
        node_ips: wanted.node_ip.into_iter().collect(),
        dev,
        door,
        webhooks: WebhookConfig {
            receivers,
            tls: tls.ok().map(Arc::new),
            ..WebhookConfig::default()
        },
        rooms: wanted.rooms.defaults,
        limits: wanted.rooms.limits,
        presets: wanted.rooms.presets.clone(),
        ingress: wanted.rooms.ingress.clone(),
        ..NodeConfig::new(wanted.http, wanted.rtc_udp, keys.clone())
    }
}

/// Where this process reaches a listener of its own.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip([127, 0, 0, 1].into());
    }
    addr
}

/// Starts the recorder, and gives the lane on which it is told of calls.
async fn recorder(
    settings: &Settings,
    keys: &KeyRing,
    node: Option<&NodeHandle>,
    store: &Store,
    tasks: &Tasks,
) -> Result<Option<mpsc::Sender<RoomName>>, Failure> {
    if !settings.livekit.recording.enabled {
        return Ok(None);
    }
    let config = RecorderConfig {
        transport: settings.security.transport_rules(),
        ..RecorderConfig::new(
            settings.livekit.url.clone(),
            keys.clone(),
            settings.livekit.recording.dir.clone(),
        )
    };
    let recorder = Recorder::start(config, store.clone(), tasks.clone()).await?;
    let (calls, followed) = mpsc::channel(CALLS);
    tasks.vital(
        "recording",
        recording::follow(followed, recorder.clone(), tasks.stop()),
    );
    if let Some(orders) = node.and_then(NodeHandle::take_egress_orders) {
        tasks.vital(
            "egress orders",
            recording::obey(orders, recorder.clone(), tasks.stop()),
        );
    }
    let told = recording::Told {
        node: node.cloned(),
        store: store.clone(),
    };
    tasks.vital(
        "egress events",
        recording::tell(recorder.events(), told, tasks.stop()),
    );
    Ok(Some(calls))
}

fn describe_recording(settings: &Settings, runs: bool) -> &'static str {
    match (runs, settings.livekit.sip.enabled) {
        (true, true) => "follows the calls of this gateway",
        (true, false) => {
            warn!("recording is enabled, and no call starts it: sip is not enabled here");
            "nothing to follow: sip is not enabled here"
        }
        (false, _) => "off: recording.enabled is false",
    }
}

async fn worker(
    settings: &Settings,
    keys: &KeyRing,
    speech: Option<Speech>,
    store: &Store,
    tasks: &Tasks,
) -> Result<Option<AgentHandle>, Failure> {
    let (Some(mut config), Some(speech)) = (settings.agent.clone(), speech) else {
        warn!("no agent is started: agent.yaml or the models are not there");
        return Ok(None);
    };
    config.announcement = settings.livekit.recording.announcement();
    let api = background_api(settings, keys)?;
    let agent = AgentWorker::start(config, api, keys.clone(), speech, store.clone(), tasks)?;
    // Ready means that a call finds an agent. A remote server that is away is sought for as long
    // as the daemon lives, so there is a limit to waiting for it.
    if timeout(REGISTERED, agent.registered()).await.is_err() {
        warn!("the agent is not registered yet; it goes on trying");
    }
    Ok(Some(agent))
}

async fn gateway(
    settings: &Settings,
    keys: &KeyRing,
    node: Option<&NodeHandle>,
    calls: Option<mpsc::Sender<RoomName>>,
    store: &Store,
    tasks: &Tasks,
) -> Result<Option<GatewayHandle>, Failure> {
    let sip = &settings.livekit.sip;
    if !sip.enabled {
        return Ok(None);
    }
    let own = if node.is_some() {
        let api = background_api(settings, keys)?;
        sip_setup::apply(&api, store, &settings.sip_setup).await?;
        OwnSetup::default()
    } else {
        sip_setup::own(&settings.sip_setup)
    };
    let config = GatewayConfig {
        own,
        ask_on_miss: node.is_none(),
        joined: calls,
        udp: sip.udp,
        tcp: sip.tcp,
        public_ip: sip.public_ip,
        rtp_ports: sip.rtp_ports.clone(),
        answer: sip.answer,
        agent_wait: sip.agent_wait,
        codecs: sip.codecs.clone(),
        max_calls: settings.security.max_calls,
        invites_per_second: settings.security.invites_per_second,
        transport: settings.security.transport_rules(),
        api: background_options(settings),
        ..GatewayConfig::new(settings.livekit.url.clone(), keys.clone())
    };
    let gateway = Gateway::start(config, store.clone(), tasks.clone()).await?;
    if let Some(changes) = node.and_then(NodeHandle::take_sip_changes) {
        tasks.vital(
            "sip changes",
            sip_setup::follow(changes, gateway.clone(), tasks.stop()),
        );
    }
    if !timeout(REGISTERED, gateway.ready()).await.unwrap_or(false) {
        warn!("the gateway has no trunks yet; it goes on asking the server");
    }
    Ok(Some(gateway))
}

/// Which trunks and rules it goes by.
async fn describe_sip(gateway: &GatewayHandle, node: Option<&NodeHandle>) -> &'static str {
    if node.is_some() {
        return "listens";
    }
    let heard = timeout(REGISTERED, gateway.server_store()).await;
    match heard.unwrap_or(ServerStore::Unread) {
        ServerStore::There => "listens; trunks and rules are the file's and LiveKit's",
        ServerStore::Missing => {
            "listens; trunks and rules are the file's: LiveKit keeps none without Redis"
        }
        ServerStore::Unread => {
            warn!("LiveKit does not answer yet; calls are routed by the file's trunks and rules");
            "listens; trunks and rules are the file's: LiveKit does not answer yet"
        }
    }
}

/// A client for the daemon's own calls.
fn background_api(settings: &Settings, keys: &KeyRing) -> Result<LiveKitApiClient, Failure> {
    let rules = settings.security.transport_rules();
    let auth = LiveKitAuthManager::new(keys.clone());
    let server = (settings.livekit.url.as_str(), &rules);
    Ok(LiveKitApiClient::with(
        server,
        auth,
        background_options(settings),
    )?)
}

fn background_options(settings: &Settings) -> ApiOptions {
    ApiOptions {
        watch: Watch::by(api_metrics::ApiMetrics),
        ..settings.retries.for_background()
    }
}

/// Calls whose recording is about to start. Filling it means that the recorder is stuck.
const CALLS: usize = 256;
