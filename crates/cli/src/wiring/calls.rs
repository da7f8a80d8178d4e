//! Tells the receivers of webhooks what becomes of calls, in the words of their records: once it is in
//! the store.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::warn;
use trunkline_base::class::Classified as _;
use trunkline_base::id::CallId;
use trunkline_bridge::sip::CallNews;
use trunkline_node::CallHooks;
use trunkline_service::tasks::Stop;
use trunkline_store::Store;

use crate::record::Record;

/// Tells until the gateway is gone, or shortly after the hurry began: calls that are hung up then are
/// told of too.
pub(super) async fn tell(
    mut news: mpsc::Receiver<CallNews>,
    hooks: CallHooks,
    store: Store,
    stop: Stop,
) {
    let mut hurried = false;
    loop {
        tokio::select! {
            biased;
            news = news.recv() => match news {
                Some(news) => one(&news, &hooks, &store).await,
                None => return,
            },
            () = stop.hurry(), if !hurried => hurried = true,
            () = sleep(LAST_CALLS), if hurried => return,
        }
    }
}

async fn one(news: &CallNews, hooks: &CallHooks, store: &Store) {
    let (word, call) = word(news);
    // What is told is in the store, unless the disk stands still.
    let _in_time = store.written(PATIENCE).await;
    match store.calls().get(call.as_str()).await {
        Ok(Some(call)) => {
            let record = serde_json::to_value(Record::of(&call)).unwrap_or_default();
            hooks.notify(word, &call.room, record);
        }
        Ok(None) => warn!(%call, word, "a call is not in the store, and nobody is told of it"),
        Err(error) => warn!(%call, word, code = error.code(), "nobody is told of a call"),
    }
}

const fn word(news: &CallNews) -> (&'static str, &CallId) {
    match news {
        CallNews::Started(call) => ("call_started", call),
        CallNews::Answered(call) => ("call_answered", call),
        CallNews::Ended(call) => ("call_ended", call),
    }
}

/// The store has this long to take a row.
const PATIENCE: Duration = Duration::from_secs(2);

/// Calls are hung up before the hurry; what is left of them comes within this.
const LAST_CALLS: Duration = Duration::from_millis(250);
