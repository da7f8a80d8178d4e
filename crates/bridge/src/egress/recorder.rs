//! The owner of all recordings: starts them, knows which run, passes on what happens to them.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use livekit_protocol::{EgressInfo, EgressStatus};
use rand::RngCore as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use trunkline_base::id::{EgressId, RoomName};
use trunkline_client::auth::LiveKitAuthManager;
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::{Phase, Stop, Tasks};
use trunkline_store::{RecordingStart, Row, Store};

use super::config::RecorderConfig;
use super::error::{RecordError, StartError};
use super::naming::{Facts, Template, make_folder};
use super::recovery;
use super::report::{Report, now};
use super::session::{Order, Recording};

/// Orders that may wait; each takes a row in the store at most.
const COMMANDS: usize = 64;
/// News of recordings on their way to the owner.
const REPORTS: usize = 256;
/// News a listener may be behind; more are dropped, with a warning.
const EVENTS: usize = 1_024;
/// An answer that takes longer means that the owner is gone.
const ANSWER: Duration = Duration::from_secs(10);

enum Command {
    Record(RoomName, oneshot::Sender<Result<EgressId, RecordError>>),
    Stop(EgressId, oneshot::Sender<Result<(), RecordError>>),
    List(oneshot::Sender<Vec<EgressInfo>>),
    Listen(mpsc::Sender<EgressInfo>),
}

/// Starts recorders.
pub struct Recorder {
    config: Arc<RecorderConfig>,
    root: PathBuf,
    template: Template,
    auth: LiveKitAuthManager,
    store: Store,
    tasks: Tasks,
    reports: mpsc::Sender<Report>,
    running: BTreeMap<EgressId, Running>,
    listeners: Vec<mpsc::Sender<EgressInfo>>,
    /// News from before anybody listened.
    backlog: VecDeque<EgressInfo>,
}

struct Running {
    room: RoomName,
    stop: CancellationToken,
    latest: Option<EgressInfo>,
}

impl Running {
    /// Whether it takes in nothing more: the next call in its room needs another.
    fn is_ending(&self) -> bool {
        let latest = self.latest.as_ref().map(|info| info.status);
        latest.is_some_and(|status| status >= i32::from(EgressStatus::EgressEnding))
    }
}

/// Reaches a recorder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RecorderHandle {
    commands: mpsc::Sender<Command>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Command")
    }
}

impl Recorder {
    /// Checks the directory, closes what a killed process left open, and waits for orders.
    ///
    /// # Errors
    /// [`StartError`] when nothing could be recorded.
    pub async fn start(
        config: RecorderConfig,
        store: Store,
        tasks: Tasks,
    ) -> Result<RecorderHandle, StartError> {
        let template = Template::parse(&config.template)?;
        let dir = config.dir.clone();
        let root = spawn_blocking(move || check(&dir))
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|source| StartError::Directory {
                dir: config.dir.clone(),
                source,
            })?;
        let backlog = recovery::close_open(&store, &root, now()).await?.into();
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (reports, news) = mpsc::channel(REPORTS);
        let auth = LiveKitAuthManager::new(config.keys.clone());
        let recorder = Self {
            config: Arc::new(config),
            root,
            template,
            auth,
            store,
            tasks: tasks.clone(),
            reports,
            running: BTreeMap::new(),
            listeners: Vec::new(),
            backlog,
        };
        tasks.vital("recorder", recorder.run(orders, news, tasks.stop()));
        Ok(RecorderHandle { commands })
    }

    async fn run(
        mut self,
        mut orders: mpsc::Receiver<Command>,
        mut news: mpsc::Receiver<Report>,
        stop: Stop,
    ) {
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                Some(report) = news.recv() => self.on_report(report),
                order = orders.recv(), if open => match order {
                    Some(order) => self.on_command(order),
                    None => open = false,
                },
                () = stop.hurry(), if self.running.is_empty() => return,
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Record(room, answer) => {
                let _ = answer.send(self.record(room));
            }
            Command::Stop(id, answer) => {
                let found = self.running.get(&id).map(|running| running.stop.cancel());
                let _ = answer.send(found.ok_or(RecordError::Unknown));
            }
            Command::List(answer) => {
                let all = self
                    .running
                    .values()
                    .filter_map(|running| running.latest.clone());
                let _ = answer.send(all.collect());
            }
            Command::Listen(listener) => {
                for info in self.backlog.drain(..) {
                    let _ = listener.try_send(info);
                }
                self.listeners.push(listener);
            }
        }
    }

    fn record(&mut self, room: RoomName) -> Result<EgressId, RecordError> {
        if let Some((id, _)) = self
            .running
            .iter()
            .find(|(_, running)| running.room == room && !running.is_ending())
        {
            return Ok(id.clone());
        }
        if self.tasks.stop().phase() == Phase::Hurry {
            return Err(RecordError::Closed);
        }
        if self.running.len() >= self.config.max_recordings {
            return Err(RecordError::Full {
                running: self.running.len(),
            });
        }
        let at = now();
        let (id, serial) = {
            let mut rng = rand::rng();
            (EgressId::generate(&mut rng), rng.next_u32())
        };
        let facts = Facts {
            room: room.clone(),
            egress: id.clone(),
            at,
        };
        let relative = self.template.fill(&facts);
        let start = RecordingStart {
            egress_id: id.clone(),
            room: room.clone(),
            path: self.root.join(&relative).to_string_lossy().into_owned(),
            channels: 2,
            at,
        };
        self.store.later(Row::RecordingStarted(start));
        let stop = CancellationToken::new();
        let order = Order {
            id: id.clone(),
            room: room.clone(),
            relative,
            root: self.root.clone(),
            serial,
            at,
            asked: stop.clone(),
        };
        let recording = Recording::new(
            order,
            Arc::clone(&self.config),
            self.auth.clone(),
            self.store.clone(),
            self.reports.clone(),
        );
        count(Counter::RecordingsStarted, 1, &[]);
        self.running.insert(
            id.clone(),
            Running {
                room,
                stop,
                latest: None,
            },
        );
        let (ended, reports) = (Report::Ended(id.clone()), self.reports.clone());
        let session = self
            .tasks
            .session("recording", recording.run(self.tasks.stop()));
        // The end is told even when the session panics.
        self.tasks.session("recording end", async move {
            let _ = session.await;
            let _ = reports.send(ended).await;
        });
        Ok(id)
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Ended(id) => {
                self.running.remove(&id);
            }
            Report::Changed(info) => {
                let running = self.running.get_mut(info.egress_id.as_str());
                if let Some(running) = running {
                    running.latest = Some((*info).clone());
                }
                self.tell(&info);
            }
        }
    }

    fn tell(&mut self, info: &EgressInfo) {
        self.listeners.retain(|listener| !listener.is_closed());
        if self.listeners.is_empty() {
            if self.backlog.len() >= EVENTS {
                self.backlog.pop_front();
            }
            self.backlog.push_back(info.clone());
            return;
        }
        for listener in &self.listeners {
            if listener.try_send(info.clone()).is_err() {
                warn!(
                    egress = info.egress_id,
                    "a listener of recordings is behind and missed news"
                );
            }
        }
    }
}

impl RecorderHandle {
    /// Records a room, from now until it closes, everybody has left, or [`RecorderHandle::stop`].
    /// A room that is being recorded already gives the recording that runs.
    ///
    /// # Errors
    /// [`RecordError`]. A file that cannot be written is not told here but as a failed recording.
    pub async fn record(&self, room: RoomName) -> Result<EgressId, RecordError> {
        self.ask(|answer| Command::Record(room, answer)).await?
    }

    /// Ends a recording; it is complete when its last state is told.
    ///
    /// # Errors
    /// [`RecordError::Unknown`] when it does not run.
    pub async fn stop(&self, id: EgressId) -> Result<(), RecordError> {
        self.ask(|answer| Command::Stop(id, answer)).await?
    }

    /// The recordings that run.
    ///
    /// # Errors
    /// [`RecordError::Closed`] when the process is ending.
    pub async fn list(&self) -> Result<Vec<EgressInfo>, RecordError> {
        self.ask(Command::List).await
    }

    /// What happens to recordings from now on; the first listener also gets what happened before.
    #[must_use]
    pub fn events(&self) -> mpsc::Receiver<EgressInfo> {
        let (listener, events) = mpsc::channel(EVENTS);
        if self.commands.try_send(Command::Listen(listener)).is_err() {
            warn!("the recorder has no room for a listener");
        }
        events
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, RecordError> {
        let (answer, answered) = oneshot::channel();
        let send = self.commands.send_timeout(command(answer), ANSWER);
        send.await.map_err(|_| RecordError::Closed)?;
        match tokio::time::timeout(ANSWER, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(RecordError::Closed),
        }
    }
}

/// The directory, absolute, after proof that a file can be written in it.
fn check(dir: &Path) -> std::io::Result<PathBuf> {
    make_folder(dir)?;
    let root = dir.canonicalize()?;
    tempfile_in(&root)?;
    Ok(root)
}

fn tempfile_in(root: &Path) -> std::io::Result<()> {
    let probe = root.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, b"ok")?;
    std::fs::remove_file(&probe)
}
