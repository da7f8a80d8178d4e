//! How to join.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use trunkline_base::wire::Wire;

/// How to join a room.
#[derive(Clone, Debug)]
pub struct RoomOptions {
    /// Subscribe to every track as it appears.
    pub auto_subscribe: bool,
    /// Attributes to join with; needs `canUpdateOwnMetadata` in the token.
    pub attributes: BTreeMap<String, String>,
    /// Everything from the first byte to the join answer.
    pub connect_timeout: Duration,
    /// Seek a lost connection again: ten attempts with backoff, first resuming the session, then
    /// with a new one.
    pub reconnect: bool,
    /// The address media is sent from, when the route's own is not wanted.
    pub media_ip: Option<IpAddr>,
    /// On which a server in this process is reached past the system's network.
    pub wire: Wire,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            auto_subscribe: true,
            attributes: BTreeMap::new(),
            connect_timeout: Duration::from_secs(10),
            reconnect: true,
            media_ip: None,
            wire: Wire::default(),
        }
    }
}
