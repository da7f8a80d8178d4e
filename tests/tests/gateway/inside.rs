//! What a phone that we called does inside its call: the same as one that called us.

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_client::room::RoomEvent;

use super::callee::Callee;
use super::dialling::{dial, has, order, recorded, until};
use super::house::{House, PATIENCE, next};

const SDP: &str = "Content-Type: application/sdp\r\n";

/// Offers this, and confirms what it gets.
async fn offers(callee: &mut Callee, (method, number): (&str, u32), sdp: &str) -> String {
    callee.asks((method, number), SDP, sdp).await;
    let accepted = callee.expects("SIP/2.0 200").await;
    if method == "INVITE" {
        callee.asks(("ACK", number), "", "").await;
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_we_called_holds_moves_and_presses_keys() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, mut events) = house.participant().await;
    let mut callee = Callee::new().await;
    let placed = dial(&house, order(&callee)).await.unwrap();
    callee.picks_up().await;
    until(&house, "active", has("sip.callStatus", "active")).await;
    let talk = callee.sdp();
    let port = callee.rtp.local_addr().unwrap().port();
    let zero = talk.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
    let off = talk.replace(&format!("m=audio {port}"), "m=audio 0");
    let mut number = 10;
    for (how, hold) in [
        (format!("{talk}a=sendonly\r\n"), "held"),
        (format!("{talk}a=inactive\r\n"), "held"),
        (zero, "held"),
        (off, "held"),
        (format!("{talk}a=recvonly\r\n"), "muted"),
    ] {
        let method = if number % 4 == 0 { "UPDATE" } else { "INVITE" };
        offers(&mut callee, (method, number), &how).await;
        until(&house, &how, has("sip.hold", hold)).await;
        offers(&mut callee, ("INVITE", number + 1), &talk).await;
        until(&house, "back", has("sip.hold", "none")).await;
        number += 2;
    }
    // It asks for an offer, and answers that in its ACK.
    callee.asks(("INVITE", 30), "", "").await;
    let offer = callee.expects("SIP/2.0 200").await;
    assert!(offer.contains("m=audio "), "{offer}");
    let held = format!("{talk}a=sendonly\r\n");
    callee.asks(("ACK", 30), SDP, &held).await;
    until(&house, "held by an answer", has("sip.hold", "held")).await;
    // It moves, and speaks another codec from then on.
    callee.rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let moved = callee.sdp().replace("RTP/AVP 0 101", "RTP/AVP 8 101");
    let accepted = offers(&mut callee, ("UPDATE", 31), &moved).await;
    assert!(accepted.contains("RTP/AVP 8"), "{accepted}");
    let mut packet = [0; 2048];
    timeout(PATIENCE, callee.rtp.recv(&mut packet))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(packet[1] & 0x7f, 8, "it hears A-law");
    let relay = "Content-Type: application/dtmf-relay\r\n";
    callee
        .asks(("INFO", 32), relay, "Signal=5\r\nDuration=160\r\n")
        .await;
    callee.expects("SIP/2.0 200").await;
    let key = next(&mut events, "a key", |event| match event {
        RoomEvent::Dtmf { digit, .. } => Some(digit),
        _ => None,
    })
    .await;
    assert_eq!(key, "5");
    callee.hangs_up("").await;
    house.no_calls_left().await;
    recorded(&house, &placed.sip_call_id).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_we_called_and_who_falls_silent_is_hung_up() {
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.media_timeout = Duration::from_secs(1);
    })
    .await;
    let (_room, _events) = house.participant().await;
    let mut callee = Callee::new().await;
    let placed = dial(&house, order(&callee)).await.unwrap();
    callee.picks_up().await;
    let bye = callee.expects("BYE").await;
    assert!(bye.contains("media timeout"), "{bye}");
    callee.answer(&bye, "200 OK", "", "").await;
    let call = recorded(&house, &placed.sip_call_id).await;
    assert_eq!(call.end_reason.as_deref(), Some("media_timeout"));
    house.close().await;
}
