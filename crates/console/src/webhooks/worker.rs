//! Processes stored events: in order within a room, several rooms at a time. An event that fails
//! is tried again with growing waits, and its room waits with it; when that does not help it is
//! parked with the reason, and its room goes on. Nothing is kept here: a process that ends leaves
//! the rest to the next.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::{Notify, broadcast};
use tokio::time::timeout;
use tracing::{debug, error, warn};
use trunkline_base::class::Classified as _;
use trunkline_client::webhook::WebhookEvent;
use trunkline_service::metrics::{Counter, Gauge, Timing, count, observe, set};
use trunkline_service::tasks::Stop;
use trunkline_store::{EventState, Store, StoreError, WaitingEvent};

use super::backlog::Backlog;
use super::config::EventsConfig;
use super::consumer::{Consumer, ConsumerError, Received};
use crate::clock::now;

/// The one task that processes.
pub(crate) struct Worker {
    pub(crate) store: Store,
    pub(crate) consumers: Vec<Arc<dyn Consumer>>,
    pub(crate) listeners: broadcast::Sender<Received>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) wake: Arc<Notify>,
    pub(crate) config: EventsConfig,
}

/// How a round went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// There may be more at once.
    More,
    /// Nothing to do until something happens.
    Idle,
}

impl Worker {
    /// Runs until the hurry: calls that end during the drain are told of too.
    pub(crate) async fn run(self, stop: Stop) {
        let hurry = stop.hurry();
        tokio::pin!(hurry);
        loop {
            let wait = match self.round().await {
                Ok(Round::More) => Duration::ZERO,
                Ok(Round::Idle) => self.until_due().await,
                Err(error) => {
                    warn!(code = error.code(), "events could not be processed");
                    PAUSE
                }
            };
            tokio::select! {
                biased;
                () = &mut hurry => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Processes what waits, up to a batch.
    async fn round(&self) -> Result<Round, StoreError> {
        let waiting = self.store.events().waiting(now(), BATCH).await?;
        let full = waiting.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
        let rooms = stream::iter(by_room(waiting));
        let ends: Vec<Result<(), StoreError>> = rooms
            .map(|events| self.room(events))
            .buffer_unordered(ROOMS)
            .collect()
            .await;
        self.gauge().await?;
        ends.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(if full { Round::More } else { Round::Idle })
    }

    /// The events of one room, until one has to wait.
    async fn room(&self, events: Vec<WaitingEvent>) -> Result<(), StoreError> {
        for event in events {
            if !self.event(event).await? {
                break;
            }
        }
        Ok(())
    }

    /// One event; says whether the room goes on.
    async fn event(&self, waiting: WaitingEvent) -> Result<bool, StoreError> {
        let events = self.store.events();
        let Ok(event) = WebhookEvent::parse(waiting.body.as_bytes()) else {
            self.park(waiting.seq, "not an event").await?;
            return Ok(true);
        };
        let received = Received {
            seq: waiting.seq,
            received_at: waiting.received_at,
            event: Arc::new(event),
        };
        let Err(failure) = self.apply(&received).await else {
            // Before it is marked: a process that ends here tells it again in its next life.
            let _ = self.listeners.send(received);
            events.done(waiting.seq).await?;
            observe(Timing::EventLag, now().since(waiting.received_at), &[]);
            count(Counter::EventsProcessed, 1, &[("outcome", "applied")]);
            return Ok(true);
        };
        let wait = self.config.patience.wait(waiting.attempts);
        match wait.filter(|_| failure.passing) {
            Some(wait) => {
                events.retry(waiting.seq, now().plus(wait)).await?;
                debug!(
                    code = failure.code,
                    attempts = waiting.attempts + 1,
                    "an event waits"
                );
                count(Counter::EventsProcessed, 1, &[("outcome", "retried")]);
                Ok(false)
            }
            None => {
                self.park(waiting.seq, failure.code).await?;
                Ok(true)
            }
        }
    }

    async fn apply(&self, received: &Received) -> Result<(), ConsumerError> {
        for consumer in &self.consumers {
            let applying = AssertUnwindSafe(consumer.apply(received)).catch_unwind();
            match timeout(self.config.patience.limit, applying).await {
                Ok(Ok(applied)) => applied?,
                Ok(Err(_)) => return Err(PANICKED),
                Err(_) => return Err(TOO_SLOW),
            }
        }
        Ok(())
    }

    async fn park(&self, seq: i64, reason: &'static str) -> Result<(), StoreError> {
        self.store.events().park(seq, reason).await?;
        count(Counter::EventsProcessed, 1, &[("outcome", "parked")]);
        error!(
            seq,
            reason, "an event is parked; /api/events?parked=true shows it"
        );
        Ok(())
    }

    async fn gauge(&self) -> Result<(), StoreError> {
        let events = self.store.events();
        self.backlog.is(events.count(EventState::Waiting).await?);
        let parked = events.count(EventState::Parked).await?;
        #[expect(clippy::cast_precision_loss, reason = "nobody parks that many")]
        set(Gauge::EventsParked, parked as f64, &[]);
        Ok(())
    }

    async fn until_due(&self) -> Duration {
        match self.store.events().next_due().await {
            Ok(Some(due)) => due.since(now()),
            Ok(None) => LONGEST_SLEEP,
            Err(_) => PAUSE,
        }
    }
}

/// Events grouped by room; rooms by their first event.
fn by_room(events: Vec<WaitingEvent>) -> Vec<Vec<WaitingEvent>> {
    let mut rooms: Vec<Vec<WaitingEvent>> = Vec::new();
    for event in events {
        let known = rooms
            .iter_mut()
            .find(|room| room.first().is_some_and(|first| first.room == event.room));
        match known {
            Some(room) => room.push(event),
            None => rooms.push(vec![event]),
        }
    }
    rooms
}

/// A consumer panicked: our bug, and perhaps one of this event alone.
const PANICKED: ConsumerError = ConsumerError {
    code: "console.events.panicked",
    passing: true,
};
/// A consumer did not end in time.
const TOO_SLOW: ConsumerError = ConsumerError {
    code: "console.events.too_slow",
    passing: true,
};
/// Events read at once: some hundred KiB.
const BATCH: u32 = 256;
/// Rooms processed at the same time. Consumers mostly write to the store, which has one writer.
const ROOMS: usize = 8;
/// How long a store that fails is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// Without anything to do, the store is looked at this often, for events of another process.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
