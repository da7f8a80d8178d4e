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
        if self.node.is_none() || self.gateway.is_none() {
            return Ok(());
        }
        settings.livekit.url.clone_from(&self.url);
        let (wrong, told) = watch::channel(None::<String>);
        self.parts.runs("sip file", move || {
            let how = told.borrow().as_ref().map_or_else(
                || "in force".to_owned(),
                |why| format!("the last good one is in force: {why}"),
            );
            Standing::Ready(how)
        });
        let follower = Follower {
            api: background_api(&settings, keys)?,
            store: self.store.clone(),
            file,
            wrong,
        };
        tasks.vital("sip file", follower.run(hangup, tasks.stop()));
        Ok(())
    }
}

struct Follower<F> {
    api: LiveKitApiClient,
    store: Store,
    file: SipFile<F>,
    /// What is wrong with the file, if anything is.
    wrong: watch::Sender<Option<String>>,
}

impl<F: Fn() -> Result<SipSetup, Report>> Follower<F> {
    async fn run(self, mut hangup: Signal, stop: Stop) {
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

    async fn reload(&self) {
        let wrong = match (self.file.read)() {
            Err(report) => Some(report.to_string()),
            Ok(setup) => Box::pin(sip_setup::apply(&self.api, &self.store, &setup))
                .await
                .err()
                .map(|failure| failure.to_string()),
        };
        match &wrong {
            Some(why) => warn!("the SIP file is not taken up, the last good one stays: {why}"),
            None => info!("trunks and rules are those of the SIP file"),
        }
        self.wrong.send_replace(wrong);
    }
}

/// Tells one state of a file from the next.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let found = path.metadata().ok()?;
    Some((found.modified().ok()?, found.len()))
}
