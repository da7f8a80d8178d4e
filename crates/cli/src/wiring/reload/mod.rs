//! The configuration files while the daemon runs: a change of them or of `.env`, SIGHUP, or `trunkline
//! reload` brings trunks, rules, codecs, waits, limits and the agent's dialogue in, with calls going on.
//! Files that are wrong change nothing, and that is said in the log and by `/readyz` until they are
//! right again; one that is missing or still being written is not read. What sockets, addresses and
//! keys are made of counts from the next start on, and is named. A remote server's own trunks change by
//! `sip apply` alone.

mod files;
mod force;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};
use tracing::{debug, info, warn};
use trunkline_agent::config::AgentConfig;
use trunkline_agent::worker::AgentHandle;
use trunkline_base::token::KeyRing;
use trunkline_bridge::sip::{GatewayHandle, Register, TrunkLine};
use trunkline_client::api::LiveKitApiClient;
use trunkline_console::{ReloadResult, Reloaded};
use trunkline_ops::daemon;
use trunkline_service::config::Report;
use trunkline_service::metrics::{Counter, Gauge, count, set};
use trunkline_service::tasks::{Stop, Tasks};
use trunkline_store::Store;

use super::clients::background_api;
use super::desk::{Desk, Order};
use super::differ::Difference;
use super::{Stack, make, sip_setup};
use crate::clock::now;
use crate::failure::Failure;
use crate::settings::{AGENT, Settings, SipSetup};
use force::{Force, reloaded};

pub(crate) use files::ConfigFiles;

impl Stack {
    /// Follows the files for as long as the daemon runs.
    ///
    /// # Errors
    /// No client for the node can be made.
    pub(crate) fn follow_files<F>(
        &self,
        files: ConfigFiles<F>,
        mut settings: Settings,
        keys: &KeyRing,
        hangup: Signal,
        tasks: &Tasks,
    ) -> Result<(), Failure>
    where
        F: Fn() -> Result<Settings, Report> + Send + Sync + 'static,
    {
        settings.livekit.url.clone_from(&self.url);
        set(Gauge::FilesInForce, 1.0, &[]);
        let (force, told) = watch::channel(Force::Whole);
        self.parts
            .runs(daemon::FILES, move || told.borrow().standing());
        let (orders, ordered) = mpsc::channel(ORDERS);
        if let Some(console) = &self.console {
            console.connect(Arc::new(Desk {
                files: orders,
                gateway: self.gateway.clone(),
            }));
        }
        let lines = sip_setup::lines(&settings.sip_setup);
        let node = match &self.node {
            Some(_) => Some(background_api(&settings, keys)?),
            None => None,
        };
        let api = self.sip_api.as_ref().map(|(_, tell)| tell.clone());
        let follower = Follower {
            node,
            api,
            store: self.store.clone(),
            files,
            force,
            gateway: self.gateway.clone(),
            worker: self.worker.clone(),
            lines,
            keys: keys.clone(),
            started: settings.clone(),
            settings,
        };
        tasks.vital("files", follower.run(hangup, ordered, tasks.stop()));
        Ok(())
    }
}

struct Follower<F> {
    /// The embedded node, whose trunks and rules are the file's.
    node: Option<LiveKitApiClient>,
    /// `livekit.SIP` of our own, which shows what the file says.
    api: Option<watch::Sender<SipSetup>>,
    store: Store,
    files: ConfigFiles<F>,
    force: watch::Sender<Force>,
    gateway: Option<GatewayHandle>,
    worker: Option<AgentHandle>,
    /// What the file in force says of trunks beside LiveKit's messages.
    lines: Vec<TrunkLine>,
    keys: KeyRing,
    /// What sockets and keys were made by.
    started: Settings,
    /// What is in force.
    settings: Settings,
}

impl<F: Fn() -> Result<Settings, Report>> Follower<F> {
    async fn run(mut self, mut hangup: Signal, mut orders: mpsc::Receiver<Order>, stop: Stop) {
        let mut waiting: Vec<Order> = Vec::new();
        loop {
            // Those who have gone make place for others.
            waiting.retain(|order| !order.is_closed());
            let has_room = waiting.len() < ORDERS;
            let asked = async {
                tokio::select! {
                    _ = hangup.recv() => None,
                    Some(order) = orders.recv(), if has_room => Some(order),
                }
            };
            let asked = tokio::select! {
                biased;
                () = stop.draining() => return,
                asked = self.files.watch.wait(asked) => asked,
            };
            waiting.extend(asked.flatten());
            if !self.files.watch.is_due() {
                continue;
            }
            // Written while they were read: the next looks see that.
            let Some(read) = self.files.read() else {
                continue;
            };
            let (force, changed) = match read.and_then(|settings| self.judged(settings)) {
                Ok(settings) => Box::pin(self.take_up(settings)).await,
                Err(wrong) => (Force::Last(wrong), Vec::new()),
            };
            match &force {
                Force::Half(_) => self.files.watch.again(),
                Force::Whole | Force::Restart(_) => self.files.in_force(),
                Force::Last(_) => {}
            }
            let reloaded = reloaded(&force, changed);
            self.tell(force, &reloaded);
            for order in waiting.drain(..) {
                // Whoever asked may have gone.
                let _ = order.send(reloaded.clone());
            }
        }
    }

    /// A file that has become blank is a mistake.
    fn judged(&self, settings: Settings) -> Result<Settings, String> {
        let had_entries = !self.settings.sip_setup.is_empty();
        if settings.sip_setup.is_empty() && had_entries && self.files.is_blank() {
            let text =
                "the file is blank, and had entries before: to have none, write `trunks: []`";
            return Err(text.to_owned());
        }
        Ok(settings)
    }

    /// The node's trunks and rules first: they may be refused, and then nothing is begun. What needs no
    /// server waits for none.
    async fn take_up(&mut self, mut settings: Settings) -> (Force, Vec<String>) {
        if self.node.is_some() {
            settings.livekit.url.clone_from(&self.settings.livekit.url);
        }
        let mut difference = Difference::between(&self.started, &self.settings, &settings);
        let has_gateway = self.gateway.is_some();
        let written = match self.write(&settings.sip_setup).await {
            Err(Force::Half(why)) => {
                difference.live.retain(|name| !is_entry(name));
                Err(why)
            }
            Err(force) => return (force, Vec::new()),
            Ok(steps) => {
                // The node's own account of them names what it was before; a registration, say, is
                // nothing to the node.
                let is_told = |name: &String| steps.iter().any(|step| tells(step, name));
                let counts = |name: &String| has_gateway && !is_told(name);
                difference
                    .live
                    .retain(|name| !is_entry(name) || counts(name));
                difference.live.extend(steps);
                self.tell_trunks(&settings.sip_setup).await;
                Ok(())
            }
        };
        if let Some(gateway) = &self.gateway {
            gateway
                .change(&make::gateway_config(&settings, &self.keys))
                .await;
        }
        self.take_up_agent(&settings, &mut difference);
        let known = match written {
            Ok(()) => self.have_them_read().await,
            Err(why) => Err(why),
        };
        if let Err(why) = known {
            return (Force::Half(why), difference.live);
        }
        self.settings = settings;
        let force = if difference.at_next_start.is_empty() {
            Force::Whole
        } else {
            Force::Restart(difference.at_next_start)
        };
        (force, difference.live)
    }

    /// The node is made to have the file's trunks and rules, and what was done for it is told. A trunk
    /// that registers, before or now, is open to its registrar alone at each moment between.
    async fn write(&self, setup: &SipSetup) -> Result<Vec<String>, Force> {
        let Some(gateway) = &self.gateway else {
            return Ok(Vec::new());
        };
        let next = sip_setup::lines(setup);
        gateway.tell(self.lines.iter().chain(&next).cloned().collect());
        let Some(api) = &self.node else {
            return Ok(Vec::new());
        };
        let applied = Box::pin(sip_setup::apply(api, &self.store, setup)).await;
        applied.map_err(|failure| match failure.code() {
            sip_setup::BLOCKED => Force::Last(failure.to_string()),
            _ => Force::Half(failure.to_string()),
        })
    }

    /// The gateway hears what the file says of trunks and rules beside the server, and those that it
    /// keeps by itself where the server is elsewhere.
    async fn tell_trunks(&mut self, setup: &SipSetup) {
        let Some(gateway) = &self.gateway else {
            return;
        };
        let mut ids = BTreeMap::new();
        match &self.node {
            Some(api) => match sip_setup::ids_out(api).await {
                Ok(known) => ids = known,
                Err(error) => {
                    warn!(%error, "calls that are passed on are counted by the file's keys")
                }
            },
            None => gateway.own(sip_setup::own(setup)),
        }
        let next = sip_setup::lines(setup);
        gateway.tell(next.clone());
        gateway.tell_referrers(sip_setup::referrers(setup, &ids));
        gateway.tell_out(sip_setup::lines_out(setup));
        gateway.register(registers(&next));
        self.lines = next;
        if let Some(api) = &self.api {
            api.send_replace(setup.clone());
        }
    }

    /// What the gateway was told counts from its next reading on, which is now.
    async fn have_them_read(&self) -> Result<(), String> {
        match &self.gateway {
            Some(gateway) => gateway.reload().await.map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// What is said of recording stays as it was at the start, as recording itself does.
    fn take_up_agent(&mut self, settings: &Settings, difference: &mut Difference) {
        let (Some(worker), Some(config)) = (&self.worker, make::agent_config(settings)) else {
            if settings.agent_text != self.started.agent_text {
                difference.at_next_start.push(AGENT.to_owned());
            }
            return;
        };
        if let Some(started) = &self.started.agent
            && (&started.agent_name, started.max_sessions)
                != (&config.agent_name, config.max_sessions)
        {
            let what = "agent_name and max_sessions of agent.yaml";
            difference.at_next_start.push(what.to_owned());
        }
        if settings.agent_text == self.settings.agent_text {
            return;
        }
        worker.change(AgentConfig {
            announcement: self.started.livekit.recording.announcement(),
            ..config
        });
        difference.live.push(AGENT.to_owned());
        // Taken up, whatever becomes of the rest.
        self.settings.agent_text.clone_from(&settings.agent_text);
    }

    /// Says it in the log, once for each cause, and to `/readyz`.
    fn tell(&self, force: Force, reloaded: &Reloaded) {
        let result = reloaded.result;
        count(Counter::Reloads, 1, &[("result", result.word())]);
        if matches!(result, ReloadResult::Taken | ReloadResult::Unchanged) {
            let at = Duration::from_millis(now().millis());
            set(Gauge::ReloadedAt, at.as_secs_f64(), &[]);
        }
        let wholly = matches!(force, Force::Whole | Force::Restart(_));
        set(Gauge::FilesInForce, f64::from(u8::from(wholly)), &[]);
        let is_known = *self.force.borrow() == force;
        let changed = reloaded.changed.join(", ");
        match &force {
            Force::Whole => info!(changed, "the configuration files are in force"),
            Force::Restart(_) => warn!(changed, "the configuration files are taken up; {force}"),
            Force::Last(_) | Force::Half(_) if is_known => {
                debug!("the configuration files still: {force}");
            }
            Force::Last(_) | Force::Half(_) => {
                warn!("the configuration files are not taken up; {force}");
            }
        }
        self.force.send_replace(force);
    }
}

/// A trunk, a rule, or how numbers are written.
fn is_entry(name: &str) -> bool {
    ["trunks", "outbound", "rules"]
        .iter()
        .any(|kind| name.starts_with(kind))
}

/// Whether a step at the node is about the entry of this name.
fn tells(step: &str, name: &str) -> bool {
    let key = name.split_once('.').map(|(_, key)| key);
    key.is_some_and(|key| step.split(' ').any(|word| word == key))
}

fn registers(lines: &[TrunkLine]) -> Vec<Register> {
    let all = lines.iter().filter_map(|line| line.register.clone());
    all.collect()
}

/// Administrators who wait for the files. Filling it means that they are read again all the time.
const ORDERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// A trunk's registration changed, and nothing was told: the node knows of none.
    #[test]
    fn what_the_node_does_not_tell_is_told_by_its_name() {
        assert!(tells("~ trunk office (ST_1)", "trunks.office"));
        assert!(tells("+ outbound trunk out", "outbound.out"));
        assert!(!tells("~ trunk office (ST_1)", "trunks.other"));
        assert!(!tells("~ trunk office (ST_1)", "gateway"));
    }
}
