//! Each part, made as the settings say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use trunkline_agent::config::AgentConfig;
use trunkline_agent::speech::Speech;
use trunkline_agent::worker::{AgentHandle, AgentWorker};
use trunkline_base::class::Class;
use trunkline_base::here::at_home;
use trunkline_base::id::RoomName;
use trunkline_base::token::KeyRing;
use trunkline_base::wire::Wire;
use trunkline_bridge::egress::{Recorder, RecorderConfig};
use trunkline_bridge::sip::{Gateway, GatewayConfig, GatewayHandle, JournalOptions, OwnSetup};
use trunkline_console::webhooks::EventsConfig;
use trunkline_console::{Access, ConsoleConfig, ConsoleHandle};
use trunkline_node::{
    CallHooks, NodeConfig, NodeHandle, Receiver, SipApiConfig, WebhookConfig, serve_sip_api,
};
use trunkline_service::listen::Door;
use trunkline_service::metrics;
use trunkline_service::tasks::Tasks;
use trunkline_store::Store;

use super::clients::{background_api, seeking_options};
use super::lines::{FarTrunks, GatewayLines};
use super::{NOT_ASKED, Role, Roles, behind, calls, recording, registered, sip_setup};
use crate::captures;
use crate::failure::Failure;
use crate::retention::{self, Archive};
use crate::settings::{Http, Settings, SipSetup};

pub(crate) async fn open_store(path: &Path) -> Result<Store, Failure> {
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

/// What goes on behind all parts: rows that wait or are old, and timings that pile up.
pub(super) fn look_after(store: &Store, settings: &Settings, tasks: &Tasks) {
    let archive = Archive::new(store.clone(), &settings.livekit.store);
    let forgetting = retention::follow(archive, settings.security.retention, tasks.stop());
    tasks.vital("retention", forgetting);
    tasks.session("store backlog", behind::tell(store.backlog(), tasks.stop()));
    tasks.vital("metrics", metrics::upkeep(tasks.stop()));
}

/// Who may come in: to the node and to the console alike, with one certificate.
pub(super) fn door(settings: &Settings, tasks: &Tasks) -> Result<Door, Failure> {
    let security = &settings.security;
    let tls = security.transport.certificates()?;
    if let Some(certificates) = tls.clone() {
        tasks.vital("certificate", certificates.follow(tasks.stop()));
    }
    let Http { caps, clocks } = security.http.clone();
    Ok(security.transport.door(caps, clocks, tls))
}

pub(super) fn console_config(
    settings: &Settings,
    keys: &KeyRing,
    dev: bool,
    door: Door,
) -> ConsoleConfig {
    ConsoleConfig {
        bind: settings.monitoring.console,
        door,
        access: Access {
            open: dev,
            metrics_key: settings.monitoring.metrics_key.clone(),
            hosts: settings.monitoring.hosts.clone(),
        },
        keys: keys.clone(),
        events: EventsConfig::default(),
    }
}

pub(super) fn node_config(
    settings: &Settings,
    keys: &KeyRing,
    dev: bool,
    door: Door,
    console: Option<&ConsoleHandle>,
) -> NodeConfig {
    let wanted = &settings.livekit.node;
    NodeConfig {
        node_ips: wanted.node_ip.into_iter().collect(),
        dev,
        door,
        webhooks: webhooks(settings, console),
        rooms: wanted.rooms.defaults,
        limits: wanted.rooms.limits,
        presets: wanted.rooms.presets.clone(),
        ingress: wanted.rooms.ingress.clone(),
        ..NodeConfig::new(wanted.http, wanted.rtc_udp, keys.clone())
    }
}

/// Who is told of events: our console, and whoever is named.
fn webhooks(settings: &Settings, console: Option<&ConsoleHandle>) -> WebhookConfig {
    let own = console.map(|console| format!("http://{}/webhooks/livekit", at_home(console.addr())));
    let others = settings.livekit.node.webhooks.iter();
    let others = others.map(|receiver| receiver.url.clone());
    let tls = settings.security.transport_rules().tls_for_http();
    WebhookConfig {
        receivers: own.into_iter().chain(others).map(Receiver::all).collect(),
        tls: tls.ok().map(Arc::new),
        ..WebhookConfig::default()
    }
}

/// What tells of calls: the node, or a task of its own where the server is elsewhere.
fn call_hooks(
    settings: &Settings,
    keys: &KeyRing,
    node: Option<&NodeHandle>,
    console: Option<&ConsoleHandle>,
    store: &Store,
    tasks: &Tasks,
) -> Result<CallHooks, Failure> {
    if let Some(node) = node {
        return Ok(node.call_hooks());
    }
    let config = webhooks(settings, console);
    CallHooks::start(config, keys, store.clone(), tasks)
        .map_err(|error| Failure::new(Class::Invalid, "webhooks.key", error.to_string()))
}

/// How participants of this process reach the node; where there is none, a wire that nobody is on.
fn wire(node: Option<&NodeHandle>) -> Wire {
    node.map_or_else(Wire::default, |node| node.wire().clone())
}

/// Starts the recorder, and gives the lane on which it is told of calls, or why it does not run.
pub(super) async fn recorder(
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
    let calls_come = settings.gateway.enabled && roles.include(Role::Sip);
    if !calls_come && orders.is_none() {
        return Ok(Err("nothing to record: neither node nor sip runs here"));
    }
    let config = RecorderConfig {
        transport: settings.security.transport_rules(),
        wire: wire(node),
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

/// The agent, as the files say.
pub(super) fn agent_config(settings: &Settings) -> Option<AgentConfig> {
    let config = settings.agent.clone()?;
    Some(AgentConfig {
        announcement: settings.livekit.recording.announcement(),
        ..config
    })
}

pub(super) fn worker(
    settings: &Settings,
    keys: &KeyRing,
    speech: Result<Speech, String>,
    node: Option<&NodeHandle>,
    store: &Store,
    tasks: &Tasks,
) -> Result<Result<AgentHandle, String>, Failure> {
    let Some(mut config) = agent_config(settings) else {
        return Ok(Err("there is no agent.yaml".to_owned()));
    };
    let speech = match speech {
        Ok(speech) => speech,
        Err(why) => return Ok(Err(why)),
    };
    config.wire = wire(node);
    let api = background_api(settings, keys)?;
    let agent = AgentWorker::start(config, api, keys.clone(), speech, store.clone(), tasks)?;
    Ok(Ok(agent))
}

/// The gateway, as the files say, without what it meets in this process.
pub(super) fn gateway_config(settings: &Settings, keys: &KeyRing) -> GatewayConfig {
    let sip = &settings.gateway;
    GatewayConfig {
        udp: sip.udp,
        tcp: sip.tcp,
        public_ip: sip.public_ip,
        stun: sip.stun.clone(),
        rtp_ports: sip.rtp_ports.clone(),
        answer: sip.answer,
        pin_wait: sip.pin_wait,
        hold_limit: sip.hold_limit,
        session_timer: Some(sip.session_timer).filter(|timer| !timer.is_zero()),
        agent_wait: sip.agent_wait,
        ringing_timeout: sip.ringing_timeout,
        max_call_duration: sip.max_call_duration,
        media_timeout: sip.media_timeout,
        codecs: sip.codecs.clone(),
        opus_complexity: sip.opus_complexity,
        local_networks: sip.local_networks.clone(),
        encryption: sip.srtp,
        tls: sip.tls.options(),
        capture: sip
            .capture
            .options(captures::folder(&settings.livekit.store)),
        limits: sip.limits.options(),
        max_calls: settings.security.sip.max_calls,
        invites_per_second: settings.security.sip.invites_per_second,
        strangers_per_second: settings.security.sip.strangers_per_second,
        strangers: settings.security.sip.strangers(),
        scanners: settings.security.sip.scanners.clone(),
        dialling: settings
            .security
            .dialling
            .policy(&settings.security.tariff, settings.sip_setup.emergency()),
        tcp_caps: settings.security.sip.tcp_caps(),
        transport: settings.security.transport_rules(),
        api: seeking_options(settings),
        ..GatewayConfig::new(settings.livekit.url.clone(), keys.clone())
    }
}

pub(super) async fn gateway(
    settings: &Settings,
    keys: &KeyRing,
    (node, console): (&Option<NodeHandle>, &Option<ConsoleHandle>),
    (calls, journal): (
        Result<mpsc::Sender<RoomName>, &'static str>,
        Option<JournalOptions>,
    ),
    store: &Store,
    tasks: &Tasks,
) -> Result<Result<GatewayHandle, &'static str>, Failure> {
    if !settings.gateway.enabled {
        return Ok(Err("gateway.enabled is false"));
    }
    let (own, ids) = if node.is_some() {
        let api = background_api(settings, keys)?;
        sip_setup::apply(&api, store, &settings.sip_setup).await?;
        (OwnSetup::default(), sip_setup::ids_out(&api).await?)
    } else {
        (sip_setup::own(&settings.sip_setup), BTreeMap::new())
    };
    let node = node.as_ref();
    let hooks = call_hooks(settings, keys, node, console.as_ref(), store, tasks)?;
    let (news, told) = mpsc::channel(NEWS);
    let telling = calls::tell(told, hooks, store.clone(), tasks.stop());
    tasks.session("call news", telling);
    let config = GatewayConfig {
        own,
        lines: sip_setup::lines(&settings.sip_setup),
        referrers: sip_setup::referrers(&settings.sip_setup, &ids),
        lines_out: sip_setup::lines_out(&settings.sip_setup),
        ask_on_miss: node.is_none(),
        joined: calls.ok(),
        news: Some(news),
        journal,
        wire: wire(node),
        ..gateway_config(settings, keys)
    };
    let gateway = Box::pin(Gateway::start(config, store.clone(), tasks.clone())).await?;
    tasks.session(
        "sip registrations",
        registered::follow(gateway.clone(), store.clone(), tasks.stop()),
    );
    if let Some(changes) = node.and_then(NodeHandle::take_sip_changes) {
        tasks.vital(
            "sip changes",
            sip_setup::follow(changes, gateway.clone(), tasks.stop()),
        );
    }
    if let Some(node) = node {
        node.connect_lines(Arc::new(GatewayLines(gateway.clone())));
    }
    Ok(Ok(gateway))
}

/// `livekit.SIP` of a gateway whose server is elsewhere, where the files want it; the node serves it
/// itself.
pub(super) async fn sip_api(
    settings: &Settings,
    keys: &KeyRing,
    gateway: Option<&GatewayHandle>,
    (door, tasks): (Door, &Tasks),
) -> Result<Option<(SocketAddr, watch::Sender<SipSetup>)>, Failure> {
    let (Some(gateway), Some(bind)) = (gateway, settings.gateway.api) else {
        return Ok(None);
    };
    let (tell, file) = watch::channel(settings.sip_setup.clone());
    let trunks = FarTrunks {
        api: background_api(settings, keys)?,
        gateway: gateway.clone(),
        file,
    };
    let config = SipApiConfig {
        bind,
        door,
        keys: keys.clone(),
    };
    let lines = Arc::new(GatewayLines(gateway.clone()));
    let addr = serve_sip_api(config, lines, Arc::new(trunks), tasks).await?;
    Ok(Some((addr, tell)))
}

/// Calls whose recording is about to start. Filling it means that the recorder is stuck.
const CALLS: usize = 256;

/// News of calls that wait for the store. Filling it means that the disk stands still.
const NEWS: usize = 1024;
