//! How to join.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use trunkline_base::retry::RetryPolicy;

/// How to join a room.
#[derive(Clone, Debug)]
pub struct RoomOptions {
    /// Subscribe to every track as it appears.
    pub auto_subscribe: bool,
    /// Attributes to join with; needs `canUpdateOwnMetadata` in the token.
    pub attributes: BTreeMap<String, String>,
    /// Everything from the first byte to the join answer.
    pub connect_timeout: Duration,
    /// How a lost connection is sought again.
    pub reconnect: RetryPolicy,
    /// The address media is sent from, when the route's own is not wanted.
    pub media_ip: Option<IpAddr>,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            auto_subscribe: true,
            attributes: BTreeMap::new(),
            connect_timeout: Duration::from_secs(10),
            reconnect: RECONNECT,
            media_ip: None,
        }
    }
}

/// LiveKit's own SDKs try ten times with a seven-second ceiling; the node holds a lost
/// participant for about twenty seconds, so a longer series would only ever rejoin.
const RECONNECT: RetryPolicy = RetryPolicy {
    attempts: 10,
    base: Duration::from_millis(300),
    cap: Duration::from_secs(7),
    total: Duration::from_secs(60),
};
