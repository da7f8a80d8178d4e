//! What the handlers share.

use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;
use trunkline_base::token::KeyRing;
use trunkline_client::webhook::Receiver;
use trunkline_service::tasks::Stop;
use trunkline_store::Store;

use crate::access::Access;
use crate::operator::Operator;
use crate::probe::Probe;
use crate::standing::Readiness;
use crate::webhooks::{Backlog, EventsConfig};

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    pub(crate) webhooks: Receiver,
    pub(crate) readiness: Readiness,
    pub(crate) stop: Stop,
    pub(crate) access: Access,
    pub(crate) events: EventsConfig,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) wake: Arc<Notify>,
    pub(crate) probe: Probe,
    /// Connected once the parts run.
    pub(crate) operator: OnceLock<Arc<dyn Operator>>,
}
