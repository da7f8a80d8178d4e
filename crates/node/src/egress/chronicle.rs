//! The task that remembers what recordings say of themselves, in the order they say it, and
//! forgets what ended a day ago.

use std::time::Duration;

use livekit_protocol as proto;
use tokio::sync::mpsc;
use trunkline_base::class::Classified;
use trunkline_base::time::UnixTime;
use trunkline_service::tasks::Stop;
use trunkline_store::Store;

use crate::records::{self, RecordError};

/// The task, before it runs.
#[derive(Debug)]
pub(crate) struct Chronicle {
    store: Store,
    news: mpsc::Receiver<proto::EgressInfo>,
}

impl Chronicle {
    pub(crate) fn new(store: Store) -> (mpsc::Sender<proto::EgressInfo>, Self) {
        let (tell, news) = mpsc::channel(NEWS);
        (tell, Self { store, news })
    }

    /// Runs until the hurry, when recordings have said their last word.
    pub(crate) async fn run(mut self, stop: Stop) {
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let last_call = async {
            stop.hurry().await;
            tokio::time::sleep(LAST_NEWS).await;
        };
        tokio::pin!(last_call);
        loop {
            let done = tokio::select! {
                biased;
                news = self.news.recv() => match news {
                    Some(info) => records::put(&self.store, &info).await,
                    None => return,
                },
                _ = sweep.tick() => self.sweep(crate::clock::now()).await,
                () = &mut last_call => return,
            };
            if let Err(error) = done {
                tracing::warn!(code = error.code(), "a recording could not be remembered");
            }
        }
    }

    pub(super) async fn sweep(&self, now: UnixTime) -> Result<(), RecordError> {
        let day_ago = now.nanos_i64().saturating_sub(KEPT_NANOS);
        for info in records::all::<proto::EgressInfo>(&self.store).await? {
            if info.ended_at != 0 && info.ended_at < day_ago {
                records::delete::<proto::EgressInfo>(&self.store, &info.egress_id).await?;
            }
        }
        Ok(())
    }
}

/// News waiting to be written; each recording has about four in its life.
const NEWS: usize = 256;
const SWEEP_EVERY: Duration = Duration::from_secs(30 * 60);
/// How long an ended recording is listed, as the official server has it.
const KEPT_NANOS: i64 = 24 * 3600 * 1_000_000_000;
/// After the hurry began, recordings still report their end.
const LAST_NEWS: Duration = Duration::from_secs(2);
