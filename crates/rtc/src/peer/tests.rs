//! Two peers over a perfect link in virtual time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::*;
use crate::clock::start;

fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 5000))
}

struct Pair {
    a: Peer,
    b: Peer,
    now: Instant,
    seen_a: Vec<PeerEvent>,
    seen_b: Vec<PeerEvent>,
}

impl Pair {
    /// `a` offers.
    fn new(side_a: Side, side_b: Side) -> Self {
        let now = start();
        let config = |n: u8, role, side| PeerConfig {
            role,
            side,
            local_candidates: vec![addr(n)],
            seed: [n; 32],
        };
        Self {
            a: Peer::new(config(1, Role::Offerer, side_a), now),
            b: Peer::new(config(2, Role::Answerer, side_b), now),
            now,
            seen_a: Vec::new(),
            seen_b: Vec::new(),
        }
    }

    fn negotiate(&mut self) -> (String, String) {
        let offer = self.a.create_offer(self.now).unwrap().unwrap();
        let answer = self.b.accept_offer(&offer, self.now).unwrap();
        self.a.accept_answer(&answer, self.now).unwrap();
        (offer, answer)
    }

    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.exchange();
            let wake = self.a.poll_timeout().0.min(self.b.poll_timeout().0);
            let least = self.now + Duration::from_millis(1);
            self.now = wake.max(least).min(end.max(least));
            self.a.handle_timeout(self.now);
            self.b.handle_timeout(self.now);
        }
        self.exchange();
    }

    fn exchange(&mut self) {
        loop {
            let mut moved = false;
            while let Some(t) = self.a.poll_transmit() {
                let input = PeerInput::Datagram {
                    from: t.from,
                    to: t.to,
                    data: &t.bytes,
                };
                self.b.handle_input(input, self.now);
                moved = true;
            }
            while let Some(t) = self.b.poll_transmit() {
                let input = PeerInput::Datagram {
                    from: t.from,
                    to: t.to,
                    data: &t.bytes,
                };
                self.a.handle_input(input, self.now);
                moved = true;
            }
            if !moved {
                break;
            }
        }
        self.seen_a
            .extend(std::iter::from_fn(|| self.a.poll_event()));
        self.seen_b
            .extend(std::iter::from_fn(|| self.b.poll_event()));
    }
}

fn packet(n: u64) -> RtpOut {
    RtpOut {
        seq: n,
        timestamp: u32::try_from(n).unwrap() * 960,
        marker: n == 1,
        level: Some(20),
        codec: Codec::Opus,
        payload: vec![7; 40].into(),
    }
}

fn rtp(events: &[PeerEvent]) -> Vec<&RtpIn> {
    let media = |e: &'_ PeerEvent| matches!(e, PeerEvent::Rtp(_));
    let only = events.iter().filter(|e| media(e));
    only.map(|e| {
        if let PeerEvent::Rtp(r) = e {
            r
        } else {
            unreachable!()
        }
    })
    .collect()
}

/// The answerer's checks come before its answer, which takes the longer way over the signal socket.
/// The engine keeps them, and would look at them again after 50 ms: a phone rang for it.
#[test]
fn checks_that_overtake_the_answer_are_not_kept_waiting() {
    let mut pair = Pair::new(Side::Server, Side::Client);
    pair.a.open_channel(RELIABLE, Delivery::Reliable);
    let offer = pair.a.create_offer(pair.now).unwrap().unwrap();
    let answer = pair.b.accept_offer(&offer, pair.now).unwrap();
    pair.run(2);
    pair.a.accept_answer(&answer, pair.now).unwrap();
    let answered = pair.now;
    pair.exchange();
    while !pair.seen_a.contains(&PeerEvent::Connected) {
        pair.now = pair.a.poll_timeout().0.min(pair.b.poll_timeout().0);
        assert!(pair.now < answered + Duration::from_millis(30));
        pair.a.handle_timeout(pair.now);
        pair.b.handle_timeout(pair.now);
        pair.exchange();
    }
}

#[test]
fn a_publisher_is_heard_and_channels_open() {
    let mut pair = Pair::new(Side::Client, Side::Server);
    pair.a.open_channel(RELIABLE, Delivery::Reliable);
    pair.a.open_channel(LOSSY, Delivery::Lossy);
    let slot = pair.a.add_audio_sender("stream", "cid-1");
    let (offer, answer) = pair.negotiate();
    for description in [&offer, &answer] {
        let asks_again = description.contains("nack") || description.contains("rtx");
        assert!(!asks_again, "sound is not kept to be sent again");
    }
    assert!(!answer.contains("a=ice-lite") && answer.contains("a=recvonly"));
    assert!(answer.contains("a=max-message-size:65535") && answer.contains("usedtx=1"));
    assert!(answer.contains("PCMU") && answer.contains("PCMA"));
    assert!(answer.contains("a=candidate:") && !answer.contains("a=msid:"));
    pair.run(500);
    assert!(pair.a.is_connected() && pair.b.is_connected());
    assert!(pair.a.channel_is_open(RELIABLE) && pair.b.channel_is_open(LOSSY));
    for n in 1..=5 {
        pair.a.send_rtp(slot, packet(n), pair.now).unwrap();
        pair.run(20);
    }
    let heard = rtp(&pair.seen_b);
    assert_eq!(
        heard.iter().map(|r| r.seq).collect::<Vec<_>>(),
        vec![1, 2, 3, 4, 5]
    );
    assert!(
        heard
            .iter()
            .all(|r| r.codec == Codec::Opus && r.level == Some(20))
    );
    let added = pair.seen_b.iter().find_map(|e| match e {
        PeerEvent::MediaAdded(m) => Some(m.clone()),
        _ => None,
    });
    let added = added.unwrap();
    assert_eq!(
        (added.track_id.as_str(), added.codecs[0]),
        ("cid-1", Codec::Opus)
    );
    assert_eq!(heard[0].mid, added.mid);
    assert!(pair.a.send_data(RELIABLE, b"hello", pair.now));
    assert!(pair.b.send_data(RELIABLE, b"back", pair.now));
    pair.run(50);
    let said = PeerEvent::Data {
        label: RELIABLE.into(),
        bytes: b"hello".to_vec(),
    };
    assert!(pair.seen_b.contains(&said));
    assert!(
        pair.seen_a
            .iter()
            .any(|e| matches!(e, PeerEvent::Data { .. }))
    );
}

#[test]
fn a_subscriber_section_is_reused_under_a_new_name() {
    let mut pair = Pair::new(Side::Server, Side::Client);
    pair.a.open_channel(RELIABLE, Delivery::Reliable);
    let first = pair.a.add_audio_sender("PA_a|TR_a", "TR_a");
    let (offer, _) = pair.negotiate();
    assert!(offer.contains("a=msid:PA_a|TR_a TR_a"), "{offer}");
    pair.run(500);
    assert_eq!(pair.a.mid_to_track_id().len(), 1);
    pair.a.send_rtp(first, packet(1), pair.now).unwrap();
    pair.run(50);
    pair.a.remove_sender(first);
    assert!(pair.a.needs_negotiation());
    let (offer, _) = pair.negotiate();
    assert!(offer.contains("a=inactive") && !offer.contains("TR_a TR_a"));
    assert!(pair.a.mid_to_track_id().is_empty());
    let second = pair.a.add_audio_sender("PA_b|TR_b", "TR_b");
    let (offer, _) = pair.negotiate();
    assert_eq!(offer.matches("m=audio").count(), 1);
    assert!(offer.contains("a=msid:PA_b|TR_b TR_b") && offer.contains("a=sendonly"));
    pair.a.send_rtp(second, packet(2), pair.now).unwrap();
    pair.run(50);
    assert_eq!(rtp(&pair.seen_b).len(), 2);
    let names = pair.seen_b.iter().filter_map(|e| match e {
        PeerEvent::MediaAdded(m) => Some(m.track_id.clone()),
        _ => None,
    });
    assert_eq!(names.collect::<Vec<_>>(), ["TR_a", "TR_b"]);
}

#[test]
fn a_track_that_comes_back_gets_a_section_it_has_not_been_on() {
    let mut pair = Pair::new(Side::Server, Side::Client);
    for times in 1..=3 {
        let slot = pair.a.add_audio_sender("PA_a|TR_a", "TR_a");
        let (offer, _) = pair.negotiate();
        assert_eq!(offer.matches("m=audio").count(), times);
        assert_eq!(offer.matches("a=msid:PA_a|TR_a TR_a").count(), 1);
        pair.run(500);
        pair.a.send_rtp(slot, packet(1), pair.now).unwrap();
        pair.run(50);
        assert_eq!(rtp(&pair.seen_b).len(), times);
        pair.a.remove_sender(slot);
        pair.negotiate();
    }
    let other = pair.a.add_audio_sender("PA_b|TR_b", "TR_b");
    let (offer, _) = pair.negotiate();
    assert_eq!(
        offer.matches("m=audio").count(),
        3,
        "another track takes one of them"
    );
    assert!(pair.a.sender_mid(other).is_some());
}

#[test]
fn unused_receive_sections_are_answered_inactive() {
    let mut pair = Pair::new(Side::Client, Side::Server);
    pair.a.open_channel(RELIABLE, Delivery::Reliable);
    pair.a.add_receivers(MediaKind::Audio, 2);
    let (_, answer) = pair.negotiate();
    assert_eq!(answer.matches("a=inactive").count(), 2);
    assert!(!answer.contains("a=ssrc") && !answer.contains("a=msid:"));
    pair.run(500);
    let slots: Vec<_> = (0..3)
        .map(|n| {
            pair.b
                .add_audio_sender(&format!("PA_x|TR_{n}"), &format!("TR_{n}"))
        })
        .collect();
    assert_eq!(
        pair.b.shortage(),
        Shortage {
            audios: 1,
            videos: 0
        }
    );
    pair.a.add_receivers(MediaKind::Audio, 1);
    let (_, answer) = pair.negotiate();
    assert_eq!(answer.matches("a=sendonly").count(), 3);
    assert_eq!(pair.b.mid_to_track_id().len(), 3);
    assert!(!pair.b.needs_negotiation());
    for slot in &slots {
        pair.b.send_rtp(*slot, packet(1), pair.now).unwrap();
    }
    pair.run(50);
    assert_eq!(rtp(&pair.seen_a).len(), 3);
}

#[test]
fn a_worn_section_of_an_answer_is_not_used_again() {
    let mut pair = Pair::new(Side::Client, Side::Server);
    pair.a.add_receivers(MediaKind::Audio, 1);
    let old = pair.b.add_audio_sender("PA_x|TR_1", "TR_1");
    pair.negotiate();
    pair.run(300);
    pair.b.remove_sender(old);
    let new = pair.b.add_audio_sender("PA_x|TR_2", "TR_2");
    assert_eq!(pair.b.shortage().audios, 1);
    pair.a.add_receivers(MediaKind::Audio, 1);
    let (_, answer) = pair.negotiate();
    assert!(!answer.contains("TR_1") && answer.contains("PA_x|TR_2 TR_2"));
    assert_eq!(answer.matches("a=inactive").count(), 1);
    assert!(!pair.b.needs_negotiation());
    pair.b.send_rtp(new, packet(1), pair.now).unwrap();
    pair.run(50);
    assert_eq!(rtp(&pair.seen_a).len(), 1);
}

#[test]
fn an_ice_restart_changes_the_fragment_and_keeps_the_connection() {
    let mut pair = Pair::new(Side::Server, Side::Client);
    pair.a.open_channel(RELIABLE, Delivery::Reliable);
    pair.negotiate();
    pair.run(500);
    let before = pair.a.local_ufrag();
    pair.a.restart_ice();
    pair.negotiate();
    assert_ne!(pair.a.local_ufrag(), before);
    pair.run(1000);
    assert!(pair.a.is_alive() && pair.b.is_alive());
    assert!(pair.a.send_data(RELIABLE, b"still", pair.now));
    pair.run(100);
    assert!(
        pair.seen_b
            .iter()
            .any(|e| matches!(e, PeerEvent::Data { .. }))
    );
}

/// The engine draws a restart's password from 64 bits of a generator whose other numbers are in
/// every description.
#[test]
fn the_credentials_of_a_restart_come_from_the_seed() {
    let credentials = |text: &str| {
        let description = crate::sdp::Description::parse(text);
        let (ufrag, pass) = description.credentials().unwrap();
        (ufrag.to_owned(), pass.to_owned())
    };
    let restarted = || {
        let mut pair = Pair::new(Side::Server, Side::Client);
        pair.a.open_channel(RELIABLE, Delivery::Reliable);
        let first = pair.negotiate();
        pair.run(500);
        pair.a.restart_ice();
        let second = pair.negotiate();
        pair.run(1000);
        assert!(pair.a.has_path() && pair.b.has_path());
        assert_eq!(pair.a.local_ufrag(), credentials(&second.0).0);
        assert_eq!(pair.b.local_ufrag(), credentials(&second.1).0);
        [first.0, first.1, second.0, second.1].map(|text| credentials(&text))
    };
    let (one, other) = (restarted(), restarted());
    assert_eq!(one, other, "the same seeds");
    assert!(one.iter().all(|(_, pass)| pass.len() == 32));
    let passwords: BTreeSet<_> = one.iter().map(|(_, pass)| pass).collect();
    assert_eq!(passwords.len(), 4);
}

/// Pion answers so when a second offer comes before its transport has begun.
#[test]
fn an_answer_with_new_credentials_is_taken_though_nobody_asked_for_a_restart() {
    let mut pair = Pair::new(Side::Server, Side::Client);
    pair.a.open_channel(RELIABLE, Delivery::Reliable);
    let (_, answer) = pair.negotiate();
    pair.a.add_audio_sender("PA_x|TR_1", "TR_1");
    let offer = pair.a.create_offer(pair.now).unwrap().unwrap();
    let second = pair.b.accept_offer(&offer, pair.now).unwrap();
    let description = crate::sdp::Description::parse(&answer);
    let (ufrag, pass) = description.credentials().unwrap();
    let changed = second
        .replace(ufrag, "another")
        .replace(pass, &"p".repeat(32));
    assert_eq!(pair.a.accept_answer(&changed, pair.now), Ok(()));
    assert!(pair.a.is_alive());
}

#[test]
fn a_second_offer_waits_for_the_first_answer() {
    let mut pair = Pair::new(Side::Server, Side::Client);
    pair.a.open_channel(RELIABLE, Delivery::Reliable);
    pair.a.create_offer(pair.now).unwrap().unwrap();
    assert_eq!(pair.a.create_offer(pair.now), Err(SdpError::OfferOpen));
    assert!(pair.b.accept_answer("v=0\r\n", pair.now).is_err());
}

#[test]
fn closing_reaches_the_far_end() {
    let mut pair = Pair::new(Side::Client, Side::Server);
    pair.a.open_channel(RELIABLE, Delivery::Reliable);
    pair.negotiate();
    pair.run(500);
    pair.a.close(pair.now);
    pair.run(500);
    assert!(!pair.a.is_alive() && !pair.b.is_alive());
    assert!(pair.seen_b.contains(&PeerEvent::Closed));
}
