//! Telling a repeat from a first. LiveKit repeats a post whose answer it did not see, with the same
//! event id.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use trunkline_base::time::UnixTime;

use super::event::WebhookEvent;

/// Whether an event came for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The first of its id.
    First,
    /// Its id was kept before: answer as to the first, and do nothing.
    Repeat,
}

/// Where events are kept. One that survives a restart keeps the event and its id in one
/// transaction, and answers only when both are safe.
pub trait Journal: Sync {
    /// Why an event could not be kept.
    type Error: Send;

    /// Keeps an event unless its id is known.
    fn keep(
        &self,
        event: &WebhookEvent,
        now: UnixTime,
    ) -> impl Future<Output = Result<Delivery, Self::Error>> + Send;
}

/// The ids of the last day in memory. It forgets at a restart, and the oldest when it is full.
#[derive(Debug)]
pub struct RecentIds {
    window: Duration,
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    ids: BTreeSet<String>,
    order: VecDeque<(UnixTime, String)>,
}

impl Default for RecentIds {
    /// A day, and a hundred thousand ids: some ten megabytes at the most.
    fn default() -> Self {
        Self::new(Duration::from_secs(24 * 3600), 100_000)
    }
}

impl RecentIds {
    /// Remembers ids for `window`, and `most` of them.
    pub fn new(window: Duration, most: usize) -> Self {
        Self {
            window,
            most: most.max(1),
            seen: Mutex::default(),
        }
    }

    /// Keeps an id; says whether it is the first.
    pub fn remember(&self, id: &str, now: UnixTime) -> Delivery {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.is_stale(now, self.window) {
            seen.drop_oldest();
        }
        if seen.ids.contains(id) {
            return Delivery::Repeat;
        }
        if seen.order.len() >= self.most {
            seen.drop_oldest();
        }
        seen.ids.insert(id.to_owned());
        seen.order.push_back((now, id.to_owned()));
        Delivery::First
    }

    /// Forgets an id whose event could not be handled, so that the next post of it counts.
    pub fn forget(&self, id: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.ids.remove(id) {
            seen.order.retain(|(_, known)| known != id);
        }
    }
}

impl Seen {
    fn is_stale(&self, now: UnixTime, window: Duration) -> bool {
        self.order
            .front()
            .is_some_and(|(at, _)| now.since(*at) > window)
    }

    fn drop_oldest(&mut self) {
        if let Some((_, oldest)) = self.order.pop_front() {
            self.ids.remove(&oldest);
        }
    }
}

impl Journal for RecentIds {
    type Error = Infallible;

    async fn keep(&self, event: &WebhookEvent, now: UnixTime) -> Result<Delivery, Infallible> {
        Ok(self.remember(event.id(), now))
    }
}
