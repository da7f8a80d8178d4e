//! Who makes something of a stored event.

use std::sync::Arc;

use async_trait::async_trait;
use trunkline_base::class::Classified;
use trunkline_base::time::UnixTime;
use trunkline_client::webhook::WebhookEvent;

/// A stored event.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its place in the order of arrival.
    pub seq: i64,
    /// When it came.
    pub received_at: UnixTime,
    /// What it says.
    pub event: Arc<WebhookEvent>,
}

impl Received {
    /// When it happened, by the server's clock where it told the time.
    pub fn at(&self) -> UnixTime {
        self.event.created_at().unwrap_or(self.received_at)
    }
}

/// Why an event could not be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct ConsumerError {
    /// A stable code.
    pub code: &'static str,
    /// Whether the same event may be applied later.
    pub passing: bool,
}

impl<E: Classified> From<&E> for ConsumerError {
    fn from(error: &E) -> Self {
        Self {
            code: error.code(),
            passing: error.class().is_retryable(),
        }
    }
}

/// Applies events. It is told the events of one room in the order they came, each at least once:
/// after a crash, or when another consumer failed, it is told again. So applying must be
/// repeatable.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Applies one event; events it does not care about are a success.
    async fn apply(&self, received: &Received) -> Result<(), ConsumerError>;
}
