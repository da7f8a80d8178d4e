//! What the rooms of a node are told at start.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use livekit_protocol as proto;
use trunkline_base::token::KeyRing;
use trunkline_rtc::Seed;

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

/// Admission limits. 0 is not "off" here: every queue and map has a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub rooms: usize,
    /// Tracks published on the whole node; with that many, no more rooms are opened and nobody
    /// more is let in.
    pub tracks: usize,
    /// All participants of a room, dependents included.
    pub participants_per_room: usize,
    pub metadata_bytes: usize,
    pub attributes_bytes: usize,
    pub name_bytes: usize,
    /// Largest data packet forwarded.
    pub data_bytes: usize,
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

impl Default for Limits {
    fn default() -> Self {
        Self {
            // One machine carries some hundreds of calls, one room each; this is the point where
            // refusing is kinder than slowing every call.
            rooms: 2_000,
            // A track of audio each; far above what the CPU of one machine forwards.
            tracks: 20_000,
            participants_per_room: 200,
            metadata_bytes: 524_288,
            attributes_bytes: 65_536,
            name_bytes: 256,
            data_bytes: 65_535,
        }
    }
}
