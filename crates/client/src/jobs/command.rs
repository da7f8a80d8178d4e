//! What handles ask of the worker's task.

use tokio::sync::oneshot;

#[derive(Debug)]
pub(super) enum WorkerCommand {
    Load(f32),
    Drain { done: oneshot::Sender<()> },
    Close { done: oneshot::Sender<()> },
}
