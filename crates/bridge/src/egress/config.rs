//! What a recorder is told at start.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use trunkline_base::token::KeyRing;
use trunkline_base::wire::Wire;
use trunkline_client::url::TransportRules;

/// A recorder's settings. [`RecorderConfig::new`] fills in what most machines want.
#[derive(Clone)]
pub struct RecorderConfig {
    /// The LiveKit server, such as `ws://127.0.0.1:7880`.
    pub url: String,
    /// By which rules it may be spoken to.
    pub transport: Arc<TransportRules>,
    /// The server's keys.
    pub keys: KeyRing,
    /// Where files go; no name leads out of it.
    pub dir: PathBuf,
    /// Names of files below `dir`. `{room_name}`, `{time}` (UTC, to the second), `{utc}` (digits, to
    /// the millisecond) and `{egress_id}` are filled in; `/` makes folders.
    pub template: String,
    /// The address media is received at, when the route's own is not wanted.
    pub media_ip: Option<IpAddr>,
    /// On which a server in this process is reached past the system's network.
    pub wire: Wire,
    /// Recordings at the same time; more are refused.
    pub max_recordings: usize,
}

impl RecorderConfig {
    /// Defaults for a recorder of phone calls.
    pub fn new(url: impl Into<String>, keys: KeyRing, dir: impl Into<PathBuf>) -> Self {
        Self {
            url: url.into(),
            transport: Arc::default(),
            keys,
            dir: dir.into(),
            template: "{room_name}_{time}.ogg".to_owned(),
            media_ip: None,
            wire: Wire::default(),
            max_recordings: 1_000,
        }
    }
}

impl std::fmt::Debug for RecorderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecorderConfig")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}
