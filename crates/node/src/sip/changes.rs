//! Word of changed trunks and rules for whoever routes calls by them. The API's answer waits for
//! it, so that a call which follows the answer is routed by what it said.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

/// Trunks or rules have changed. Dropping it says that what routes calls knows them now.
#[derive(Debug)]
pub struct SipChanged {
    #[expect(dead_code, reason = "its drop is the answer")]
    known: oneshot::Sender<()>,
}

/// Where changes are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Set once somebody takes the other end.
    listener: Arc<OnceLock<mpsc::Sender<SipChanged>>>,
}

impl Changes {
    /// The lane of changes, for the first who asks.
    pub(crate) fn take(&self) -> Option<mpsc::Receiver<SipChanged>> {
        let (sender, changes) = mpsc::channel(WAITING);
        self.listener.set(sender).ok().map(|()| changes)
    }

    /// Tells a change and waits until it is known, or for as long as an API call may wait.
    pub(super) async fn tell(&self) {
        let Some(listener) = self.listener.get() else {
            return;
        };
        let (known, answered) = oneshot::channel();
        let told = async {
            if listener.send(SipChanged { known }).await.is_ok() {
                let _dropped = answered.await;
            }
        };
        if tokio::time::timeout(LIMIT, told).await.is_err() {
            tracing::warn!("changed trunks and rules are not known to the gateway yet");
        }
    }
}

/// Changes waiting for the gateway; whoever made one waits as well.
const WAITING: usize = 64;

/// The gateway reads them in milliseconds. One that is stuck must not hold up the API.
const LIMIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_changes_a_rule_waits_until_the_gateway_knows_it() {
        let changes = Changes::default();
        changes.tell().await;
        let mut told = changes.take().unwrap();
        assert!(changes.take().is_none());
        let (made, change) = tokio::join!(
            async {
                changes.tell().await;
                tokio::time::Instant::now()
            },
            async {
                let change = told.recv().await.unwrap();
                tokio::time::sleep(Duration::from_millis(300)).await;
                let known = tokio::time::Instant::now();
                drop(change);
                known
            }
        );
        assert!(made >= change);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_does_not_answer_holds_nobody_up() {
        let changes = Changes::default();
        let mut told = changes.take().unwrap();
        let began = tokio::time::Instant::now();
        changes.tell().await;
        assert_eq!(began.elapsed(), LIMIT);
        let stuck = told.recv().await;
        drop(told);
        changes.tell().await;
        assert_eq!(began.elapsed(), LIMIT);
        drop(stuck);
    }
}
