//! How the parts of the daemon stand.

use std::sync::Arc;

use tokio::sync::watch;

/// How a part stands, with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It takes work.
    Ready(String),
    /// It should take work, and cannot yet, or no longer.
    Waiting(String),
    /// It does not run here, and nothing waits for it.
    Off(String),
}

/// One part of the daemon, which is asked how it stands each time somebody wants to know: what it
/// said when it started may be long over.
#[derive(Clone)]
pub struct Part {
    /// Such as `node`, `sip`, `agent`.
    pub name: &'static str,
    ask: Arc<dyn Fn() -> Standing + Send + Sync>,
}

impl Part {
    /// A part and how to ask it.
    pub fn new(name: &'static str, ask: impl Fn() -> Standing + Send + Sync + 'static) -> Self {
        Self {
            name,
            ask: Arc::new(ask),
        }
    }

    /// How it stands now.
    pub fn standing(&self) -> Standing {
        (self.ask)()
    }
}

/// The parts; the wiring writes, `/readyz` reads.
pub type Readiness = watch::Receiver<Vec<Part>>;
