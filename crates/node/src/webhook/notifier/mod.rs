//! The task that delivers: it owns the lanes, writes what is owed to the store and runs at most
//! one delivery per lane.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_service::tasks::Stop;
use trunkline_store::Store;

use super::deliver::{self, Parcel, Patience};
use super::lanes::{LaneKey, Lanes, Owed, Put, is_fresh};
use super::{Receiver, Waiting, WebhookConfig, Webhooks, event};

/// The configured key is none of the node's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("webhooks are to be signed with {0:?}, which is none of the API keys")]
pub struct UnknownKey(pub String);

/// The deliverer, before it runs.
#[derive(Debug)]
pub(crate) struct Notifier {
    receivers: Vec<Receiver>,
    sender: Sender,
    lane: mpsc::Receiver<Waiting>,
    lanes: Lanes,
    deliveries: JoinSet<LaneKey>,
}

/// Events go where the operator said and nowhere else: a receiver that sends us on is refused.
fn client(tls: Option<&rustls::ClientConfig>) -> reqwest::Client {
    let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    if let Some(tls) = tls {
        builder = builder.tls_backend_preconfigured(tls.clone());
    }
    builder.build().unwrap_or_else(|error| {
        tracing::error!(%error, "webhooks go by the machine's CAs");
        reqwest::Client::new()
    })
}

/// What each delivery needs.
#[derive(Debug, Clone)]
struct Sender {
    keys: KeyRing,
    /// The key that signs; the active one when none is named.
    signs: Option<String>,
    patience: Patience,
    client: reqwest::Client,
    store: Store,
}

impl Notifier {
    pub(crate) fn new(
        config: WebhookConfig,
        keys: &KeyRing,
        store: Store,
    ) -> Result<(Webhooks, Self), UnknownKey> {
        if let Some(id) = &config.api_key {
            keys.find(id).ok_or_else(|| UnknownKey(id.clone()))?;
        }
        let (sender, lane) = mpsc::channel(QUEUE);
        let client = client(config.tls.as_deref());
        let notifier = Self {
            receivers: config.receivers,
            sender: Sender {
                keys: keys.clone(),
                signs: config.api_key,
                patience: config.patience,
                client,
                store,
            },
            lane,
            lanes: Lanes::default(),
            deliveries: JoinSet::new(),
        };
        Ok((Webhooks::new(sender), notifier))
    }

    /// Runs until nobody can notify any more, or shortly after the hurry began. What is then not
    /// delivered stays in the store.
    pub(crate) async fn run(mut self, stop: Stop) {
        self.take_up().await;
        let hurry = stop.hurry();
        tokio::pin!(hurry);
        let mut last_call = None;
        let mut open = true;
        while open || !self.deliveries.is_empty() {
            let idle = last_call.is_some() && self.deliveries.is_empty();
            tokio::select! {
                biased;
                Some(done) = self.deliveries.join_next() => match done {
                    Ok(key) => self.on_delivered(&key).await,
                    Err(error) => tracing::error!(%error, "a webhook delivery panicked"),
                },
                event = self.lane.recv(), if open => match event {
                    Some(waiting) => self.on_event(&waiting).await,
                    None => open = false,
                },
                () = &mut hurry, if last_call.is_none() => {
                    last_call = Some(Instant::now() + LAST_DELIVERIES);
                }
                () = tokio::time::sleep(LAST_EVENTS), if idle => break,
                () = reached(last_call) => break,
            }
        }
    }

    async fn on_event(&mut self, waiting: &Waiting) {
        let event = &waiting.event;
        let wanting = self
            .receivers
            .iter()
            .filter(|receiver| receiver.wants(&event.event));
        let urls: Vec<_> = wanting.map(|receiver| receiver.url.clone()).collect();
        if urls.is_empty() {
            return;
        }
        let body = match written(waiting) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "a webhook event could not be written");
                return;
            }
        };
        let now = crate::clock::now();
        for url in urls {
            let key = LaneKey {
                url,
                resource: event::resource(event),
            };
            let lane = format!("{LANE_PREFIX}{}", key.resource);
            let outbox = self.sender.store.outbox();
            let stored = match outbox.push(&lane, &key.url, body.as_bytes(), now).await {
                Ok(id) => Some(id),
                Err(error) => {
                    tracing::warn!(%error, "webhook event kept in memory only");
                    None
                }
            };
            self.put(
                key,
                Owed {
                    stored,
                    body: body.clone(),
                    since: now,
                },
            )
            .await;
        }
    }

    async fn put(&mut self, key: LaneKey, owed: Owed) {
        match self.lanes.put(key.clone(), owed) {
            Put::Deliver(owed) => self.start(key, owed),
            Put::Waits => {}
            Put::Full(owed) => {
                count(Counter::Webhooks, 1, &[("outcome", "dropped_lane_full")]);
                self.sender.forget(&owed).await;
            }
        }
    }

    async fn on_delivered(&mut self, key: &LaneKey) {
        let (next, stale) = self.lanes.next(key, crate::clock::now());
        for owed in &stale {
            count(Counter::Webhooks, 1, &[("outcome", "dropped_too_old")]);
            self.sender.forget(owed).await;
        }
        if let Some(owed) = next {
            self.start(key.clone(), owed);
        }
    }

    fn start(&mut self, key: LaneKey, owed: Owed) {
        let sender = self.sender.clone();
        self.deliveries.spawn(async move {
            sender.deliver(&key, &owed).await;
            key
        });
    }

    /// What an earlier process still owed and is not too old.
    async fn take_up(&mut self) {
        let now = crate::clock::now();
        let owed = match self.sender.store.outbox().due(now, TAKEN_UP).await {
            Ok(owed) => owed,
            Err(error) => {
                tracing::warn!(%error, "deliveries still owed could not be read");
                return;
            }
        };
        for delivery in owed {
            let Some(resource) = delivery.lane.strip_prefix(LANE_PREFIX) else {
                continue;
            };
            let key = LaneKey {
                url: delivery.target,
                resource: resource.to_owned(),
            };
            let body = String::from_utf8_lossy(&delivery.body).into_owned();
            let owed = Owed {
                stored: Some(delivery.id),
                body,
                since: delivery.created_at,
            };
            let wanted = self
                .receivers
                .iter()
                .any(|receiver| receiver.url == key.url);
            if wanted && is_fresh(&owed, now) {
                self.put(key, owed).await;
            } else {
                self.sender.forget(&owed).await;
            }
        }
    }
}

/// The event as it is sent. LiveKit's clients pass over what they do not know.
fn written(waiting: &Waiting) -> Result<String, serde_json::Error> {
    let Some(call) = &waiting.call else {
        return serde_json::to_string(&waiting.event);
    };
    let mut body = serde_json::to_value(&waiting.event)?;
    if let Some(fields) = body.as_object_mut() {
        fields.insert("call".to_owned(), call.clone());
    }
    serde_json::to_string(&body)
}

impl Sender {
    /// The key of this moment. A named one that was retired gives way to the active one: an event
    /// signed with that is verified, and one that is never sent is lost.
    fn signer(&self) -> ApiKey {
        let named = self.signs.as_ref().and_then(|id| self.keys.find(id));
        named.unwrap_or_else(|| self.keys.active())
    }

    async fn deliver(&self, key: &LaneKey, owed: &Owed) {
        let parcel = Parcel {
            url: key.url.clone(),
            body: owed.body.clone(),
        };
        let started = Instant::now();
        let signer = self.signer();
        let delivery = deliver::deliver(&parcel, &signer, self.patience, &self.client);
        let outcome = match delivery.await {
            Ok(()) => {
                observe(Timing::WebhookDelivery, started.elapsed(), &[]);
                "delivered"
            }
            Err(error) => {
                tracing::warn!(reason = %error, "webhook event not delivered");
                "failed"
            }
        };
        count(Counter::Webhooks, 1, &[("outcome", outcome)]);
        self.forget(owed).await;
    }

    async fn forget(&self, owed: &Owed) {
        let Some(id) = owed.stored else { return };
        if let Err(error) = self.store.outbox().done(id).await {
            tracing::warn!(%error, "a webhook event may be delivered twice");
        }
    }
}

/// Events on their way to the lanes; full means that the store stands still.
const QUEUE: usize = 1024;
/// More than this cannot have been owed within the thirty seconds that count.
const TAKEN_UP: u32 = 10_000;
/// Other users of the outbox have other prefixes.
const LANE_PREFIX: &str = "webhook/";
/// After the hurry began, deliveries have this long; what is left stays in the store.
const LAST_DELIVERIES: Duration = Duration::from_secs(4);
/// Rooms that end in the hurry tell of it within this.
const LAST_EVENTS: Duration = Duration::from_millis(250);

/// Resolves at the moment, or never without one.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
