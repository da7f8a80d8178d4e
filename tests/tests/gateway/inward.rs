//! Whoever names a port of the gateway's own for its sound gets none: it would come back, come as
//! noise to where SIP is taken, or into another's call.

use livekit_protocol as proto;
use trunkline_bridge::sip::AnswerPolicy;

use super::dialling::{dial, has, until_one};
use super::house::House;
use super::phone::Phone;

/// The phone's description with its sound at that port.
fn at(phone: &Phone, port: u16) -> String {
    let sdp = phone.sdp("");
    let (before, rest) = sdp.split_once("m=audio ").unwrap();
    let (_, after) = rest.split_once(' ').unwrap();
    format!("{before}m=audio {port} {after}")
}

fn port_of(sdp: &str) -> u16 {
    let (_, rest) = sdp.split_once("m=audio ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn no_call_has_its_sound_go_to_a_port_of_the_gateway() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut victim = Phone::call(&house, "4711").await;
    let theirs = port_of(&victim.answer);
    for port in [house.gateway.addr().port(), theirs, theirs + 1] {
        let mut thief = Phone::idle(&house, "4712").await;
        let sdp = at(&thief, port);
        assert_eq!(thief.offers("INVITE", &sdp).await, 488, "{port}");
        let warned = format!("127.0.0.1:{port}, which is a port of this gateway");
        assert!(thief.accepted.contains(&warned), "{}", thief.accepted);
    }
    let reports = format!("a=rtcp:{}\r\n", house.gateway.addr().port());
    let mut thief = Phone::idle(&house, "4712").await;
    let sdp = thief.sdp(&reports);
    assert_eq!(thief.offers("INVITE", &sdp).await, 488);
    // A call that is up may not turn to itself, and goes on as it was.
    for method in ["INVITE", "UPDATE"] {
        let sdp = at(&victim, theirs);
        assert_eq!(victim.offers(method, &sdp).await, 488, "{method}");
    }
    victim.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test]
async fn a_call_that_comes_back_in_to_us_is_spoken_to() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let order = proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: house.gateway.addr().to_string(),
            transport: i32::from(proto::SipTransport::Udp),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "100".to_owned(),
        room_name: "outside".to_owned(),
        participant_identity: "callee".to_owned(),
        wait_until_answered: true,
        ..Default::default()
    };
    dial(&house, order).await.unwrap();
    let active = has("sip.callStatus", "active");
    until_one(&house, "sip_+15550199", "the call in", active).await;
    house.close().await;
}
