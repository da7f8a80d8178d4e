//! Hold and resume as phones do it, thieves of a call's sound, and phones of either family.

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_client::room::audio::PcmReader;
use trunkline_client::room::{Room, RoomEvent};

use super::house::{House, PATIENCE, next};
use super::phone::Phone;

/// Loud in mu-law.
const TONE: u8 = 0x80;

async fn told(room: &Room, hold: &str) {
    let mut states = room.watch();
    let wanted = states.wait_for(|state| {
        let mut people = state.participants.values();
        people.any(|person| person.attribute("sip.hold") == Some(hold))
    });
    assert!(
        timeout(PATIENCE, wanted).await.is_ok(),
        "never told: {hold}"
    );
}

/// Half a minute on hold ended the call: nothing came from the phone, as was to be expected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_ends_by_its_own_limit_and_not_by_silence() {
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.media_timeout = Duration::from_secs(2);
        config.hold_limit = Duration::from_secs(3);
    })
    .await;
    let mut held = Vec::new();
    for (number, method, how) in [
        ("4711", "INVITE", "a=sendonly\r\n"),
        ("4712", "INVITE", "a=inactive\r\n"),
        ("4713", "UPDATE", "c=IN IP4 0.0.0.0\r\n"),
    ] {
        let mut phone = Phone::call(&house, number).await;
        let sdp = phone.sdp(how);
        assert_eq!(phone.offers(method, &sdp).await, 200, "{method} {how}");
        held.push(phone);
    }
    for phone in held {
        let reason = phone.is_hung_up().await;
        assert!(reason.contains("on hold"), "{reason}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_room_is_told_of_hold_and_hears_no_music() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (room, mut events) = house.participant().await;
    let mut phone = Phone::call(&house, "4711").await;
    let track = next(&mut events, "the caller's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    let mut reader = PcmReader::new(track.packets, 16_000).unwrap();
    let off = phone.off();
    let talk = phone.sdp("");
    let mut number = 0;
    for held in [
        phone.sdp("a=sendonly\r\n"),
        off,
        phone.sdp("a=inactive\r\n"),
    ] {
        assert_eq!(phone.offers("INVITE", &held).await, 200);
        told(&room, "held").await;
        let mut loudest = 0;
        for n in 0..40 {
            number += 1;
            phone.rtp(None, 7, number, TONE).await;
            let frame = reader.next_20ms().await.unwrap();
            // What was said just before is still on its way.
            if n >= 20 {
                loudest = frame
                    .iter()
                    .fold(loudest, |most, s| s.unsigned_abs().max(most));
            }
        }
        assert!(loudest < 500, "{loudest}");
        assert_eq!(phone.offers("INVITE", &talk).await, 200);
        told(&room, "none").await;
        let back = timeout(PATIENCE, async {
            loop {
                number += 1;
                phone.rtp(None, 7, number, TONE).await;
                let frame = reader.next_20ms().await.unwrap();
                if frame.iter().any(|sample| sample.unsigned_abs() > 5000) {
                    return;
                }
            }
        });
        assert!(back.await.is_ok(), "the caller is heard again");
    }
    phone.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}

/// Five packets in a row from anywhere used to take a call over, within five seconds of each offer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_does_not_get_a_call_whose_phone_sends() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut phone = Phone::call(&house, "4711").await;
    let thief = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let same = phone.sdp("");
    let mut number = 1;
    for _ in 0..3 {
        for _ in 0..20 {
            phone.rtp(None, 7, number, TONE).await;
            phone.rtp(Some(&thief), 8, number, TONE).await;
            // The numbers of another stream with the phone's own SSRC.
            phone.rtp(Some(&thief), 7, number + 20_000, TONE).await;
            phone.hears().await;
            number += 1;
        }
        assert_eq!(phone.offers("INVITE", &same).await, 200);
    }
    let mut buffer = [0; 200];
    let stolen = timeout(Duration::from_millis(50), thief.recv(&mut buffer)).await;
    assert!(stolen.is_err(), "the thief hears the call");
    phone.hangs_up().await;
    house.no_calls_left().await;
    let calls = house.store.calls().list(1).await.unwrap();
    assert!(
        calls
            .iter()
            .all(|call| call.end_reason.as_deref() != Some("media_timeout"))
    );
    house.close().await;
}

/// Bound to all addresses, the gateway told an IPv4 phone a mapped IPv6 address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipv4_phone_of_a_dual_stack_gateway_sees_ipv4_only() {
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.udp = "[::]:0".parse().unwrap();
        config.tcp = None;
    })
    .await;
    let phone = Phone::call(&house, "4711").await;
    assert!(
        phone.answer.contains("c=IN IP4 127.0.0.1\r\n"),
        "{}",
        phone.answer
    );
    assert!(!phone.accepted.contains("::"), "{}", phone.accepted);
    phone.hears().await;
    phone.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}
