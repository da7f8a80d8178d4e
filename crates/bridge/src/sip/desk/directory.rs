//! Trunks and rules, read from the LiveKit server and kept while it is away.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_service::tasks::Stop;
use trunkline_sip::routing::{DispatchRule, InboundTrunk};

use super::wire;

/// All trunks and rules at one moment.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    pub(crate) trunks: Vec<InboundTrunk>,
    pub(crate) rules: Vec<DispatchRule>,
    /// Were they ever read?
    pub(crate) loaded: bool,
}

/// A wish to read again, answered when done.
pub(crate) type Reload = oneshot::Sender<Result<(), ApiError>>;

/// Reads trunks and rules at once, at an interval, and when asked.
pub(crate) async fn keep(
    api: LiveKitApiClient,
    every: Duration,
    state: watch::Sender<Arc<Directory>>,
    mut wishes: mpsc::Receiver<Reload>,
    stop: Stop,
) {
    let mut loaded = false;
    loop {
        match read(&api).await {
            Ok(directory) => {
                loaded = true;
                publish(&state, directory);
            }
            Err(error) => warn!(%error, "trunks and rules cannot be read; the last ones stand"),
        }
        // Until the first success try often: nobody can call before.
        let pause = if loaded { every } else { FIRST };
        let wish = tokio::select! {
            biased;
            () = stop.draining() => return,
            wish = wishes.recv() => wish,
            () = tokio::time::sleep(pause) => continue,
        };
        let Some(wish) = wish else { return };
        let result = read(&api).await.map(|directory| publish(&state, directory));
        loaded |= result.is_ok();
        // Whoever asked may have gone.
        let _ = wish.send(result);
    }
}

async fn read(api: &LiveKitApiClient) -> Result<Directory, ApiError> {
    let (trunks, rules) = tokio::try_join!(api.list_inbound_trunks(), api.list_dispatch_rules())?;
    Ok(Directory {
        trunks: trunks.into_iter().filter_map(wire::trunk).collect(),
        rules: rules.into_iter().filter_map(wire::rule).collect(),
        loaded: true,
    })
}

fn publish(state: &watch::Sender<Arc<Directory>>, directory: Directory) {
    debug!(
        trunks = directory.trunks.len(),
        rules = directory.rules.len(),
        "directory read"
    );
    state.send_replace(Arc::new(directory));
}

/// Between tries before the first success.
const FIRST: Duration = Duration::from_millis(500);
