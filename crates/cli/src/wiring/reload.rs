//! The file of trunks and rules while the daemon runs: a change of it or of `.env`, or SIGHUP, brings them to the
//! embedded node, with calls going on. A file that is wrong changes nothing, and that is said in the
//! log and by `/readyz` until it is right again; one that is missing or still being written is not read.
//! A remote server changes by `sip apply` alone.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::{debug, info, warn};
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

/// How many looks pass before what the node took by half is tried again.
const REST: u8 = 5;

/// How much of the file counts.
#[derive(Debug, PartialEq, Eq)]
enum Force {
    Whole,
    /// Nothing, and why; the one before does.
    Last(String),
    /// What the node took before it failed, and with what it did.
    Half(String),
}

impl Force {
    fn standing(&self) -> Standing {
        match self {
            Self::Whole | Self::Last(_) => Standing::Ready(self.to_string()),
            // Some calls would meet the old set-up, some the new one.
            Self::Half(_) => Standing::Waiting(self.to_string()),
        }
    }
}

impl fmt::Display for Force {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("in force"),
            Self::Last(why) => write!(f, "the last good one is in force: {why}"),
            Self::Half(why) => write!(f, "half applied, tried again: {why}"),
        }
    }
}

/// How the file is read again.
pub(crate) struct SipFile<F> {
    /// What is looked at; the files that are built in do not change.
    path: Option<PathBuf>,
    /// Where the variables are that it may name.
    variables: PathBuf,
    /// As they were before they were read the first time.
    first: Seen,
    read: F,
}

impl<F> SipFile<F> {
    /// To be made before the settings are read.
    pub(crate) fn new(path: Option<PathBuf>, variables: PathBuf, read: F) -> Self {
        Self {
            first: seen(path.as_deref(), &variables),
            path,
            variables,
            read,
        }
    }

    fn state(&self) -> Seen {
        seen(self.path.as_deref(), &self.variables)
    }
}

/// The file, and the one of its variables.
type Seen = (State, State);

fn seen(path: Option<&Path>, variables: &Path) -> Seen {
    (State::of(path), State::of(Some(variables)))
}

/// Tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    BuiltIn,
    Missing,
    There(SystemTime, u64),
}

impl State {
    fn of(path: Option<&Path>) -> Self {
        let Some(path) = path else {
            return Self::BuiltIn;
        };
        let found = path.metadata().ok();
        found
            .and_then(|found| Some(Self::There(found.modified().ok()?, found.len())))
            .unwrap_or(Self::Missing)
    }
}

/// When a file that changed is to be read: not while somebody still writes it.
#[derive(Debug)]
struct Watch<S> {
    /// What was read the last time; `None` for what must be read again.
    seen: Option<S>,
    last: S,
    is_asked: bool,
    /// Looks to let pass first.
    rest: u8,
}

impl<S: Copy + PartialEq> Watch<S> {
    const fn new(first: S) -> Self {
        Self {
            seen: Some(first),
            last: first,
            is_asked: false,
            rest: 0,
        }
    }

    /// Takes one look, and says whether the file is to be read as it is now: two looks in a row
    /// have agreed, and something is new or somebody asked.
    fn look(&mut self, now: S, is_asked: bool) -> bool {
        self.is_asked |= is_asked;
        let is_still = now == self.last;
        self.last = now;
        if !is_still || is_asked {
            self.rest = 0;
        } else if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        let is_due = is_still && (self.is_asked || self.seen != Some(now));
        if is_due {
            self.is_asked = false;
            self.seen = Some(now);
        }
        is_due
    }

    /// What was read has not all been taken.
    const fn again(&mut self) {
        self.seen = None;
        self.rest = REST;
    }
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
        self.parts
            .runs("sip file", move || told.borrow().standing());
        let lines = sip_setup::lines(&settings.sip_setup);
        let follower = Follower {
            api: background_api(&settings, keys)?,
            store: self.store.clone(),
            has_entries: !settings.sip_setup.is_empty(),
            file,
            force,
            gateway,
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
    /// Whether the file that is in force names anything.
    has_entries: bool,
    force: watch::Sender<Force>,
    gateway: GatewayHandle,
    /// What the file in force says of trunks beside LiveKit's messages.
    lines: Vec<TrunkLine>,
}

impl<F: Fn() -> Result<SipSetup, Report>> Follower<F> {
    async fn run(mut self, mut hangup: Signal, stop: Stop) {
        let mut watch = Watch::new(self.file.first);
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                biased;
                () = stop.draining() => return,
                _ = hangup.recv() => true,
                _ = looks.tick() => false,
            };
            let now = self.file.state();
            if !watch.look(now, asked) {
                continue;
            }
            let force = match self.read(now) {
                Ok(Some(setup)) => self.take_up(&setup).await,
                // Written while it was read: the next looks see that.
                Ok(None) => continue,
                Err(wrong) => Force::Last(wrong),
            };
            if matches!(force, Force::Half(_)) {
                watch.again();
            }
            self.tell(force);
        }
    }

    /// The set-up, if the file is still as it was seen; else what is wrong with it.
    fn read(&self, seen: Seen) -> Result<Option<SipSetup>, String> {
        if seen.0 == State::Missing {
            let name = self.file.path.as_deref().unwrap_or_else(|| Path::new(""));
            return Err(format!("{} is not there", name.display()));
        }
        let setup = (self.file.read)();
        if self.file.state() != seen {
            return Ok(None);
        }
        let setup = setup.map_err(|report| report.to_string())?;
        if setup.is_empty() && self.has_entries && self.is_blank() {
            let text =
                "the file is blank, and had entries before: to have none, write `trunks: []`";
            return Err(text.to_owned());
        }
        Ok(Some(setup))
    }

    /// Whether there is nothing but comments: what an editor or a full disk leaves for a moment.
    fn is_blank(&self) -> bool {
        let text = self.file.path.as_deref().map(std::fs::read_to_string);
        text.is_some_and(|text| text.is_ok_and(|text| is_blank(&text)))
    }

    /// A trunk that registers, before or now, is open to its registrar alone at each moment between.
    async fn take_up(&mut self, setup: &SipSetup) -> Force {
        let next = sip_setup::lines(setup);
        let both = self.lines.iter().chain(&next).cloned();
        self.gateway.tell(both.collect());
        match Box::pin(sip_setup::apply(&self.api, &self.store, setup)).await {
            Ok(()) => {}
            Err(failure) if failure.code() == sip_setup::BLOCKED => {
                return Force::Last(failure.to_string());
            }
            Err(failure) => return Force::Half(failure.to_string()),
        }
        self.has_entries = !setup.is_empty();
        self.gateway.tell(next.clone());
        self.gateway.tell_referrers(sip_setup::referrers(setup));
        self.gateway.tell_out(sip_setup::lines_out(setup));
        self.gateway.register(registers(&next));
        self.lines = next;
        if let Err(error) = self.gateway.reload().await {
            return Force::Half(error.to_string());
        }
        Force::Whole
    }

    /// Says it in the log, once for each cause, and to `/readyz`.
    fn tell(&self, force: Force) {
        let is_known = *self.force.borrow() == force;
        match &force {
            Force::Whole => info!("trunks and rules are those of the SIP file"),
            Force::Last(_) | Force::Half(_) if is_known => debug!("the SIP file still: {force}"),
            Force::Last(_) | Force::Half(_) => warn!("the SIP file is not taken up; {force}"),
        }
        self.force.send_replace(force);
    }
}

fn registers(lines: &[TrunkLine]) -> Vec<Register> {
    let all = lines.iter().filter_map(|line| line.register.clone());
    all.collect()
}

fn is_blank(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn there(len: u64) -> State {
        State::There(SystemTime::UNIX_EPOCH, len)
    }

    #[test]
    fn what_is_half_applied_is_not_ready() {
        let half = Force::Half("a rule is refused".to_owned()).standing();
        assert!(matches!(half, Standing::Waiting(why) if why.contains("a rule is refused")));
        let last = Force::Last("a typo".to_owned()).standing();
        assert!(matches!(last, Standing::Ready(why) if why.contains("a typo")));
    }

    #[test]
    fn variables_that_change_have_the_file_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let (path, variables) = (dir.path().join("sip.yaml"), dir.path().join(".env"));
        std::fs::write(&path, "trunks: []").unwrap();
        let file = SipFile::new(Some(path), variables.clone(), || ());
        let mut watch = Watch::new(file.first);
        assert!(!watch.look(file.state(), false));
        std::fs::write(&variables, "SIP_PASSWORD=another").unwrap();
        assert!(!watch.look(file.state(), false), "it may still be written");
        assert!(watch.look(file.state(), false));
        assert!(!watch.look(file.state(), false));
    }

    #[test]
    fn a_file_is_read_once_it_stands_still() {
        let mut watch = Watch::new(there(9));
        assert!(!watch.look(there(9), false));
        // Half written, then gone, then whole.
        for now in [there(4), State::Missing, there(7)] {
            assert!(!watch.look(now, false), "{now:?}");
        }
        assert!(watch.look(there(7), false));
        assert!(!watch.look(there(7), false));
    }

    #[test]
    fn what_is_asked_for_during_a_writing_comes_after_it() {
        let mut watch = Watch::new(there(9));
        assert!(watch.look(there(9), true));
        assert!(!watch.look(there(5), true));
        assert!(!watch.look(there(9), false));
        assert!(watch.look(there(9), false));
        assert!(!watch.look(there(9), false));
    }

    #[test]
    fn what_was_taken_by_half_is_read_again_after_a_rest() {
        let mut watch = Watch::new(there(9));
        assert!(watch.look(there(9), true));
        watch.again();
        let looks = (0..=REST).map(|_| watch.look(there(9), false));
        let read: Vec<bool> = looks.collect();
        assert_eq!(read.iter().position(|one| *one), Some(usize::from(REST)));
        watch.again();
        assert!(watch.look(there(9), true));
    }

    #[test]
    fn a_file_of_nothing_or_comments_is_blank() {
        for blank in ["", "\n \n", "# trunks: []\n---\n"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        assert!(!is_blank("# none\ntrunks: []\n"));
    }
}
