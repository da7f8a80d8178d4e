//! Whether the store can be written.

use std::error::Error as _;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use trunkline_store::Store;

/// Whether the store can be written: tried when somebody asks, and not again for a while, since
/// anybody may ask.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<(Instant, Probed)>>);

/// How a try went.
#[derive(Clone, Debug)]
pub(crate) enum Probed {
    Taken,
    Late,
    Refused(String),
}

impl Probe {
    pub(crate) async fn ask(&self, store: &Store) -> Probed {
        // One at a time; who comes meanwhile waits for its outcome.
        let mut last = self.0.lock().await;
        if let Some((at, outcome)) = last.as_ref()
            && at.elapsed() < PROBE_EVERY
        {
            return outcome.clone();
        }
        let outcome = match timeout(PROBE, store.probe()).await {
            Ok(Ok(())) => Probed::Taken,
            Ok(Err(error)) => Probed::Refused(match error.source() {
                Some(below) => format!("{error}: {below}"),
                None => error.to_string(),
            }),
            Err(_) => Probed::Late,
        };
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }
}

/// Whoever asks for readiness has seconds, not more.
const PROBE: Duration = Duration::from_secs(1);

/// How old an outcome may be.
const PROBE_EVERY: Duration = Duration::from_secs(2);
