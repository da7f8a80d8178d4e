//! Whatever comes from the network gives a value or an error, never a panic.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod clock;

use std::time::{Duration, Instant};

use clock::start;
use livekit_protocol as proto;
use proptest::prelude::*;
use prost::Message;
use trunkline_base::id::{ParticipantIdentity, ParticipantSid};
use trunkline_rtc::demux::Demux;
use trunkline_rtc::participant::{Participant, ParticipantConfig};
use trunkline_rtc::peer::{Peer, PeerConfig, PeerInput, RELIABLE, Role, Side};
use trunkline_rtc::sdp::Description;
use trunkline_rtc::sfu::{AudioConfig, Joining, Permissions, Sfu, SfuConfig, Target, Topology};

const OFFERS: [&str; 3] = [
    include_str!("fixtures/chrome_v0_publisher.sdp"),
    include_str!("fixtures/chrome_v1_single.sdp"),
    include_str!("fixtures/libwebrtc_sdk_single.sdp"),
];

fn peer(role: Role, now: Instant) -> Peer {
    let local_candidates = vec![([127, 0, 0, 1], 7882).into()];
    let config = PeerConfig {
        role,
        side: Side::Server,
        local_candidates,
        seed: [1; 32],
    };
    Peer::new(config, now)
}

fn room(now: Instant) -> (Sfu, ParticipantSid) {
    let config = SfuConfig {
        candidates: vec![([127, 0, 0, 1], 7882).into()],
        audio: AudioConfig::default(),
    };
    let mut sfu = Sfu::new(config, [1; 32], now);
    let sid = ParticipantSid::parse("PA_1").unwrap();
    let joining = Joining {
        sid: sid.clone(),
        identity: ParticipantIdentity::parse("ann").unwrap(),
        topology: Topology::Dual,
        subscriber_primary: true,
        permissions: Permissions::default(),
        auto_subscribe: true,
        opens_by_packet: false,
    };
    sfu.join(joining, now);
    (sfu, sid)
}

/// A real offer with some of its lines removed, doubled or spoilt.
fn damaged() -> impl Strategy<Value = String> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, "[ -~]{0,12}"), 1..8);
    (0..OFFERS.len(), edits).prop_map(|(which, edits)| {
        let mut lines: Vec<String> = OFFERS[which].lines().map(str::to_owned).collect();
        for (at, what, noise) in edits {
            let at = at.index(lines.len());
            match what {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[at].clone()),
                2 => lines[at].push_str(&noise),
                _ => lines[at] = noise,
            }
            if lines.is_empty() {
                lines.push(String::new());
            }
        }
        lines.join("\r\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_description_or_an_error(text in "\\PC{0,400}") {
        let now = start();
        let printed = Description::parse(&text).to_string();
        prop_assert_eq!(Description::parse(&printed).to_string(), printed);
        let _ = peer(Role::Answerer, now).accept_offer(&text, now);
    }

    #[test]
    fn a_damaged_offer_is_answered_or_refused(text in damaged()) {
        let now = start();
        let mut peer = peer(Role::Answerer, now);
        peer.add_audio_sender("PA_1|TR_1", "TR_1");
        let _ = peer.accept_offer(&text, now);
        let _ = peer.accept_offer(OFFERS[0], now);
        peer.handle_timeout(now + Duration::from_secs(1));
    }

    #[test]
    fn a_damaged_answer_is_taken_or_refused(text in damaged()) {
        let now = start();
        let mut peer = peer(Role::Offerer, now);
        peer.open_channel(RELIABLE, trunkline_rtc::peer::Delivery::Reliable);
        peer.add_audio_sender("PA_1|TR_1", "TR_1");
        peer.create_offer(now).unwrap();
        let _ = peer.accept_answer(&text, now);
        peer.handle_timeout(now + Duration::from_secs(1));
    }

    #[test]
    fn any_datagrams_leave_a_peer_standing(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        let now = start();
        let mut peer = peer(Role::Answerer, now);
        peer.accept_offer(OFFERS[0], now).unwrap();
        let (from, to) = (([10, 0, 0, 9], 4000).into(), ([127, 0, 0, 1], 7882).into());
        for data in &datagrams {
            peer.handle_input(PeerInput::Datagram { from, to, data }, now);
        }
        prop_assert!(peer.is_alive());
    }

    #[test]
    fn any_datagram_finds_its_way_or_none(data in prop::collection::vec(any::<u8>(), 0..300)) {
        let now = start();
        let mut demux: Demux<u8> = Demux::default();
        demux.register(1, "a");
        demux.route(([10, 0, 0, 9], 4000).into(), &data);
        let (mut sfu, _) = room(now);
        sfu.handle_datagram(([10, 0, 0, 9], 4000).into(), ([127, 0, 0, 1], 7882).into(), &data, now, now);
    }

    #[test]
    fn any_signalling_leaves_a_room_standing(text in damaged(), json in "\\PC{0,100}", id in any::<u32>()) {
        let now = start();
        let (mut sfu, sid) = room(now);
        sfu.handle_timeout(now + Duration::from_millis(20));
        sfu.offer(&sid, id, &text, now).unwrap();
        sfu.answer(&sid, id, &text, now).unwrap();
        sfu.trickle(&sid, Target::Subscriber, &json, now).unwrap();
        sfu.handle_timeout(now + Duration::from_secs(20));
        while sfu.poll_event().is_some() {}
    }

    #[test]
    fn any_message_leaves_a_client_standing(bytes in prop::collection::vec(any::<u8>(), 0..200), text in damaged(), join in any::<bool>()) {
        let now = start();
        let config = ParticipantConfig {
            local_candidates: vec![([127, 0, 0, 1], 5000).into(), ([127, 0, 0, 1], 5001).into()],
            auto_subscribe: true,
            reconnect: true,
            seed: [1; 32],
        };
        let mut client = Participant::new(config, now);
        client.signal_opened(now);
        let say = |client: &mut Participant, message| {
            client.handle_signal(proto::SignalResponse { message: Some(message) }, now);
        };
        if join {
            say(&mut client, proto::signal_response::Message::Join(proto::JoinResponse::default()));
        }
        if let Ok(response) = proto::SignalResponse::decode(&bytes[..]) {
            client.handle_signal(response, now);
        }
        let offer = proto::SessionDescription { sdp: text, ..Default::default() };
        say(&mut client, proto::signal_response::Message::Offer(offer.clone()));
        say(&mut client, proto::signal_response::Message::Answer(offer));
        client.handle_timeout(now + Duration::from_secs(60));
        while client.poll_event().is_some() {}
    }
}
