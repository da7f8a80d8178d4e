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
mod calls;
mod clients;
mod desk;
mod differ;
mod journal;
mod lines;
mod make;
mod parts;
mod recording;
mod registered;
mod reload;
mod remote;
mod roles;
mod sip_setup;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};
use trunkline_agent::speech::Speech;
use trunkline_agent::worker::AgentHandle;
use trunkline_base::token::KeyRing;
use trunkline_bridge::sip::GatewayHandle;
use trunkline_console::{ConsoleHandle, Standing};
use trunkline_node::{Node, NodeHandle};
use trunkline_service::tasks::{DrainReport, Limits, Tasks};
use trunkline_store::Store;

pub(crate) use clients::{asking_api, daemon, daemon_at, dev_keys};
pub(crate) use make::open_store;
use parts::{LIVEKIT, Parts};
pub(crate) use reload::ConfigFiles;
pub(crate) use roles::{NOT_ASKED, Role, Roles};
pub(crate) use sip_setup::{lines, own as own_setup};

use crate::failure::Failure;
use crate::settings::{Server, Settings, SipSetup};

/// How long the start waits for the server to answer, the agent to be known to it, and the gateway
/// to know trunks and rules; all at once.
const KNOWN: Duration = Duration::from_secs(5);

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
    /// Where `livekit.SIP` is served beside a server elsewhere, and whom to tell of another file.
    sip_api: Option<(SocketAddr, watch::Sender<SipSetup>)>,
    worker: Option<AgentHandle>,
    parts: Parts,
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
        let journal = journal::take_over(&settings, &roles, &store).await?;
        make::look_after(&store, &settings, tasks);
        let parts = Parts::default();
        let door = make::door(&settings, tasks)?;
        let console = if roles.include(Role::Console) {
            let config = make::console_config(&settings, &keys, dev, door.clone());
            let readiness = parts.readiness();
            Some(trunkline_console::start(config, store.clone(), readiness, tasks).await?)
        } else {
            parts.is_off("console", NOT_ASKED);
            None
        };
        let node = if let Some(why) = why_no_node(&settings, &roles) {
            parts.is_off("node", why);
            None
        } else {
            let config = make::node_config(&settings, &keys, dev, door.clone(), console.as_ref());
            let node = Node::start(config, store.clone(), tasks.clone()).await?;
            settings.livekit.url = node.url();
            parts.listens("node");
            Some(node)
        };
        let far = match node {
            None => Some(server_elsewhere(&settings, &keys, &parts, tasks)?),
            Some(_) => None,
        };
        let calls = make::recorder(&settings, &keys, &roles, node.as_ref(), &store, tasks).await?;
        parts.tell_egress(&calls);
        // Whoever listens to events listens now.
        if let Some(console) = &console {
            console.process(Vec::new(), tasks);
        }
        let worker = make::worker(&settings, &keys, speech, node.as_ref(), &store, tasks)?;
        match &worker {
            Ok(worker) => parts.runs("agent", parts::agent(worker)),
            Err(why) => parts.is_off("agent", why),
        }
        let gateway = if roles.include(Role::Sip) {
            let beside = (calls, journal);
            make::gateway(&settings, &keys, (&node, &console), beside, &store, tasks).await?
        } else {
            Err(NOT_ASKED)
        };
        let alone = gateway.as_ref().ok().filter(|_| node.is_none());
        let sip_api = make::sip_api(&settings, &keys, alone, (door, tasks)).await?;
        parts.tell_sip(
            &gateway,
            sip_api.as_ref().map(|(addr, _)| *addr),
            node.is_some(),
        );
        parts.is_off("ingress", "this version brings no media into rooms");
        if let Some(console) = console.as_ref().filter(|_| node.is_none()) {
            parts.runs("events", parts::events(&console.url()));
        }
        if !parts.any_runs() {
            return Err(parts.nothing_runs(&roles));
        }
        let (worker, gateway) = (worker.ok(), gateway.ok());
        wait_until_known(far, worker.as_ref(), gateway.as_ref()).await;
        Ok(Self {
            store,
            url: settings.livekit.url.clone(),
            node,
            console,
            gateway,
            sip_api,
            worker,
            parts,
        })
    }

    /// Where clients find LiveKit: others at the node go by its certificate, where it has one.
    pub(crate) fn public_url(&self) -> String {
        let node = self.node.as_ref().map(NodeHandle::public_url);
        node.unwrap_or_else(|| self.url.clone())
    }

    /// The parts that take no work, each with the reason.
    pub(crate) fn idle(&self) -> Vec<(&'static str, Standing)> {
        self.parts.idle()
    }

    /// Ends in order: calls may finish within their limit, then whoever is in the embedded rooms,
    /// within theirs; what is left then is ended politely, calls first, so that their phones hear
    /// why. A hurry cuts every wait short.
    pub(crate) async fn drain(
        &self,
        tasks: &Tasks,
        limits: Limits,
        calls: Duration,
    ) -> DrainReport {
        tasks.begin_drain("the daemon is ending");
        let stop = tasks.stop();
        tokio::select! {
            biased;
            () = stop.hurry() => {}
            () = self.wait_for_the_last(limits, calls) => {}
        }
        tasks.hurry();
        tasks.finish(limits).await
    }

    async fn wait_for_the_last(&self, limits: Limits, calls: Duration) {
        // Where the server is elsewhere, others take what comes; here nobody else would.
        let early = self.worker.as_ref().filter(|_| self.node.is_none());
        let conversations = async {
            if let Some(worker) = early {
                let _ = timeout(limits.drain, worker.drain()).await;
            }
        };
        tokio::join!(self.calls_and_rooms(limits, calls), conversations);
        if let Some(worker) = &self.worker {
            let _ = timeout(limits.hurry, worker.drain()).await;
        }
        if let Some(node) = &self.node {
            let _ = timeout(limits.hurry, node.drain()).await;
        }
    }

    async fn calls_and_rooms(&self, limits: Limits, limit: Duration) {
        if let Some(gateway) = &self.gateway {
            let seconds = limit.as_secs();
            let calls = gateway.calls();
            if calls > 0 {
                info!(
                    calls,
                    seconds, "waiting for calls; a second signal ends them"
                );
            }
            if timeout(limit, gateway.drain()).await.is_err() {
                warn!(calls = gateway.calls(), "ending calls that go on");
                let _ = timeout(limits.hurry, gateway.hang_up()).await;
            }
        }
        if let Some(node) = &self.node {
            let seconds = limits.drain.as_secs();
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

    /// Where the gateway's own API is served.
    pub(crate) fn sip_api_addr(&self) -> Option<SocketAddr> {
        self.sip_api.as_ref().map(|(addr, _)| *addr)
    }

    /// Where SIP over UDP is taken.
    pub(crate) fn sip_addr(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(GatewayHandle::addr)
    }
}

fn why_no_node(settings: &Settings, roles: &Roles) -> Option<&'static str> {
    match settings.livekit.server {
        Server::Embedded if roles.include(Role::Node) => None,
        Server::Embedded => Some(NOT_ASKED),
        Server::Remote => Some("livekit.server is remote"),
    }
}

fn server_elsewhere(
    settings: &Settings,
    keys: &KeyRing,
    parts: &Parts,
    tasks: &Tasks,
) -> Result<remote::Watched, Failure> {
    let far = remote::follow(clients::seeking_api(settings, keys)?, tasks);
    parts.runs(LIVEKIT, far.ask());
    Ok(far)
}

/// Ready means that a call finds its way and an agent. A server that is away is sought for as long
/// as the daemon lives, so there is a limit to waiting for it.
async fn wait_until_known(
    far: Option<remote::Watched>,
    worker: Option<&AgentHandle>,
    gateway: Option<&GatewayHandle>,
) {
    let answers = async {
        if let Some(far) = far {
            // How it stands is said by the watch.
            let _late = timeout(KNOWN, far.first_answer()).await;
        }
    };
    let registers = async {
        if let Some(worker) = worker
            && timeout(KNOWN, worker.registered()).await.is_err()
        {
            warn!("the agent is not registered yet; it goes on trying");
        }
    };
    let knows_trunks = async {
        if let Some(gateway) = gateway
            && !timeout(KNOWN, gateway.ready()).await.unwrap_or(false)
        {
            warn!("the gateway has no trunks yet; it goes on asking the server");
        }
    };
    tokio::join!(answers, registers, knows_trunks);
}
