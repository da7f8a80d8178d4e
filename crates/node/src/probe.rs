//! What a room and its door do with a stranger's bytes, without a socket or a clock: the fuzz
//! targets' way in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use prost::Message as _;
use trunkline_base::id::{ParticipantSid, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, KeyRing, VideoGrant};

pub use crate::http::reads_query;
use crate::room::{Admission, Entry, JoinParams, Now, Output, RoomSpec, RoomState, RoomsConfig};

/// A room with two participants: a stranger, who says what it likes, and another.
#[derive(Debug)]
pub struct Probe {
    room: RoomState,
    now: Now,
    stranger: ParticipantSid,
    other: ParticipantSid,
    /// Bytes said to the other.
    told: usize,
}

impl Probe {
    /// Nobody has said anything yet. `None` if the room lets nobody in.
    pub fn new(start: Instant) -> Option<Self> {
        let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
        let media = SocketAddr::from(([127, 0, 0, 1], 7882));
        let config = Arc::new(RoomsConfig::new(media, keys, [1; 32]));
        let now = Now {
            instant: start,
            unix: BEGAN,
        };
        let spec = RoomSpec {
            name: RoomName::parse("lobby").ok()?,
            metadata: String::new(),
            empty_timeout: Duration::from_secs(300),
            departure_timeout: Duration::from_secs(20),
            max_participants: 0,
            agents: Vec::new(),
            before: None,
        };
        let mut room = RoomState::new(spec, config, &[media], [7; 32], now);
        let mut join = |identity| match room
            .enter(guest(identity)?, Admission::Everybody, now)
            .ok()?
        {
            Entry::Joined(sid) => Some(sid),
            Entry::Resumed(_) | Entry::Mismatch(..) => None,
        };
        let (stranger, other) = (join("stranger")?, join("other")?);
        let mut probe = Self {
            room,
            now,
            stranger,
            other,
            told: 0,
        };
        probe.listen();
        probe.told = 0;
        Some(probe)
    }

    /// The stranger sends a frame, as protobuf or as JSON. False if it is no signal message.
    pub fn say(&mut self, frame: &[u8]) -> bool {
        let json = || serde_json::from_slice(frame).ok();
        let Some(request) = proto::SignalRequest::decode(frame).ok().or_else(json) else {
            return false;
        };
        self.room.on_request(&self.stranger, request, self.now);
        self.listen();
        true
    }

    /// Time passes.
    pub fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.unix = self.now.unix.plus(time);
        self.room.handle_timeout(self.now);
        self.listen();
    }

    /// Bytes the other has been told so far.
    pub const fn told(&self) -> usize {
        self.told
    }

    /// Whether the room and the other are still there.
    pub fn stands(&self) -> bool {
        self.room.ended().is_none() && self.room.has(&self.other)
    }

    fn listen(&mut self) {
        while let Some(output) = self.room.poll_output() {
            if let Output::Send(to, message) = output
                && to == self.other
            {
                self.told += message.message().encoded_len();
            }
        }
        while self.room.poll_route_change().is_some() {}
        while self.room.poll_transmit().is_some() {}
    }
}

fn guest(identity: &str) -> Option<JoinParams> {
    let claims = Claims::new(identity, BEGAN, 3_600).with_video(VideoGrant::join("lobby"));
    let room = RoomName::parse("lobby").ok()?;
    let client = proto::ClientInfo {
        protocol: 16,
        ..proto::ClientInfo::default()
    };
    Some(JoinParams::new(room, claims, client))
}

const BEGAN: UnixTime = UnixTime::from_secs(1_800_000_000);
