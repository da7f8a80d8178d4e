//! What the handlers share.

use livekit_protocol as proto;
use trunkline_base::token::KeyRing;
use trunkline_service::tasks::{Stop, Tasks};

use crate::twirp::Api;

/// What the handlers reach out to.
#[derive(Clone)]
pub(crate) struct Http {
    pub(crate) api: Api,
    pub(crate) keys: KeyRing,
    pub(crate) server: proto::ServerInfo,
    /// A join may create a missing room without the roomCreate grant.
    pub(crate) auto_create: bool,
    pub(crate) tasks: Tasks,
    pub(crate) stop: Stop,
}
