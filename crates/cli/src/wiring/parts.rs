//! The parts of this daemon and how they stand, each asked when somebody wants to know.

use std::net::SocketAddr;

use tokio::sync::watch;
use tracing::info;
use trunkline_agent::worker::AgentHandle;
use trunkline_base::class::Class;
use trunkline_bridge::sip::{
    GatewayHandle, RegistrationState, ServerStore, Standing as Registered,
};
use trunkline_client::jobs::WorkerState;
use trunkline_console::{Part, Readiness, Standing};

use super::{NOT_ASKED, Roles};
use crate::failure::Failure;

/// The server, where it is elsewhere.
pub(super) const LIVEKIT: &str = "livekit";

/// The list that `/readyz` and the start's message read.
#[derive(Clone, Default)]
pub(super) struct Parts(watch::Sender<Vec<Part>>);

impl Parts {
    pub(super) fn readiness(&self) -> Readiness {
        self.0.subscribe()
    }

    /// A part that runs, and how to ask it.
    pub(super) fn runs(
        &self,
        name: &'static str,
        ask: impl Fn() -> Standing + Send + Sync + 'static,
    ) {
        self.0.send_modify(|parts| parts.push(Part::new(name, ask)));
    }

    /// A part that is there for as long as the process is.
    pub(super) fn listens(&self, name: &'static str) {
        self.runs(name, || Standing::Ready("listens".to_owned()));
    }

    /// A part that does not run.
    pub(super) fn is_off(&self, name: &'static str, why: &str) {
        info!(part = name, why, "does not run");
        let why = why.to_owned();
        self.runs(name, move || Standing::Off(why.clone()));
    }

    /// The recorder.
    pub(super) fn tell_egress<T>(&self, calls: &Result<T, &'static str>) {
        match calls {
            Ok(_) => self.runs("egress", || {
                Standing::Ready("follows the calls of this gateway".to_owned())
            }),
            Err(why) => self.is_off("egress", why),
        }
    }

    /// The gateway, and where its own API is served, if it is.
    pub(super) fn tell_sip(
        &self,
        gateway: &Result<GatewayHandle, &'static str>,
        api: Option<SocketAddr>,
        node_is_here: bool,
    ) {
        match gateway {
            Ok(gateway) => self.runs("sip", sip(gateway, node_is_here)),
            Err(why) => self.is_off("sip", why),
        }
        if let Some(addr) = api {
            self.runs("sip api", move || {
                Standing::Ready(format!(
                    "serves livekit.SIP at {addr}: calls over this gateway"
                ))
            });
        }
    }

    /// Whether anything runs here; the server elsewhere does not.
    pub(super) fn any_runs(&self) -> bool {
        let parts = self.0.borrow().clone();
        let mut ours = parts.iter().filter(|part| part.name != LIVEKIT);
        ours.any(|part| !matches!(part.standing(), Standing::Off(_)))
    }

    /// A process in which nothing runs would wait for ever for its end.
    pub(super) fn nothing_runs(&self, roles: &Roles) -> Failure {
        let mut text = "none of the parts that are asked for can run here:".to_owned();
        for (part, standing) in self.idle() {
            if let Standing::Off(why) = standing
                && why != NOT_ASKED
            {
                text.push_str(&format!("\n  {part}: {why}"));
            }
        }
        text.push_str(if roles.are_named() {
            "\nchange what stands in the way, or name others, such as `--roles node,sip,agent`; without \
             --roles everything runs that can"
        } else {
            "\nchange what stands in the way in the configuration files"
        });
        Failure::new(Class::Invalid, "serve.nothing_runs", text)
    }

    /// The parts that take no work now, each with the reason.
    pub(super) fn idle(&self) -> Vec<(&'static str, Standing)> {
        let parts = self.0.borrow().clone();
        parts
            .iter()
            .map(|part| (part.name, part.standing()))
            .filter(|(_, standing)| !matches!(standing, Standing::Ready(_)))
            .collect()
    }
}

/// Whether the server knows the agent, as of now: it may have refused it since it last did.
pub(super) fn agent(worker: &AgentHandle) -> impl Fn() -> Standing + Send + Sync + 'static {
    let state = worker.state();
    move || match &*state.borrow() {
        WorkerState::Registered { .. } => Standing::Ready("registered".to_owned()),
        WorkerState::Connecting => {
            Standing::Waiting("not registered: LiveKit is away or refuses it".to_owned())
        }
        WorkerState::Draining => Standing::Waiting("takes no new jobs".to_owned()),
        WorkerState::Closed { error } => {
            let why = error.as_deref().unwrap_or("asked to");
            Standing::Waiting(format!("ended: {why}"))
        }
    }
}

/// Whether callers find trunks and rules, and whose those are.
fn sip(
    gateway: &GatewayHandle,
    node_is_here: bool,
) -> impl Fn() -> Standing + Send + Sync + 'static {
    let gateway = gateway.clone();
    move || {
        if !gateway.is_ready() {
            return Standing::Waiting("waits for trunks and rules".to_owned());
        }
        if let Some(strain) = gateway.strain() {
            let why = strain.as_str();
            return Standing::Waiting(format!("full: {why}; calls that are up go on"));
        }
        let how = match gateway.known_store() {
            _ if node_is_here => "listens",
            ServerStore::There => "listens; trunks and rules are the file's and LiveKit's",
            ServerStore::Missing => {
                "listens; trunks and rules are the file's: LiveKit keeps none without Redis"
            }
            ServerStore::Unread => {
                "listens; trunks and rules are the file's: LiveKit has not answered yet"
            }
        };
        Standing::Ready(format!("{how}{}", registrations(&gateway.registrations())))
    }
}

/// How trunks that register stand. One whose provider is away does not keep calls of others out.
fn registrations(all: &[RegistrationState]) -> String {
    let mut text = String::new();
    for one in all {
        let (trunk, registrar) = (&one.trunk, &one.registrar);
        let said = match one.standing {
            Registered::Registered(left) => format!("registered with {registrar} for {left} s"),
            Registered::Trying(0) => format!("not registered with {registrar} yet"),
            Registered::Trying(next) => {
                format!("not registered with {registrar}, tried again in {next} s")
            }
        };
        let why = one.error.as_ref().map(|error| format!(": {error}"));
        text.push_str(&format!(
            "; trunk {trunk} {said}{}",
            why.unwrap_or_default()
        ));
    }
    text
}

/// A server elsewhere tells its events to the console.
pub(super) fn events(console: &str) -> impl Fn() -> Standing + Send + Sync + 'static {
    let text =
        format!("come as webhooks: name {console}/webhooks/livekit in LiveKit's webhook.urls");
    move || Standing::Ready(text.clone())
}
