//! What the room is told of a call: attributes, one change after another, in order.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::{Instrument as _, warn};
use trunkline_client::room::Room;

/// The lane to the room.
pub(super) struct Teller {
    lane: mpsc::Sender<BTreeMap<String, String>>,
    task: JoinHandle<()>,
}

impl Teller {
    pub(super) fn new(room: Room) -> Self {
        let (lane, mut changes) = mpsc::channel::<BTreeMap<String, String>>(CHANGES);
        let tell = async move {
            while let Some(change) = changes.recv().await {
                let done = tokio::time::timeout(PATIENCE, room.set_attributes(change)).await;
                if !matches!(done, Ok(Ok(()))) {
                    warn!("the room was not told how its call stands");
                }
            }
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the call, which joins it"
        )]
        let task = tokio::spawn(tell.in_current_span());
        Self { lane, task }
    }

    pub(super) fn say(&self, change: BTreeMap<String, String>) {
        if self.lane.try_send(change).is_err() {
            warn!("the room does not take what it is told of its call");
        }
    }

    pub(super) fn status(&self, status: &str) {
        self.say(BTreeMap::from([(STATUS.to_owned(), status.to_owned())]));
    }

    /// Says the last and waits until it is known, not for long.
    pub(super) async fn last(self, change: BTreeMap<String, String>) {
        if !change.is_empty() {
            self.say(change);
        }
        drop(self.lane);
        let mut task = self.task;
        if tokio::time::timeout(PATIENCE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// How a call stands, as LiveKit's clients read it.
pub(super) const STATUS: &str = "sip.callStatus";

/// Changes under way. A call has a dozen in its life.
const CHANGES: usize = 32;

/// Longer would keep a phone's line open for an attribute.
const PATIENCE: Duration = Duration::from_secs(1);
