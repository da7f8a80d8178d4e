//! The signals that ask a process to end.

use tokio::signal::unix::{Signal, SignalKind, signal};
use trunkline_base::class::Class;

use crate::failure::Failure;

pub(crate) fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        let text = format!("cannot listen for signals: {error}");
        Failure::new(Class::Internal, "process.signals", text)
    })
}

/// Ctrl-C, and what service managers send.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of either.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
