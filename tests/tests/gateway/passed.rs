//! Calls that their phones pass on by REFER: the gateway dials, and the participant stays who it is.

use livekit_protocol as proto;
use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, Referrer};
use trunkline_client::room::RoomEvent;
use trunkline_client::room::audio::PcmReader;
use trunkline_media::SampleRate;
use trunkline_media::tone::{Sine, strength_dbfs};
use trunkline_sip::routing::mark;
use trunkline_store::{Call, Direction};

use super::callee::Callee;
use super::dialling::{has, until_one};
use super::house::{House, PATIENCE, next};
use super::phone::Phone;

/// The outbound trunk that leads to a phone.
pub(crate) fn over(callee: &Callee) -> proto::SipOutboundTrunkInfo {
    proto::SipOutboundTrunkInfo {
        name: "out".to_owned(),
        metadata: mark::mark("out", ""),
        address: callee.address(),
        transport: proto::SipTransport::Udp.into(),
        numbers: vec!["100".to_owned()],
        ..Default::default()
    }
}

/// Phones of these trunks may pass their calls on to that one.
fn allowed(callee: &Callee) -> Vec<Referrer> {
    let ways = [(Direction::Inbound, "local"), (Direction::Outbound, "out")];
    let referrer = |(direction, key): (Direction, &str)| Referrer {
        direction,
        key: key.to_owned(),
        over: proto::SipOutboundTrunkInfo {
            sip_trunk_id: "ST_out".to_owned(),
            ..over(callee)
        },
    };
    ways.into_iter().map(referrer).collect()
}

async fn house(callee: &Callee) -> House {
    House::with(AnswerPolicy::OnRoom, |config| {
        config.referrers = allowed(callee);
        config.dialling.deny.push("+1900".to_owned());
    })
    .await
}

/// The participant that the caller is.
const CALLER: &str = "sip_4711";

fn to(number: &str) -> String {
    format!("Refer-To: <sip:{number}@pbx.example>\r\nReferred-By: <sip:4711@pbx.example>\r\n")
}

async fn told(phone: &Phone, status: &str, is_last: bool) {
    let heard = timeout(PATIENCE, phone.is_told()).await.unwrap();
    assert_eq!(heard, (format!("SIP/2.0 {status}"), is_last));
}

/// Both rows of a call that was passed on, the one that was dialled last, once both are over.
async fn rows(house: &House) -> Vec<Call> {
    super::house::found(&house.store, async |store| {
        let mut calls = store.calls().list(9).await.unwrap();
        calls.sort_by_key(|call| call.direction == Direction::Outbound);
        let over = calls.len() == 2 && calls.iter().all(|call| call.ended_at.is_some());
        over.then_some(calls)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_phone_passes_its_call_on_to_is_in_its_place_and_the_participant_stays() {
    let mut callee = Callee::new().await;
    let house = house(&callee).await;
    let (_room, mut events) = house.participant().await;
    let mut phone = Phone::call(&house, "4711").await;
    let heard = next(&mut events, "the caller's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    assert_eq!(phone.asks("REFER", &to("102"), "").await, 202);
    told(&phone, "100 Trying", false).await;
    let invite = callee.is_called().await.to_owned();
    for line in [
        format!("INVITE sip:102@{} SIP/2.0", callee.address()),
        "Referred-By: <sip:4711@pbx.example>".to_owned(),
    ] {
        assert!(invite.lines().any(|is| is == line), "{line}\n{invite}");
    }
    callee.says("180 Ringing", "", "").await;
    told(&phone, "180 Ringing", false).await;
    until_one(&house, CALLER, "ringing", has("sip.transfer", "ringing")).await;
    callee.says("200 OK", "", &callee.sdp()).await;
    callee.expects("ACK").await;
    told(&phone, "200 OK", true).await;
    // It does not hang up itself.
    timeout(PATIENCE, phone.is_asked("BYE")).await.unwrap();
    until_one(&house, CALLER, "passed on", has("sip.transfer", "done")).await;
    until_one(&house, CALLER, "its number", has("sip.phoneNumber", "102")).await;
    let loud = sings(&callee, heard.packets).await;
    assert!(
        loud > -20.0,
        "the room hears the other phone at {loud:.1} dBFS"
    );
    callee.hangs_up("").await;
    house.no_calls_left().await;
    let rows = rows(&house).await;
    assert_eq!(rows[0].end_reason.as_deref(), Some("caller_hung_up"));
    assert_eq!(rows[1].called.expose(), "102");
    assert_eq!(rows[1].trunk_id, "ST_out");
    assert!(rows[1].answered_at.is_some());
    house.close().await;
}

/// How loud the room hears the phone's 440 Hz in the track that was the other's.
async fn sings(callee: &Callee, packets: trunkline_client::room::MediaReceiver) -> f64 {
    let mut reader = PcmReader::new(packets, 16_000).unwrap();
    let mut tone = Sine::new(SampleRate::HZ_8000, 440.0, -12.0);
    let mut clock = tokio::time::interval(std::time::Duration::from_millis(20));
    let mut heard = Vec::new();
    for number in 0..100_u16 {
        clock.tick().await;
        let mut frame = [0; 160];
        tone.fill(&mut frame);
        callee.speaks(number, &frame).await;
        heard.extend_from_slice(reader.next_20ms().await.unwrap());
    }
    let tail = heard.split_off(heard.len() / 2);
    strength_dbfs(&tail, SampleRate::HZ_16000, 440.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_may_not_pass_calls_on_hears_which_key_says_so() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut phone = Phone::call(&house, "4711").await;
    assert_eq!(phone.asks("REFER", &to("102"), "").await, 403);
    let reason = phone
        .accepted
        .lines()
        .find(|line| line.starts_with("Reason:"));
    let reason = reason.unwrap_or_default();
    assert!(
        reason.contains("allow_refer is not set for local"),
        "{reason}"
    );
    // It may from now on, and the call is still there to be passed on.
    let mut callee = Callee::new().await;
    house.gateway.tell_referrers(allowed(&callee));
    assert_eq!(phone.asks("REFER", &to("102"), "").await, 202);
    callee.is_called().await;
    phone.hangs_up().await;
    callee.says("486 Busy Here", "", "").await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_takes_goes_on_where_it_was() {
    let mut callee = Callee::new().await;
    let house = house(&callee).await;
    let mut phone = Phone::call(&house, "4711").await;
    for status in ["486 Busy Here", "603 Decline", "503 Service Unavailable"] {
        assert_eq!(phone.asks("REFER", &to("102"), "").await, 202);
        told(&phone, "100 Trying", false).await;
        callee.is_called().await;
        callee.says(status, "", "").await;
        callee.expects("ACK").await;
        told(&phone, status, true).await;
        let code = status.split(' ').next().unwrap().to_owned();
        until_one(&house, CALLER, status, has("sip.transferStatusCode", &code)).await;
    }
    // Nobody is dialled whom nobody may dial, nor what is no call.
    for refused in [
        to("+19005550100"),
        "Refer-To: <sip:102@h;method=BYE>\r\n".to_owned(),
        "Refer-To: <sip:102@h?Route=%3Csip:evil.example%3E>\r\n".to_owned(),
    ] {
        assert_eq!(phone.asks("REFER", &refused, "").await, 403, "{refused}");
    }
    assert_eq!(
        phone.asks("REFER", "Refer-To: <http://h/>\r\n", "").await,
        416
    );
    assert_eq!(
        phone
            .asks("REFER", "Refer-To: <sip:pbx.example>\r\n", "")
            .await,
        400
    );
    assert!(callee.is_left_alone().await);
    let same = phone.sdp("");
    assert_eq!(phone.offers("INVITE", &same).await, 200, "the call is up");
    phone.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}

/// Most phones go as soon as they have heard 202.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_hangs_up_at_once_leaves_its_call_to_whom_it_passed_it_on() {
    for is_taken in [true, false] {
        let mut callee = Callee::new().await;
        let house = house(&callee).await;
        let (_room, _events) = house.participant().await;
        let mut phone = Phone::call(&house, "4711").await;
        assert_eq!(phone.asks("REFER", &to("102"), "").await, 202);
        callee.is_called().await;
        callee.says("180 Ringing", "", "").await;
        phone.hangs_up().await;
        until_one(&house, CALLER, "held meanwhile", has("sip.hold", "held")).await;
        if is_taken {
            callee.says("200 OK", "", &callee.sdp()).await;
            callee.expects("ACK").await;
            until_one(&house, CALLER, "back", has("sip.hold", "none")).await;
            until_one(&house, CALLER, "passed on", has("sip.transfer", "done")).await;
            callee.hangs_up("").await;
        } else {
            callee.says("486 Busy Here", "", "").await;
        }
        house.no_calls_left().await;
        let rows = rows(&house).await;
        assert_eq!(rows[0].end_reason.as_deref(), Some("caller_hung_up"));
        assert_eq!(rows[1].answered_at.is_some(), is_taken);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_rung_any_more_once_the_call_is_over() {
    let mut callee = Callee::new().await;
    let house = house(&callee).await;
    let mut phone = Phone::call(&house, "4711").await;
    assert_eq!(phone.asks("REFER", &to("102"), "").await, 202);
    callee.is_called().await;
    callee.says("180 Ringing", "", "").await;
    let room = trunkline_base::id::RoomName::parse(super::house::ROOM).unwrap();
    house.api.delete_room(&room).await.unwrap();
    let cancel = callee.expects("CANCEL").await;
    callee.answer(&cancel, "200 OK", "", "").await;
    callee.says("487 Request Terminated", "", "").await;
    timeout(PATIENCE, phone.is_asked("BYE")).await.unwrap();
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attended_transfer_asks_for_the_place_of_the_other_call() {
    let mut callee = Callee::new().await;
    let house = house(&callee).await;
    let mut phone = Phone::call(&house, "4711").await;
    let refer = "Refer-To: <sip:bob@192.0.2.9:5062?Require=replaces&Replaces=\
                 12%40pbx%3Bto-tag%3Dt%3Bfrom-tag%3Df>\r\n";
    assert_eq!(phone.asks("REFER", refer, "").await, 202);
    let invite = callee.is_called().await.to_owned();
    for line in [
        "INVITE sip:bob@192.0.2.9:5062 SIP/2.0",
        "Replaces: 12@pbx;to-tag=t;from-tag=f",
        "Require: replaces",
    ] {
        assert!(invite.lines().any(|is| is == line), "{line}\n{invite}");
    }
    callee.says("200 OK", "", &callee.sdp()).await;
    callee.expects("ACK").await;
    timeout(PATIENCE, phone.is_asked("BYE")).await.unwrap();
    callee.hangs_up("").await;
    house.no_calls_left().await;
    house.close().await;
}

/// The same where we had called: both trunks are outbound ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_we_called_may_pass_the_call_on_too() {
    let (mut first, mut second) = (Callee::new().await, Callee::new().await);
    let house = house(&second).await;
    let trunk = house.api.create_outbound_trunk(over(&first)).await.unwrap();
    let order = proto::CreateSipParticipantRequest {
        sip_trunk_id: trunk.sip_trunk_id,
        sip_call_to: "101".to_owned(),
        room_name: super::house::ROOM.to_owned(),
        participant_identity: "callee".to_owned(),
        ..Default::default()
    };
    let placed = super::dialling::dial(&house, order).await.unwrap();
    first.picks_up().await;
    first.asks(("REFER", 7), &to("102"), "").await;
    first.expects("SIP/2.0 202").await;
    second.picks_up().await;
    until_one(
        &house,
        "callee",
        "its number",
        has("sip.phoneNumber", "102"),
    )
    .await;
    let bye = first.expects("BYE").await;
    first.answer(&bye, "200 OK", "", "").await;
    second.hangs_up("").await;
    house.no_calls_left().await;
    let call = super::dialling::recorded(&house, &placed.sip_call_id).await;
    assert_eq!(call.end_reason.as_deref(), Some("callee_hung_up"));
    house.close().await;
}
