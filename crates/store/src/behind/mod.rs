//! Rows that are written behind the back of whoever has them to write.
//!
//! A call begins, goes on and ends whether or not the disk keeps up. What the store must keep of it
//! is put into a queue, in order, and one writer brings it to the file, trying a row again for as
//! long as the disk stands still. The queue and the patience have bounds; a row that falls out of
//! them is counted, by what it was, for whoever looks after the process to tell.
//!
//! ```text
//! later(row) ──queue──► writer ──► file
//!        └── full ───────► lost ◄──┘ refused, or out of patience
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use trunkline_base::id::{CallId, EgressId, RoomName};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;

use crate::sip_messages::MOST_IN_ALL;
use crate::{
    CallEnd, CallStart, Calls, Event, Events, Half, Journal, RecordingEnd, RecordingStart,
    Recordings, Refusal, Refusals, SipMessage, SipMessages, StoreError, Turn, Turns,
};

/// Rows that wait. Thirty calls a second make ninety rows: filling it takes a disk that stands
/// still for a minute and a half.
const QUEUE: usize = 8192;

/// A row is tried for this long after it was made.
const PATIENCE: Duration = Duration::from_secs(600);

/// Between two tries of a row.
const AGAIN: Duration = Duration::from_millis(200);

/// Something the store must keep, and nobody waits for.
#[derive(Clone, Debug)]
pub enum Row {
    /// A call began.
    CallStarted(CallStart),
    CallAnswered(CallId, UnixTime),
    /// A call that was asked for a PIN has a room and a rule.
    CallPlaced(CallId, RoomName, String),
    /// A call is about to be ended, and why.
    CallEnding(CallId, String),
    CallEnded(CallId, CallEnd),
    /// A turn, or more of it.
    Turn(Turn),
    /// Something happened.
    Event(Event),
    /// A recording began.
    RecordingStarted(RecordingStart),
    RecordingEnded(EgressId, RecordingEnd),
    /// A call was turned away.
    Refused(Refusal),
    /// The same happened again: the row has the new count.
    RefusedAgain(Refusal),
    /// SIP messages of calls.
    Sip(Vec<SipMessage>),
    /// The oldest SIP messages go, where there are too many.
    SipTrim,
    /// A half of what a restart needs of a call that is up.
    Journal(Half, CallId, Personal<Vec<u8>>, UnixTime),
    /// That half is needed no more.
    Forget(Half, CallId),
    /// Whoever has calls lives.
    Alive(UnixTime),
}

impl Row {
    /// What it is, in a word for logs and metrics.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::CallStarted(_) => "call_start",
            Self::CallAnswered(..) => "call_answer",
            Self::CallPlaced(..) => "call_place",
            Self::CallEnding(..) => "call_ending",
            Self::CallEnded(..) => "call_end",
            Self::Turn(_) => "turn",
            Self::Event(_) => "event",
            Self::RecordingStarted(_) => "recording_start",
            Self::RecordingEnded(..) => "recording_end",
            Self::Refused(_) | Self::RefusedAgain(_) => "refusal",
            Self::Sip(_) | Self::SipTrim => "sip",
            Self::Journal(..) | Self::Forget(..) | Self::Alive(_) => "journal",
        }
    }

    async fn write(&self, pool: &SqlitePool) -> Result<(), StoreError> {
        match self {
            Self::CallStarted(start) => Calls::new(pool).start(start).await,
            Self::CallAnswered(call, at) => Calls::new(pool).answered(call, *at).await,
            Self::CallPlaced(call, room, rule) => Calls::new(pool).placed(call, room, rule).await,
            Self::CallEnding(call, why) => Calls::new(pool).ending(call, why).await,
            Self::CallEnded(call, end) => Calls::new(pool).ended(call, end).await,
            Self::Turn(turn) => Turns::new(pool).put(turn).await,
            Self::Event(event) => Events::new(pool).put(event).await.map(|_| ()),
            Self::RecordingStarted(start) => Recordings::new(pool).start(start).await,
            Self::RecordingEnded(id, end) => Recordings::new(pool).end(id.as_str(), end).await,
            Self::Refused(refusal) => Refusals::new(pool).put(refusal).await,
            Self::RefusedAgain(refusal) => Refusals::new(pool).again(refusal).await,
            Self::Sip(messages) => SipMessages::new(pool).keep(messages).await,
            Self::SipTrim => {
                let messages = SipMessages::new(pool);
                messages.trim(MOST_IN_ALL).await.map(|_| ())
            }
            Self::Journal(half, call, body, at) => {
                let journal = Journal::new(pool);
                journal.keep(*half, call.as_str(), body.expose(), *at).await
            }
            Self::Forget(half, call) => Journal::new(pool).forget(*half, call.as_str()).await,
            Self::Alive(at) => Journal::new(pool).alive(*at).await,
        }
    }
}

/// How far the file is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Rows that are not in the file yet.
    pub waiting: usize,
    /// Rows that never will be, by what they were.
    pub lost: BTreeMap<&'static str, u64>,
    /// Why the last of them was lost.
    pub why: Option<String>,
}

/// The queue and its writer, which ends with the last handle.
#[derive(Clone, Debug)]
pub(crate) struct Behind {
    queue: mpsc::Sender<Item>,
    backlog: Arc<watch::Sender<Backlog>>,
    _writer: Arc<JoinSet<()>>,
}

#[derive(Debug)]
enum Item {
    Row(Box<Row>, Instant),
    /// Everything before it is done with.
    Mark(oneshot::Sender<()>),
}

impl Behind {
    /// Begins to write into `pool`.
    pub(crate) fn start(pool: SqlitePool) -> Self {
        Self::bounded(pool, QUEUE, PATIENCE)
    }

    pub(crate) fn bounded(pool: SqlitePool, queue: usize, patience: Duration) -> Self {
        let (queue, items) = mpsc::channel(queue);
        let backlog = Arc::new(watch::Sender::new(Backlog::default()));
        let mut writer = JoinSet::new();
        let behind = Arc::clone(&backlog);
        writer.spawn(write(pool, items, behind, patience));
        Self {
            queue,
            backlog,
            _writer: Arc::new(writer),
        }
    }

    pub(crate) fn later(&self, row: Row) {
        let what = row.what();
        // Counted first: the writer may be done with it before this goes on.
        self.backlog.send_modify(|backlog| backlog.waiting += 1);
        if self
            .queue
            .try_send(Item::Row(Box::new(row), Instant::now()))
            .is_err()
        {
            done(
                &self.backlog,
                Some((what, "too many rows wait for the disk".to_owned())),
            );
        }
    }

    /// Waits until all rows so far are in the file or lost; says whether that was within the limit.
    pub(crate) async fn written(&self, limit: Duration) -> bool {
        let (mark, reached) = oneshot::channel();
        let wait = async {
            // A writer that is gone has nothing left to do.
            let _ = self.queue.send(Item::Mark(mark)).await;
            let _ = reached.await;
        };
        timeout(limit, wait).await.is_ok()
    }

    pub(crate) fn backlog(&self) -> watch::Receiver<Backlog> {
        self.backlog.subscribe()
    }
}

async fn write(
    pool: SqlitePool,
    mut items: mpsc::Receiver<Item>,
    backlog: Arc<watch::Sender<Backlog>>,
    patience: Duration,
) {
    while let Some(item) = items.recv().await {
        let (row, deadline) = match item {
            Item::Row(row, made) => (*row, made + patience),
            Item::Mark(reached) => {
                // Whoever waited may have given up.
                let _ = reached.send(());
                continue;
            }
        };
        let lost = loop {
            match row.write(&pool).await {
                Ok(()) => break None,
                Err(error) if error.is_passing() && Instant::now() < deadline => sleep(AGAIN).await,
                Err(error) => break Some((row.what(), cause(&error))),
            }
        };
        done(&backlog, lost);
    }
}

fn done(backlog: &watch::Sender<Backlog>, lost: Option<(&'static str, String)>) {
    backlog.send_modify(|backlog| {
        backlog.waiting = backlog.waiting.saturating_sub(1);
        if let Some((what, why)) = lost {
            *backlog.lost.entry(what).or_default() += 1;
            backlog.why = Some(why);
        }
    });
}

fn cause(error: &StoreError) -> String {
    let below = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", below.unwrap_or_default())
}

#[cfg(test)]
mod tests;
