//! Every task has an owner and every process an orderly end.
//!
//! ```text
//! Running ──begin_drain──► Draining ──limit or hurry──► Hurry ──limit──► aborted
//! ```
//! A *session* may panic or fail: only it ends, with one `ERROR` and one counter. A *vital* task
//! (socket, acceptor, registrar) may not end before the drain: if it does, the process drains and
//! [`Tasks::fatal`] says why.

mod roll;

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::runtime::{EnterGuard, Handle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::metrics::{Counter, count};
use crate::stop::Signal;
pub use crate::stop::{Phase, Stop};
use roll::Roll;

/// How long each phase of the end may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions may finish by themselves within this.
    pub drain: Duration,
    /// Then they have this long to say goodbye.
    pub hurry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(30),
            hurry: Duration::from_secs(5),
        }
    }
}

/// How the end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Tasks cut off at the last limit.
    pub cut: usize,
}

impl DrainReport {
    /// Whether every task ended by itself.
    pub const fn is_clean(self) -> bool {
        self.cut == 0
    }
}

/// Owner of the tasks of a process, or of one part of it. Cheap to clone.
#[derive(Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    signal: Arc<Signal>,
    abort: CancellationToken,
    fatal: Arc<OnceLock<String>>,
    roll: Roll,
    /// Where tasks run; none means the runtime of whoever starts them.
    runtime: Option<Handle>,
    /// Where tasks that carry sound run.
    sound: Option<Handle>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// An owner with no tasks yet.
    pub fn new() -> Self {
        Self {
            tracker: TaskTracker::new(),
            signal: Arc::new(Signal::new()),
            abort: CancellationToken::new(),
            fatal: Arc::new(OnceLock::new()),
            roll: Roll::default(),
            runtime: None,
            sound: None,
        }
    }

    /// The same owner, with a runtime for tasks that carry sound: whatever else the process does,
    /// their frames do not queue behind it.
    #[must_use]
    pub fn with_sound(self, runtime: Handle) -> Self {
        Self {
            sound: Some(runtime),
            ..self
        }
    }

    /// The same owner, for tasks that carry sound. They run, with all they start, on the runtime for
    /// it, if there is one.
    #[must_use]
    pub fn sound(&self) -> Self {
        Self {
            runtime: self.sound.clone(),
            ..self.clone()
        }
    }

    /// Makes sockets and timers of the runtime these tasks run on, until dropped.
    pub fn enter(&self) -> Option<EnterGuard<'_>> {
        self.runtime.as_ref().map(Handle::enter)
    }

    /// What tasks watch to learn that it is time to end.
    pub fn stop(&self) -> Stop {
        self.signal.stop()
    }

    /// Runs a session: a panic in it ends it alone.
    pub fn session<F>(&self, name: &'static str, session: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(name, async move {
            if let Err(panic) = AssertUnwindSafe(session).catch_unwind().await {
                count(Counter::TaskPanics, 1, &[("task", name)]);
                error!(
                    task = name,
                    panic = panic_text(panic.as_ref()),
                    "a session panicked"
                );
            }
        })
    }

    /// Runs a task the process cannot do without: its end before the drain drains the process.
    pub fn vital<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        self.spawn(name, async move {
            let end = AssertUnwindSafe(task).catch_unwind().await;
            if tasks.stop().phase() != Phase::Running {
                return;
            }
            let why = match end {
                Ok(()) => format!("{name} ended"),
                Err(panic) => format!("{name} panicked: {}", panic_text(panic.as_ref())),
            };
            error!(task = name, "a vital task ended");
            tasks.fail(why);
        })
    }

    fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let abort = self.abort.clone();
        let present = self.roll.enter(name);
        let owned = async move {
            let _present = present;
            tokio::select! {
                biased;
                () = abort.cancelled() => {}
                () = task => {}
            }
        };
        match &self.runtime {
            Some(runtime) => self.tracker.spawn_on(owned, runtime),
            None => self.tracker.spawn(owned),
        }
    }

    /// Drains because of a failure that the process must report in its exit code.
    pub fn fail(&self, why: String) {
        let reason = self.fatal.get_or_init(|| why).clone();
        self.begin_drain(&reason);
    }

    /// Why the process must not exit with success, if it must not.
    pub fn fatal(&self) -> Option<&str> {
        self.fatal.get().map(String::as_str)
    }

    /// Asks every task to finish; new work is refused from here on.
    pub fn begin_drain(&self, reason: &str) {
        if self.signal.raise(Phase::Draining) {
            info!(reason, tasks = self.tracker.len(), "draining");
        }
    }

    /// Asks every task to end politely, now.
    pub fn hurry(&self) {
        if self.signal.raise(Phase::Hurry) {
            info!(tasks = self.tracker.len(), "ending what is left");
        }
    }

    /// Waits for the tasks within the limits and cuts what is left.
    pub async fn finish(&self, limits: Limits) -> DrainReport {
        self.begin_drain("the process is ending");
        self.tracker.close();
        let mut stop = self.stop();
        tokio::select! {
            () = self.tracker.wait() => return DrainReport { cut: 0 },
            () = stop.hurried() => {}
            () = tokio::time::sleep(limits.drain) => self.hurry(),
        }
        if tokio::time::timeout(limits.hurry, self.tracker.wait())
            .await
            .is_ok()
        {
            return DrainReport { cut: 0 };
        }
        let cut = self.tracker.len();
        warn!(
            tasks = cut,
            left = self.roll.names(),
            "cutting tasks that did not end"
        );
        self.abort.cancel();
        // Aborted futures are dropped at their next await; give them one turn of the scheduler.
        let _ = tokio::time::timeout(Duration::from_millis(500), self.tracker.wait()).await;
        DrainReport { cut }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests;
