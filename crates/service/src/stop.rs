//! The signal that it is time to end, and how much hurry there is.

use tokio::sync::watch;

/// How far the end of the process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Work goes on.
    Running,
    /// No new work; what runs may finish.
    Draining,
    /// Say goodbye and end.
    Hurry,
}

pub(crate) struct Signal(watch::Sender<Phase>);

impl Signal {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Phase::Running))
    }

    pub(crate) fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Moves forward to `phase`; says whether that changed anything.
    pub(crate) fn raise(&self, phase: Phase) -> bool {
        self.0.send_if_modified(|current| {
            let forward = phase > *current;
            if forward {
                *current = phase;
            }
            forward
        })
    }
}

/// Watches for the end. Clone one into each task.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Phase>);

impl Stop {
    /// How far it has come.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Whether new work is still taken.
    pub fn is_running(&self) -> bool {
        self.phase() == Phase::Running
    }

    /// Resolves when the drain begins, or at once if it has.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Resolves when sessions must say goodbye, or at once if they must.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn hurry(&self) {
        self.reached(Phase::Hurry).await;
    }

    pub(crate) async fn hurried(&mut self) {
        self.hurry().await;
    }

    async fn reached(&self, phase: Phase) {
        // A dropped owner means that nobody is left to finish for.
        let _ = self.0.clone().wait_for(|current| *current >= phase).await;
    }
}
