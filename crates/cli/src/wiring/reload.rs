//! The file of trunks and rules while the daemon runs: a change of it, or SIGHUP, brings them to the
//! embedded node, with calls going on. A file that is wrong changes nothing, and that is said in the
//! log and by `/readyz` until it is right again. A remote server changes by `sip apply` alone.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};
use trunkline_base::token::KeyRing;
use trunkline_bridge::sip::{GatewayHandle, Register, TrunkLine};
use trunkline_client::api::LiveKitApiClient;
use trunkline_console::Standing;
use trunkline_service::config::Report;
use trunkline_service::tasks::{Stop, Tasks};
use trunkline_store::Store;

use super::clients::background_api;
use super::{Stack, sip_setup};
use crate::failure::Failure;
use crate::settings::{Settings, SipSetup};

/// How often the file is looked at: an operator waits for what was just saved.
const LOOK: Duration = Duration::from_secs(1);

/// How much of the file counts.
#[derive(Debug)]
enum Force {
    Whole,
    /// All but what it says of registrations.
    Restart,
    /// Nothing, and why; the one before does.
    Last(String),
}

const RESTART: &str = "in force, but registrations change at the next start";

/// How the file is read again.
pub(crate) struct SipFile<F> {
    /// What is looked at; the files that are built in do not change.
    pub(crate) path: Option<PathBuf>,
    pub(crate) read: F,
}

impl Stack {
    /// Follows the file for as long as the daemon runs, where the node and the gateway are here.
    ///
    /// # Errors
    /// No client for the node can be made.
    pub(crate) fn follow_sip_file<F>(
        &self,
        file: SipFile<F>,
        mut settings: Settings,
        keys: &KeyRing,
        hangup: Signal,
        tasks: &Tasks,
    ) -> Result<(), Failure>
    where
        F: Fn() -> Result<SipSetup, Report> + Send + Sync + 'static,
    {
        let Some(gateway) = self.gateway.clone().filter(|_| self.node.is_some()) else {
            return Ok(());
        };
        settings.livekit.url.clone_from(&self.url);
        let (force, told) = watch::channel(Force::Whole);
        self.parts.runs("sip file", move || {
            let how = match &*told.borrow() {
                Force::Whole => "in force".to_owned(),
                Force::Restart => RESTART.to_owned(),
                Force::Last(why) => format!("the last good one is in force: {why}"),
            };
            Standing::Ready(how)
        });
        let lines = sip_setup::lines(&settings.sip_setup);
        let follower = Follower {
            api: background_api(&settings, keys)?,
            store: self.store.clone(),
            file,
            force,
            gateway,
            registered: registers(&lines),
            lines,
        };
        tasks.vital("sip file", follower.run(hangup, tasks.stop()));
        Ok(())
    }
}

struct Follower<F> {
    api: LiveKitApiClient,
    store: Store,
    file: SipFile<F>,
    force: watch::Sender<Force>,
    gateway: GatewayHandle,
    /// What is registered for as long as the daemon runs.
    registered: Vec<Register>,
    /// What the file in force says of trunks beside LiveKit's messages.
    lines: Vec<TrunkLine>,
}

impl<F: Fn() -> Result<SipSetup, Report>> Follower<F> {
    async fn run(mut self, mut hangup: Signal, stop: Stop) {
        let mut seen = self.file.path.as_deref().and_then(stamp);
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                biased;
                () = stop.draining() => return,
                _ = hangup.recv() => true,
                _ = looks.tick() => false,
            };
            let now = self.file.path.as_deref().and_then(stamp);
            if asked || now != seen {
                seen = now;
                self.reload().await;
            }
        }
    }

    async fn reload(&mut self) {
        let force = match self.take_up().await {
            Err(why) => Force::Last(why),
            Ok(()) if registers(&self.lines) == self.registered => Force::Whole,
            Ok(()) => Force::Restart,
        };
        match &force {
            Force::Whole => info!("trunks and rules are those of the SIP file"),
            Force::Restart => warn!("the SIP file is taken up; {RESTART}"),
            Force::Last(why) => {
                warn!("the SIP file is not taken up, the last good one stays: {why}");
            }
        }
        self.force.send_replace(force);
    }

    /// A trunk that registers, before or now, is open to its registrar alone at each moment between.
    async fn take_up(&mut self) -> Result<(), String> {
        let setup = (self.file.read)().map_err(|report| report.to_string())?;
        let next = sip_setup::lines(&setup);
        let both = self.lines.iter().chain(&next).cloned();
        self.gateway.tell(both.collect());
        let applied = Box::pin(sip_setup::apply(&self.api, &self.store, &setup)).await;
        applied.map_err(|failure| failure.to_string())?;
        self.gateway.tell(next.clone());
        self.lines = next;
        let read = self.gateway.reload().await;
        read.map_err(|error| error.to_string())
    }
}

fn registers(lines: &[TrunkLine]) -> Vec<Register> {
    let all = lines.iter().filter_map(|line| line.register.clone());
    all.collect()
}

/// Tells one state of a file from the next.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let found = path.metadata().ok()?;
    Some((found.modified().ok()?, found.len()))
}
