//! A room and connections driven one step at a time, where the order of descriptions and datagrams
//! is the story.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol::{AddTrackRequest, TrackSource, TrackType};
use trunkline_base::id::{ParticipantIdentity, ParticipantSid};
use trunkline_rtc::peer::{
    Codec, MediaKind, Peer, PeerConfig, PeerEvent, PeerInput, Role, RtpIn, RtpOut, SdpError, Side,
    Slot,
};
use trunkline_rtc::sfu::{
    AudioConfig, Described, Joining, NegotiationFailure, Permissions, Sfu, SfuConfig, SfuEvent,
    Topology,
};

use super::world::server_addr;
use crate::clock::start;

struct Leg {
    sid: ParticipantSid,
    peer: Peer,
    addr: SocketAddr,
    /// Its datagrams go nowhere, either way.
    cut: bool,
    heard: Vec<RtpIn>,
}

struct Room {
    sfu: Sfu,
    now: Instant,
    legs: Vec<Leg>,
    seen: Vec<SfuEvent>,
}

impl Room {
    fn new() -> Self {
        let config = SfuConfig {
            candidates: vec![server_addr()],
            audio: AudioConfig::default(),
        };
        let now = start();
        Self {
            sfu: Sfu::new(config, [3; 32], now),
            now,
            legs: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn join(&mut self, topology: Topology, opens_by_packet: bool) -> usize {
        let number = u8::try_from(self.legs.len()).unwrap() + 1;
        let sid = ParticipantSid::parse(format!("PA_{number}")).unwrap();
        let joining = Joining {
            sid: sid.clone(),
            identity: ParticipantIdentity::parse(format!("p{number}")).unwrap(),
            topology,
            subscriber_primary: true,
            permissions: Permissions::default(),
            auto_subscribe: true,
            opens_by_packet,
        };
        self.sfu.join(joining, self.now);
        let addr = SocketAddr::from(([10, 0, 3, number], 5000));
        let role = match topology {
            Topology::Single => Role::Offerer,
            Topology::Dual => Role::Answerer,
        };
        let config = PeerConfig {
            role,
            side: Side::Client,
            local_candidates: vec![addr],
            seed: [number; 32],
        };
        self.legs.push(Leg {
            sid,
            peer: Peer::new(config, self.now),
            addr,
            cut: false,
            heard: Vec::new(),
        });
        self.legs.len() - 1
    }

    /// A participant announces and describes a track.
    fn publish(&mut self, who: usize) -> Slot {
        let leg = &mut self.legs[who];
        let add = AddTrackRequest {
            cid: "voice".to_owned(),
            r#type: TrackType::Audio as i32,
            source: TrackSource::Microphone as i32,
            ..Default::default()
        };
        self.sfu.add_track(&leg.sid, &add, self.now).unwrap();
        let slot = leg.peer.add_audio_sender("-", "voice");
        let offer = leg.peer.create_offer(self.now).unwrap().unwrap();
        self.sfu.offer(&leg.sid, 1, &offer, self.now).unwrap();
        let answer = self.described(who, |event| match event {
            SfuEvent::Answer { to, description } => Some((to, description)),
            _ => None,
        });
        let sdp = &answer.last().unwrap().sdp;
        self.legs[who].peer.accept_answer(sdp, self.now).unwrap();
        slot
    }

    fn offers(&mut self, to: usize) -> Vec<Described> {
        self.described(to, |event| match event {
            SfuEvent::Offer { to, description } => Some((to, description)),
            _ => None,
        })
    }

    fn described<'a>(
        &'a mut self,
        to: usize,
        pick: impl Fn(&'a SfuEvent) -> Option<(&'a ParticipantSid, &'a Described)>,
    ) -> Vec<Described> {
        self.seen
            .extend(std::iter::from_fn(|| self.sfu.poll_event()));
        let sid = &self.legs[to].sid;
        let picked = self.seen.iter().filter_map(pick);
        let mine = picked.filter(|(to, _)| *to == sid);
        mine.map(|(_, description)| description.clone()).collect()
    }

    fn answer(&mut self, who: usize, offer: &Described) {
        let leg = &mut self.legs[who];
        let answer = leg.peer.accept_offer(&offer.sdp, self.now).unwrap();
        self.sfu
            .answer(&leg.sid, offer.id, &answer, self.now)
            .unwrap();
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now += Duration::from_millis(2);
            self.sfu.handle_timeout(self.now);
            for leg in &mut self.legs {
                leg.peer.handle_timeout(self.now);
            }
            self.exchange();
        }
    }

    fn exchange(&mut self) {
        while let Some(t) = self.sfu.poll_transmit() {
            let to = self.legs.iter_mut().find(|l| l.addr == t.to && !l.cut);
            if let Some(leg) = to {
                let input = PeerInput::Datagram {
                    from: t.from,
                    to: t.to,
                    data: &t.bytes,
                };
                leg.peer.handle_input(input, self.now);
            }
        }
        for leg in &mut self.legs {
            while let Some(t) = leg.peer.poll_transmit() {
                if !leg.cut {
                    self.sfu
                        .handle_datagram(t.from, t.to, &t.bytes, self.now, self.now);
                }
            }
            while let Some(event) = leg.peer.poll_event() {
                if let PeerEvent::Rtp(rtp) = event {
                    leg.heard.push(rtp);
                }
            }
        }
    }
}

/// Pion compares the credentials of a second offer with those its transport has begun with, and
/// takes "none yet" for changed ones: it restarts, and its answer fits nothing. One in ten of 150
/// joins ended so.
#[test]
fn the_second_offer_waits_for_the_connection() {
    let mut room = Room::new();
    let speaker = room.join(Topology::Single, false);
    let listener = room.join(Topology::Dual, false);
    room.run(100);
    let first = room.offers(listener);
    room.legs[listener].cut = true;
    room.answer(listener, &first[0]);
    room.publish(speaker);
    room.run(1_000);
    assert_eq!(room.offers(listener).len(), 1, "not connected");
    room.legs[listener].cut = false;
    room.run(1_500);
    assert!(room.legs[listener].peer.is_connected());
    assert_eq!(room.offers(listener).len(), 2);
}

#[test]
fn a_connection_that_does_not_come_holds_an_offer_for_a_while_only() {
    let mut room = Room::new();
    let speaker = room.join(Topology::Single, false);
    let listener = room.join(Topology::Dual, false);
    room.run(100);
    let first = room.offers(listener);
    room.legs[listener].cut = true;
    room.answer(listener, &first[0]);
    room.publish(speaker);
    room.run(6_000);
    assert_eq!(room.offers(listener).len(), 2);
}

/// Clients close their connections before they say that they leave. Whoever left at the same time
/// made us write offers for them, and throw them out for not agreeing.
#[test]
fn a_client_that_hangs_up_is_lost_and_disagrees_with_nothing() {
    let mut room = Room::new();
    let speaker = room.join(Topology::Single, false);
    let listener = room.join(Topology::Dual, false);
    room.run(100);
    let first = room.offers(listener);
    room.answer(listener, &first[0]);
    room.run(500);
    let now = room.now;
    room.legs[listener].peer.close(now);
    room.publish(speaker);
    room.run(1_000);
    let sid = room.legs[listener].sid.clone();
    let lost = |e: &SfuEvent| matches!(e, SfuEvent::TransportFailed { participant, .. } if *participant == sid);
    let broken = |e: &SfuEvent| matches!(e, SfuEvent::NegotiationFailed { .. });
    assert_eq!(room.offers(listener).len(), 1);
    assert!(room.seen.iter().any(lost) && !room.seen.iter().any(broken));
    room.sfu.resume(&sid, room.now).unwrap();
    room.run(100);
    assert_eq!(room.offers(listener).len(), 1);
    assert!(room.seen.iter().any(broken), "it has to come back as new");
}

/// Six of them once kept every other room waiting for nine seconds.
#[test]
fn an_offer_of_thousands_of_sections_is_refused_by_their_number() {
    let mut room = Room::new();
    let stranger = room.join(Topology::Single, false);
    let peer = &mut room.legs[stranger].peer;
    peer.add_receivers(MediaKind::Audio, 1);
    let offer = peer.create_offer(room.now).unwrap().unwrap();
    let huge = offer + &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(4_000);
    let sid = room.legs[stranger].sid.clone();
    room.sfu.offer(&sid, 1, &huge, room.now).unwrap();
    let failure = std::iter::from_fn(|| room.sfu.poll_event()).find_map(|event| match event {
        SfuEvent::NegotiationFailed { reason, .. } => Some(reason),
        _ => None,
    });
    let Some(NegotiationFailure::Refused(SdpError::TooMuch(excess))) = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(excess.what, "media sections");
    assert!(excess.found > excess.limit);
}

/// A client that renegotiates a large session over and over is answered, in the end for its last
/// offer only.
#[test]
fn large_offers_in_a_row_are_answered_at_a_pace() {
    let mut room = Room::new();
    let stranger = room.join(Topology::Single, false);
    let sid = room.legs[stranger].sid.clone();
    let peer = &mut room.legs[stranger].peer;
    peer.add_receivers(MediaKind::Audio, 400);
    let offer = peer.create_offer(room.now).unwrap().unwrap();
    let answers = |room: &mut Room| {
        let answers = room.described(0, |event| match event {
            SfuEvent::Answer { to, description } => Some((to, description)),
            _ => None,
        });
        answers.iter().map(|a| a.id).collect::<Vec<_>>()
    };
    for id in 1..=8 {
        room.sfu.offer(&sid, id, &offer, room.now).unwrap();
    }
    assert_eq!(answers(&mut room), [1, 2, 3]);
    room.run(1_000);
    assert_eq!(answers(&mut room), [1, 2, 3, 8]);
}

/// The Go SDK tells of a track when its first packet comes.
#[test]
fn a_publisher_that_sends_nothing_is_heard_as_silence_by_those_who_wait_for_a_packet() {
    let mut room = Room::new();
    let speaker = room.join(Topology::Single, false);
    let gopher = room.join(Topology::Dual, true);
    let browser = room.join(Topology::Dual, false);
    room.run(20);
    room.publish(speaker);
    let mut answered = [0, 0];
    for _ in 0..700 {
        room.run(10);
        for (count, who) in answered.iter_mut().zip([gopher, browser]) {
            for offer in room.offers(who).split_off(*count) {
                room.answer(who, &offer);
                *count += 1;
            }
        }
    }
    let heard = &room.legs[gopher].heard;
    assert_eq!(heard.len(), 250, "five seconds");
    assert!(heard.iter().all(|rtp| *rtp.payload == [0xf8, 0xff, 0xfe]));
    assert!(heard.windows(2).all(|w| w[1].seq == w[0].seq + 1));
    assert!(room.legs[browser].heard.is_empty());
}

#[test]
fn silence_ends_when_the_publisher_is_heard() {
    let mut room = Room::new();
    let speaker = room.join(Topology::Single, false);
    let gopher = room.join(Topology::Dual, true);
    room.run(20);
    let slot = room.publish(speaker);
    let mut answered = 0;
    for step in 0..100_u32 {
        room.run(20);
        for offer in room.offers(gopher).split_off(answered) {
            room.answer(gopher, &offer);
            answered += 1;
        }
        if step >= 50 {
            let out = RtpOut {
                seq: step.into(),
                timestamp: step * 960,
                marker: false,
                level: None,
                codec: Codec::Opus,
                payload: vec![1; 20].into(),
            };
            let now = room.now;
            room.legs[speaker].peer.send_rtp(slot, out, now).unwrap();
        }
    }
    let heard = &room.legs[gopher].heard;
    let spoken = heard.iter().position(|rtp| rtp.payload.len() == 20);
    let (silence, speech) = heard.split_at(spoken.unwrap());
    assert!(silence.len() > 20 && speech.len() > 40);
    assert!(speech.iter().all(|rtp| rtp.payload.len() == 20));
    assert!(heard.windows(2).all(|w| w[1].seq == w[0].seq + 1));
}
