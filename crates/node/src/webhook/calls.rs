//! Events of calls, which LiveKit has none of: of a node, and of a process that has none.

use serde_json::Value;
use trunkline_base::token::KeyRing;
use trunkline_service::tasks::Tasks;
use trunkline_store::Store;

use super::notifier::{Notifier, UnknownKey};
use super::{WebhookConfig, Webhooks};

/// What tells the receivers of webhooks of calls.
#[derive(Debug, Clone)]
pub struct CallHooks(Webhooks);

impl CallHooks {
    /// Starts the task that delivers, for a process without a node.
    ///
    /// # Errors
    /// [`UnknownKey`].
    pub fn start(
        config: WebhookConfig,
        keys: &KeyRing,
        store: Store,
        tasks: &Tasks,
    ) -> Result<Self, UnknownKey> {
        let (webhooks, notifier) = Notifier::new(config, keys, store)?;
        tasks.vital("webhooks", notifier.run(tasks.stop()));
        Ok(Self(webhooks))
    }

    /// Tells the receivers of a call: the event's word, the call's room, and the call as an object.
    pub fn notify(&self, word: &str, room: &str, call: Value) {
        self.0.call(word, room, call);
    }

    pub(crate) const fn of(webhooks: Webhooks) -> Self {
        Self(webhooks)
    }
}
