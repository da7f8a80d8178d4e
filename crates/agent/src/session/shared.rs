//! What the conversations of a worker have in common.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use trunkline_store::Store;

use super::cache::VoiceCache;
use crate::brain::Mind;
use crate::config::AgentConfig;
use crate::speech::Speech;

/// What all conversations of a worker share. All of it is immutable or guards itself.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Arc<AgentConfig>,
    pub(crate) speech: Speech,
    pub(crate) mind: Arc<dyn Mind>,
    pub(crate) cache: Arc<VoiceCache>,
    pub(crate) store: Store,
    /// Work a caller waits for right now; making sound ahead stands back behind it.
    pub(crate) urgent: Arc<AtomicUsize>,
}
