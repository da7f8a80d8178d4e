//! The parts of the daemon, started in order and tied together. The parts do not know each other:
//! they meet in rooms, in the store, and here.
//!
//! ```text
//! store ─► console ─► node (its webhooks go to the console) ─► recorder ─► events ─► agent ─► SIP set-up ─► gateway
//!                       └──── changed trunks and rules ────────────────────────────────────────────────────────┤
//!                                                                recorder ◄──── rooms with a call in them ─────┘
//! ```

mod api_metrics;
mod behind;
mod parts;
mod recording;
mod remote;
mod roles;
mod sip_setup;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{info, warn};
use trunkline_agent::speech::Speech;
use trunkline_agent::worker::{AgentHandle, AgentWorker};
use trunkline_base::class::Class;
use trunkline_base::id::RoomName;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_bridge::egress::{Recorder, RecorderConfig};
use trunkline_bridge::sip::{Gateway, GatewayConfig, GatewayHandle, OwnSetup};
use trunkline_client::api::breaker::BreakerPolicy;
use trunkline_client::api::{ApiOptions, LiveKitApiClient, Watch};
use trunkline_client::auth::LiveKitAuthManager;
use trunkline_console::webhooks::EventsConfig;
use trunkline_console::{Access, ConsoleConfig, ConsoleHandle, Standing};
use trunkline_node::{Node, NodeConfig, NodeHandle, Receiver, WebhookConfig};
use trunkline_service::listen::Door;
use trunkline_service::metrics;
use trunkline_service::tasks::{DrainReport, Limits, Tasks};
use trunkline_store::Store;

use parts::Parts;
pub(crate) use roles::{NOT_ASKED, Role, Roles};

use crate::clock::now;
use crate::failure::Failure;
use crate::retention;
use crate::settings::{Http, Server, Settings};

/// How long the start waits for a part to be known to the server, or to know what it needs.
const REGISTERED: Duration = Duration::from_secs(5);

/// What to start.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) keys: KeyRing,
    /// Well-known keys, loopback only.
    pub(crate) dev: bool,
    /// The agent's voice, or why there is none: then no agent is started.
    pub(crate) speech: Result<Speech, String>,
    /// What of it shall run here.
    pub(crate) roles: Roles,
}

/// The running parts.
pub(crate) struct Stack {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) node: Option<NodeHandle>,
    pub(crate) console: Option<ConsoleHandle>,
    pub(crate) gateway: Option<GatewayHandle>,
    worker: Option<AgentHandle>,
    parts: Parts,
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
            roles,
        } = plan;
        let store = open_store(&settings.livekit.store).await?;
        if roles.include(Role::Sip) {
            close_orphans(&store).await?;
        }
        look_after(&store, &settings, tasks);
        let parts = Parts::default();
        let door = door(&settings, tasks)?;
        let console = if roles.include(Role::Console) {
            let config = console_config(&settings, &keys, dev, door.clone());
            let readiness = parts.readiness();
            Some(trunkline_console::start(config, store.clone(), readiness, tasks).await?)
        } else {
            parts.is_off("console", NOT_ASKED);
            None
        };
        let why_none = match settings.livekit.server {
            Server::Embedded if roles.include(Role::Node) => None,
            Server::Embedded => Some(NOT_ASKED),
            Server::Remote => Some("livekit.server is remote"),
        };
        let node = if let Some(why) = why_none {
            parts.is_off("node", why);
            None
        } else {
            let config = node_config(&settings, &keys, dev, door, console.as_ref());
            let node = Node::start(config, store.clone(), tasks.clone()).await?;
            settings.livekit.url = node.url();
            parts.listens("node");
            Some(node)
        };
        if node.is_none() {
            let api = seeking_api(&settings, &keys)?;
            parts.runs("livekit", remote::follow(api, tasks).await);
        }
        let calls = recorder(&settings, &keys, &roles, node.as_ref(), &store, tasks).await?;
        match &calls {
            Ok(_) => parts.runs("egress", || {
                Standing::Ready("follows the calls of this gateway".to_owned())
            }),
            Err(why) => parts.is_off("egress", why),
        }
        // Whoever listens to events listens now.
        if let Some(console) = &console {
            console.process(Vec::new(), tasks);
        }
        let worker = worker(&settings, &keys, speech, &store, tasks).await?;
        match &worker {
            Ok(worker) => parts.runs("agent", parts::agent(worker)),
            Err(why) => parts.is_off("agent", why),
        }
        let gateway = if roles.include(Role::Sip) {
            gateway(&settings, &keys, node.as_ref(), calls.ok(), &store, tasks).await?
        } else {
            Err(NOT_ASKED)
        };
        match &gateway {
            Ok(gateway) => parts.runs("sip", parts::sip(gateway, node.is_some())),
            Err(why) => parts.is_off("sip", why),
        }
        parts.is_off("ingress", "this version brings no media into rooms");
        if let Some(console) = console.as_ref().filter(|_| node.is_none()) {
            parts.runs("events", parts::events(console.addr()));
        }
        Ok(Self {
            store,
            url: settings.livekit.url.clone(),
            node,
            console,
            gateway: gateway.ok(),
            worker: worker.ok(),
            parts,
        })
    }

    /// The parts that take no work, each with the reason.
    pub(crate) fn idle(&self) -> Vec<(&'static str, Standing)> {
        self.parts.idle()
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
    Ok(Store::open(&path.display().to_string()).await?)
}

/// Another process's calls are its own: only the one that takes calls closes them.
async fn close_orphans(store: &Store) -> Result<(), Failure> {
    let orphans = store.calls().close_orphans(now()).await?;
    if orphans > 0 {
        info!(
            calls = orphans,
            "closed the calls of a process that was killed"
        );
    }
    Ok(())
}

/// What goes on behind all parts: rows that wait or are old, and timings that pile up.
fn look_after(store: &Store, settings: &Settings, tasks: &Tasks) {
    let forgetting = retention::follow(store.clone(), settings.security.retention, tasks.stop());
    tasks.vital("retention", forgetting);
    tasks.session("store backlog", behind::tell(store.backlog(), tasks.stop()));
    tasks.vital("metrics", metrics::upkeep(tasks.stop()));
}

fn console_config(settings: &Settings, keys: &KeyRing, dev: bool, door: Door) -> ConsoleConfig {
    ConsoleConfig {
        bind: settings.monitoring.console,
        door,
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
    }
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
    console: Option<&ConsoleHandle>,
) -> NodeConfig {
    let wanted = &settings.livekit.node;
    let own =
        console.map(|console| format!("http://{}/webhooks/livekit", reachable(console.addr())));
    let others = wanted.webhooks.iter().cloned();
    let receivers = own.into_iter().chain(others).map(Receiver::all).collect();
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

/// Starts the recorder, and gives the lane on which it is told of calls, or why it does not run.
async fn recorder(
    settings: &Settings,
    keys: &KeyRing,
    roles: &Roles,
    node: Option<&NodeHandle>,
    store: &Store,
    tasks: &Tasks,
) -> Result<Result<mpsc::Sender<RoomName>, &'static str>, Failure> {
    if !roles.include(Role::Egress) {
        return Ok(Err(NOT_ASKED));
    }
    if !settings.livekit.recording.enabled {
        return Ok(Err("recording.enabled is false"));
    }
    let orders = node.and_then(NodeHandle::take_egress_orders);
    let calls_come = settings.livekit.sip.enabled && roles.include(Role::Sip);
    if !calls_come && orders.is_none() {
        return Ok(Err("nothing to record: neither node nor sip runs here"));
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
    if let Some(orders) = orders {
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
    Ok(Ok(calls))
}

async fn worker(
    settings: &Settings,
    keys: &KeyRing,
    speech: Result<Speech, String>,
    store: &Store,
    tasks: &Tasks,
) -> Result<Result<AgentHandle, String>, Failure> {
    let Some(mut config) = settings.agent.clone() else {
        return Ok(Err("there is no agent.yaml".to_owned()));
    };
    let speech = match speech {
        Ok(speech) => speech,
        Err(why) => return Ok(Err(why)),
    };
    config.announcement = settings.livekit.recording.announcement();
    let api = background_api(settings, keys)?;
    let agent = AgentWorker::start(config, api, keys.clone(), speech, store.clone(), tasks)?;
    // Ready means that a call finds an agent. A remote server that is away is sought for as long
    // as the daemon lives, so there is a limit to waiting for it.
    if timeout(REGISTERED, agent.registered()).await.is_err() {
        warn!("the agent is not registered yet; it goes on trying");
    }
    Ok(Ok(agent))
}

async fn gateway(
    settings: &Settings,
    keys: &KeyRing,
    node: Option<&NodeHandle>,
    calls: Option<mpsc::Sender<RoomName>>,
    store: &Store,
    tasks: &Tasks,
) -> Result<Result<GatewayHandle, &'static str>, Failure> {
    let sip = &settings.livekit.sip;
    if !sip.enabled {
        return Ok(Err("sip.enabled is false"));
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
        hold_limit: sip.hold_limit,
        agent_wait: sip.agent_wait,
        codecs: sip.codecs.clone(),
        max_calls: settings.security.sip.max_calls,
        invites_per_second: settings.security.sip.invites_per_second,
        strangers_per_second: settings.security.sip.strangers_per_second,
        strangers: settings.security.sip.strangers(),
        tcp_caps: settings.security.sip.tcp_caps(),
        transport: settings.security.transport_rules(),
        api: seeking_options(settings),
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
    Ok(Ok(gateway))
}

/// A client for the daemon's own calls.
fn background_api(settings: &Settings, keys: &KeyRing) -> Result<LiveKitApiClient, Failure> {
    api(settings, keys, background_options(settings))
}

/// A client for calls that find out whether a server is there.
fn seeking_api(settings: &Settings, keys: &KeyRing) -> Result<LiveKitApiClient, Failure> {
    api(settings, keys, seeking_options(settings))
}

fn api(
    settings: &Settings,
    keys: &KeyRing,
    options: ApiOptions,
) -> Result<LiveKitApiClient, Failure> {
    let rules = settings.security.transport_rules();
    let auth = LiveKitAuthManager::new(keys.clone());
    let server = (settings.livekit.url.as_str(), &rules);
    Ok(LiveKitApiClient::with(server, auth, options)?)
}

/// Such calls come at their own slow pace, and a server that is back should be seen: nothing is
/// gained by leaving it alone for longer.
fn seeking_options(settings: &Settings) -> ApiOptions {
    let background = background_options(settings);
    ApiOptions {
        breaker: BreakerPolicy {
            open: remote::AWAY,
            open_cap: remote::AWAY,
            ..background.breaker
        },
        ..background
    }
}

fn background_options(settings: &Settings) -> ApiOptions {
    ApiOptions {
        watch: Watch::by(api_metrics::ApiMetrics),
        ..settings.retries.for_background()
    }
}

/// Calls whose recording is about to start. Filling it means that the recorder is stuck.
const CALLS: usize = 256;
