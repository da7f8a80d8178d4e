//! A room of the media plane and two connected clients, in virtual time: what reaches it over the
//! network has gone through ICE, DTLS, SRTP and SCTP as a stranger's would.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol::{AddTrackRequest, TrackSource, TrackType};
use trunkline_base::id::{ParticipantIdentity, ParticipantSid};
use trunkline_rtc::peer::{
    Codec, Delivery, LOSSY, MediaKind, Peer, PeerConfig, PeerInput, RELIABLE, Role, RtpOut, Side,
    Slot,
};
use trunkline_rtc::sfu::{AudioConfig, Joining, Permissions, Sfu, SfuConfig, SfuEvent, Topology};

/// Inputs one room takes. Building it costs a hundred times what an input does, and what comes
/// before an input should be short when it is to be found again.
const INPUTS: u32 = 500;

thread_local! {
    static ROOM: RefCell<Option<(Room, u32)>> = const { RefCell::new(None) };
}

/// Hands the room of this thread to `act`; a new one every [`INPUTS`] times.
pub(crate) fn with(act: impl FnOnce(&mut Room)) {
    // A panic drops the room it was in: the next input starts with another.
    let taken = ROOM.take().filter(|(_, used)| *used < INPUTS);
    let (mut room, used) = taken.unwrap_or_else(|| (Room::connected(), 0));
    act(&mut room);
    assert!(room.stands(), "the other has lost its connection");
    ROOM.set(Some((room, used + 1)));
}

pub(crate) struct Room {
    pub(crate) sfu: Sfu,
    pub(crate) now: Instant,
    stranger: Client,
    other: Client,
    pub(crate) slot: Slot,
}

struct Client {
    sid: ParticipantSid,
    addr: SocketAddr,
    peer: Peer,
}

/// Where the server is.
pub(crate) fn server() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 7882))
}

/// A room, and the clock it started with.
pub(crate) fn empty() -> (Sfu, Instant) {
    let now = Instant::now();
    let config = SfuConfig {
        candidates: vec![server()],
        audio: AudioConfig::default(),
    };
    (Sfu::new(config, [1; 32], now), now)
}

/// Lets somebody in.
pub(crate) fn join(sfu: &mut Sfu, number: u8, topology: Topology, now: Instant) -> ParticipantSid {
    let sid = ParticipantSid::parse(format!("PA_{number}")).expect("a sid");
    let identity = ParticipantIdentity::parse(format!("p{number}")).expect("an identity");
    let joining = Joining {
        sid: sid.clone(),
        identity,
        topology,
        subscriber_primary: true,
        permissions: Permissions::default(),
        auto_subscribe: true,
        opens_by_packet: false,
    };
    sfu.join(joining, now);
    sid
}

impl Client {
    fn join(sfu: &mut Sfu, number: u8, now: Instant) -> Self {
        let sid = join(sfu, number, Topology::Single, now);
        let addr = SocketAddr::from(([10, 0, 1, number], 5000));
        let config = PeerConfig {
            role: Role::Offerer,
            side: Side::Client,
            local_candidates: vec![addr],
            seed: [number; 32],
        };
        let mut peer = Peer::new(config, now);
        peer.open_channel(RELIABLE, Delivery::Reliable);
        peer.open_channel(LOSSY, Delivery::Lossy);
        peer.add_receivers(MediaKind::Audio, 1);
        Self { sid, addr, peer }
    }

    fn negotiate(&mut self, sfu: &mut Sfu, now: Instant) {
        let offer = self.peer.create_offer(now).expect("an offer");
        let offer = offer.expect("something to offer");
        sfu.offer(&self.sid, 1, &offer, now).expect("here");
        let answer = std::iter::from_fn(|| sfu.poll_event()).find_map(|event| match event {
            SfuEvent::Answer { to, description } if to == self.sid => Some(description.sdp),
            _ => None,
        });
        let answer = answer.expect("an answer");
        self.peer.accept_answer(&answer, now).expect("fits");
    }
}

impl Room {
    fn connected() -> Self {
        let (mut sfu, now) = empty();
        let mut stranger = Client::join(&mut sfu, 1, now);
        let mut other = Client::join(&mut sfu, 2, now);
        let add = AddTrackRequest {
            cid: "voice".to_owned(),
            r#type: TrackType::Audio as i32,
            source: TrackSource::Microphone as i32,
            ..Default::default()
        };
        sfu.add_track(&stranger.sid, &add, now).expect("a track");
        let slot = stranger.peer.add_audio_sender("-", "voice");
        stranger.negotiate(&mut sfu, now);
        other.negotiate(&mut sfu, now);
        let mut room = Self {
            sfu,
            now,
            stranger,
            other,
            slot,
        };
        room.pass(1_000);
        assert!(room.stands() && room.stranger.peer.is_connected());
        room
    }

    pub(crate) fn stands(&self) -> bool {
        self.other.peer.is_connected() && self.sfu.is_active(&self.other.sid)
    }

    /// Packets that have reached the other's connection.
    pub(crate) fn sent(&self) -> u64 {
        self.sfu.stats().packets_out
    }

    /// A datagram that the stranger's address sends, or another one.
    pub(crate) fn datagram(&mut self, known: bool, data: &[u8]) {
        let other = SocketAddr::from(([10, 0, 9, 9], 9));
        let from = if known { self.stranger.addr } else { other };
        self.sfu
            .handle_datagram(from, server(), data, self.now, self.now);
        self.exchange();
    }

    /// A message on one of the stranger's data channels.
    pub(crate) fn data(&mut self, label: &str, bytes: &[u8]) {
        self.stranger.peer.send_data(label, bytes, self.now);
        self.pass(4);
    }

    /// A packet of the stranger's track.
    pub(crate) fn rtp(
        &mut self,
        seq: u64,
        timestamp: u32,
        level: i8,
        codec: Codec,
        payload: &[u8],
    ) {
        let out = RtpOut {
            seq,
            timestamp,
            marker: payload.len().is_multiple_of(2),
            level: Some(level),
            codec,
            payload: payload.into(),
        };
        // A refusal is the client's own.
        let _refused = self.stranger.peer.send_rtp(self.slot, out, self.now);
        self.pass(2);
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now += Duration::from_millis(2);
            self.sfu.handle_timeout(self.now);
            self.stranger.peer.handle_timeout(self.now);
            self.other.peer.handle_timeout(self.now);
            self.exchange();
        }
    }

    fn exchange(&mut self) {
        loop {
            let mut moved = false;
            while let Some(t) = self.sfu.poll_transmit() {
                let client = [&mut self.stranger, &mut self.other]
                    .into_iter()
                    .find(|client| client.addr == t.to);
                if let Some(client) = client {
                    let input = PeerInput::Datagram {
                        from: t.from,
                        to: t.to,
                        data: &t.bytes,
                    };
                    client.peer.handle_input(input, self.now);
                    moved = true;
                }
            }
            for client in [&mut self.stranger, &mut self.other] {
                while let Some(t) = client.peer.poll_transmit() {
                    self.sfu
                        .handle_datagram(t.from, t.to, &t.bytes, self.now, self.now);
                    moved = true;
                }
                while client.peer.poll_event().is_some() {}
            }
            while self.sfu.poll_event().is_some() {}
            if !moved {
                return;
            }
        }
    }
}
