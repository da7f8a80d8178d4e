//! Webhooks: every event of the node, to receivers over HTTP and to the rest of this process.
//!
//! Events about one room (or egress) reach each URL in order; a slow or broken receiver delays
//! only its own lanes. What is not delivered yet is in the store, so a restart goes on with it.

mod calls;
mod deliver;
mod event;
mod lanes;
mod notifier;

use std::sync::Arc;

use livekit_protocol as proto;
use prost::Message as _;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc};
use trunkline_service::metrics::{Counter, count};

use crate::room::RoomNotice;
pub use calls::CallHooks;
pub use deliver::Patience;
pub(crate) use notifier::Notifier;
pub use notifier::UnknownKey;

/// Where events go.
#[derive(Debug, Clone, Default)]
pub struct WebhookConfig {
    pub receivers: Vec<Receiver>,
    /// The key that signs; the active key when absent.
    pub api_key: Option<String>,
    pub patience: Patience,
    /// Whom to believe; the machine's CAs when absent.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// One receiver and the events it wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receiver {
    pub url: String,
    /// Only these; empty means all.
    pub include: Vec<String>,
    /// All but these; `include` wins.
    pub exclude: Vec<String>,
}

impl Receiver {
    /// A receiver of every event.
    pub fn all(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    fn wants(&self, event: &str) -> bool {
        match (self.include.is_empty(), self.exclude.is_empty()) {
            (false, _) => self.include.iter().any(|name| name == event),
            (true, false) => self.exclude.iter().all(|name| name != event),
            (true, true) => true,
        }
    }
}

/// The handle: tell it of events, or listen to all of them.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    lane: mpsc::Sender<Waiting>,
    /// In kibibytes: what still fits into the lane.
    room: Arc<Semaphore>,
    events: broadcast::Sender<proto::WebhookEvent>,
}

impl Webhooks {
    fn new(lane: mpsc::Sender<Waiting>) -> Self {
        let (events, _) = broadcast::channel(LISTENERS);
        let room = Arc::new(Semaphore::new(ROOM));
        Self { lane, room, events }
    }

    /// Tells everybody. Never waits: when delivery is that far behind, the event is dropped.
    pub(crate) fn notify(&self, mut event: proto::WebhookEvent) {
        event::stamp(&mut event, crate::clock::now(), &mut rand::rng());
        // Nobody listening is fine.
        let _none = self.events.send(event.clone());
        if self.hand_over(event, None).is_none() {
            dropped();
        }
    }

    /// Tells the receivers of a call, beside LiveKit's own events: the event's word, its room if it has
    /// one, and the call as one object of JSON. Nobody in this process listens to these.
    pub(crate) fn call(&self, word: &str, room: &str, call: Value) {
        let mut event = proto::WebhookEvent {
            event: word.to_owned(),
            room: (!room.is_empty()).then(|| proto::Room {
                name: room.to_owned(),
                ..proto::Room::default()
            }),
            ..proto::WebhookEvent::default()
        };
        event::stamp(&mut event, crate::clock::now(), &mut rand::rng());
        if self.hand_over(event, Some(call)).is_none() {
            dropped();
        }
    }

    /// Participants may say half a mebibyte of themselves, so the lane is bounded by bytes too.
    fn hand_over(&self, event: proto::WebhookEvent, call: Option<Value>) -> Option<()> {
        let size = u32::try_from(event.encoded_len() / 1024 + 1).ok()?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).ok()?;
        let waiting = Waiting {
            event,
            call,
            _room: room,
        };
        self.lane.try_send(waiting).ok()
    }

    /// The event of a room notice, if it is one.
    pub(crate) fn room(&self, notice: RoomNotice) {
        if let Some(event) = event::of_notice(notice) {
            self.notify(event);
        }
    }

    /// Every event from now on, whatever the receivers do.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<proto::WebhookEvent> {
        self.events.subscribe()
    }
}

fn dropped() {
    count(Counter::Webhooks, 1, &[("outcome", "dropped_queue_full")]);
    tracing::warn!("webhook queue is full, an event is dropped");
}

/// An event on its way to the notifier.
#[derive(Debug)]
struct Waiting {
    event: proto::WebhookEvent,
    /// What LiveKit's event has no place for.
    call: Option<Value>,
    /// Given back once the event is in the store.
    _room: OwnedSemaphorePermit,
}

/// Kibibytes of events that wait for the notifier. It waits for nothing but the store, so this much
/// is a disk that stands still.
const ROOM: usize = 32 * 1024;

/// A listener in this process that falls further behind misses events and is told so.
const LISTENERS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// A thousand events of half a mebibyte each fitted into the lane.
    #[tokio::test]
    async fn events_wait_within_a_limit_of_bytes() {
        let (sender, mut lane) = mpsc::channel(1024);
        let webhooks = Webhooks::new(sender);
        let large = || proto::WebhookEvent {
            room: Some(proto::Room {
                metadata: "m".repeat(512 * 1024),
                ..proto::Room::default()
            }),
            ..proto::WebhookEvent::default()
        };
        for _ in 0..200 {
            webhooks.notify(large());
        }
        let waiting = lane.len();
        assert!((60..64).contains(&waiting), "{waiting}");
        drop(lane.recv().await);
        webhooks.notify(large());
        assert_eq!(lane.len(), waiting);
    }

    #[test]
    fn a_filter_that_includes_wins_over_one_that_excludes() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let mut receiver = Receiver::all("http://x/");
        assert!(receiver.wants("room_started"));
        receiver.exclude = names(&["room_started"]);
        assert!(!receiver.wants("room_started") && receiver.wants("room_finished"));
        receiver.include = names(&["room_started"]);
        assert!(receiver.wants("room_started") && !receiver.wants("room_finished"));
    }
}
