//! What the rooms of a node are told at start.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use livekit_protocol as proto;
use trunkline_base::token::KeyRing;
use trunkline_base::wire::Wire;
use trunkline_rtc::Seed;

use crate::limits::Limits;

/// Settings of the rooms and the media port. [`RoomsConfig::new`] gives the official defaults.
#[derive(Debug, Clone)]
pub struct RoomsConfig {
    /// Where the one media socket binds; port 0 takes any.
    pub media: SocketAddr,
    /// Addresses offered to clients as host candidates, with the port the socket got.
    pub node_ips: Vec<IpAddr>,
    /// The first key signs refreshed tokens.
    pub keys: KeyRing,
    pub node_id: String,
    pub region: String,
    pub defaults: RoomDefaults,
    pub limits: Limits,
    /// Configurations that a request or a token may name.
    pub presets: BTreeMap<String, proto::RoomConfiguration>,
    /// Ids and ICE passwords are drawn from it; from the system's generator at every start.
    pub seed: Seed,
    /// On which participants in this process are reached.
    pub wire: Wire,
}

/// Values of a room whose creator did not choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomDefaults {
    /// A join creates a missing room. Off: only with the roomCreate grant.
    pub auto_create: bool,
    /// How long a room waits for its first participant.
    pub empty_timeout: Duration,
    /// How long it stays after the last non-dependent participant left.
    pub departure_timeout: Duration,
    /// 0: no limit.
    pub max_participants: u32,
    /// Whether the API may unmute.
    pub remote_unmute: bool,
}

impl RoomsConfig {
    pub fn new(media: SocketAddr, keys: KeyRing, seed: Seed) -> Self {
        let ip = match media.ip() {
            ip if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            ip => ip,
        };
        Self {
            media,
            node_ips: vec![ip],
            keys,
            node_id: "ND_trunkline".to_owned(),
            region: String::new(),
            defaults: RoomDefaults::default(),
            limits: Limits::default(),
            presets: BTreeMap::new(),
            seed,
            wire: Wire::default(),
        }
    }
}

impl Default for RoomDefaults {
    fn default() -> Self {
        Self {
            auto_create: true,
            empty_timeout: Duration::from_secs(300),
            departure_timeout: Duration::from_secs(20),
            max_participants: 0,
            remote_unmute: false,
        }
    }
}
