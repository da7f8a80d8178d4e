//! Offers as browsers and native SDKs write them, and what may be answered.
//!
//! The fixtures follow the shape of Chrome's and libwebrtc's descriptions: payload types, header
//! extensions and attribute order; credentials and fingerprints are made up.

mod clock;

use std::time::Instant;

use trunkline_rtc::peer::{MediaKind, Peer, PeerConfig, PeerEvent, Role, Shortage, Side};
use trunkline_rtc::sdp::{Description, Direction, Kind};

const CHROME_V0: &str = include_str!("fixtures/chrome_v0_publisher.sdp");
const CHROME_V1: &str = include_str!("fixtures/chrome_v1_single.sdp");
const NATIVE: &str = include_str!("fixtures/libwebrtc_sdk_single.sdp");

fn server() -> (Peer, Instant) {
    let now = clock::start();
    let config = PeerConfig {
        role: Role::Answerer,
        side: Side::Server,
        local_candidates: vec![([127, 0, 0, 1], 7882).into()],
        seed: [1; 32],
    };
    (Peer::new(config, now), now)
}

fn directions(answer: &str) -> Vec<Direction> {
    let sections = Description::parse(answer);
    let media = sections
        .sections()
        .iter()
        .filter(|s| s.kind() != Kind::Application);
    media.map(trunkline_rtc::sdp::Section::direction).collect()
}

#[test]
fn a_browser_publisher_is_answered_to_receive() {
    let (mut peer, now) = server();
    let answer = peer.accept_offer(CHROME_V0, now).unwrap();
    assert_eq!(
        directions(&answer),
        [Direction::RecvOnly, Direction::RecvOnly]
    );
    assert!(
        answer.contains("a=rtpmap:111 opus/48000/2") && answer.contains("a=rtpmap:96 VP8/90000")
    );
    assert!(answer.contains("a=simulcast:recv q;h;f"), "{answer}");
    assert!(answer.contains("a=group:BUNDLE 0 1 2"));
    assert!(answer.contains("a=setup:passive") && !answer.contains("a=ice-lite"));
    assert!(!answer.contains("red/48000") && !answer.contains("a=ssrc:"));
    let added: Vec<_> = std::iter::from_fn(|| peer.poll_event())
        .filter_map(|e| {
            if let PeerEvent::MediaAdded(m) = e {
                Some(m)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(
        added.iter().map(|m| m.kind).collect::<Vec<_>>(),
        [MediaKind::Audio, MediaKind::Video]
    );
    assert_eq!(added[0].track_id, "5c1b0c0d-4f0e-4d0e-9e52-1d9f9b9c9a01");
}

#[test]
fn a_single_connection_is_answered_section_by_section() {
    let (mut peer, now) = server();
    peer.add_audio_sender("PA_a|TR_AMa", "TR_AMa");
    let answer = peer.accept_offer(CHROME_V1, now).unwrap();
    let mut expected = vec![Direction::SendOnly];
    expected.extend([Direction::Inactive; 5]);
    expected.push(Direction::RecvOnly);
    assert_eq!(directions(&answer), expected);
    let sections = Description::parse(&answer);
    let sending = sections.section("1").unwrap();
    assert_eq!(sending.msid().unwrap().stream, "PA_a|TR_AMa");
    assert_eq!(answer.matches("a=msid:").count(), 1);
    let sources = answer
        .lines()
        .filter(|l| l.starts_with("a=ssrc:") && l.contains("cname"));
    assert_eq!(sources.count(), 1, "audio carries exactly one source");
    assert_eq!(
        peer.mid_to_track_id().into_iter().collect::<Vec<_>>(),
        [("1".into(), "TR_AMa".into())]
    );
}

#[test]
fn a_native_sdk_is_answered_and_told_what_is_missing() {
    let (mut peer, now) = server();
    for n in 0..5 {
        peer.add_audio_sender(&format!("PA_a|TR_{n}"), &format!("TR_{n}"));
    }
    let answer = peer.accept_offer(NATIVE, now).unwrap();
    assert_eq!(answer.matches("a=sendonly").count(), 3);
    assert_eq!(
        peer.shortage(),
        Shortage {
            audios: 2,
            videos: 0
        }
    );
    assert!(answer.contains("usedtx=1"));
}

#[test]
fn the_same_offer_again_gives_the_same_sections() {
    for offer in [CHROME_V0, CHROME_V1, NATIVE] {
        let (mut peer, now) = server();
        let first = peer.accept_offer(offer, now).unwrap();
        let second = peer.accept_offer(offer, now).unwrap();
        assert_eq!(directions(&first), directions(&second));
        assert!(peer.is_alive());
    }
}
