//! Calls that the API asks for: the gateway dials, over a trunk of its own kind for each test.

use std::time::Duration;

use livekit_protocol as proto;
use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_client::api::{ApiError, table};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, ParticipantInfo, RoomEvent, RoomEvents};
use trunkline_media::SampleRate;
use trunkline_media::g711::{self, Law};
use trunkline_media::tone::{Sine, strength_dbfs};
use trunkline_store::{Call, Direction};

use super::callee::Callee;
use super::house::{House, PATIENCE, ROOM, next};

/// A call to this telephone, over a trunk that comes with the request.
pub(crate) fn order(callee: &Callee) -> proto::CreateSipParticipantRequest {
    proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: callee.address(),
            transport: i32::from(proto::SipTransport::Udp),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "+15550100".to_owned(),
        room_name: ROOM.to_owned(),
        participant_identity: "callee".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn dial(
    house: &House,
    order: proto::CreateSipParticipantRequest,
) -> Result<proto::SipParticipantInfo, ApiError> {
    let asked = house.api.call(&table::CREATE_SIP_PARTICIPANT, order);
    timeout(PATIENCE, asked).await.unwrap()
}

/// A phone that has been dialled and rings.
pub(crate) async fn rings(house: &House) -> Callee {
    let mut callee = Callee::new().await;
    dial(house, order(&callee)).await.unwrap();
    callee.is_called().await;
    callee.says("180 Ringing", "", "").await;
    until(house, "ringing", has("sip.callStatus", "ringing")).await;
    callee
}

/// Waits until the phone's participant is as wanted.
pub(crate) async fn until(
    house: &House,
    what: &str,
    fits: impl Fn(&proto::ParticipantInfo) -> bool,
) {
    until_one(house, "callee", what, fits).await;
}

/// The same of another participant.
pub(crate) async fn until_one(
    house: &House,
    who: &str,
    what: &str,
    fits: impl Fn(&proto::ParticipantInfo) -> bool,
) {
    let room = trunkline_base::id::RoomName::parse(ROOM).unwrap();
    let found = timeout(PATIENCE, async {
        loop {
            let people = house.api.list_participants(&room).await.unwrap_or_default();
            if people.iter().any(|one| one.identity == who && fits(one)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("never came: {what}"));
}

pub(crate) fn has(name: &str, value: &str) -> impl Fn(&proto::ParticipantInfo) -> bool {
    move |one| one.attributes.get(name).is_some_and(|is| is == value)
}

pub(crate) async fn leaves(events: &mut RoomEvents) -> ParticipantInfo {
    next(events, "the callee leaving", |event| match event {
        RoomEvent::ParticipantLeft { info, .. } if info.identity.as_str() == "callee" => Some(info),
        _ => None,
    })
    .await
}

/// The call's row, once it is over.
pub(crate) async fn recorded(house: &House, call_id: &str) -> Call {
    let found = timeout(PATIENCE, async {
        loop {
            let calls = house.store.calls().list(50).await.unwrap();
            let over = |call: &Call| call.call_id == call_id && call.ended_at.is_some();
            if let Some(call) = calls.into_iter().find(over) {
                return call;
            }
            tokio::task::yield_now().await;
        }
    });
    found
        .await
        .unwrap_or_else(|_| panic!("never over: {call_id}"))
}

pub(crate) fn meta(error: &ApiError) -> (String, String, String) {
    let refusal = error.refusal().unwrap();
    let meta = |key: &str| refusal.meta.get(key).cloned().unwrap_or_default();
    (
        refusal.code.clone(),
        meta("sip_status_code"),
        meta("sip_status"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_called_is_in_the_room_first_and_then_heard_both_ways() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let mut callee = Callee::new().await;
    let mut order = order(&callee);
    order
        .headers
        .insert("X-Tenant".to_owned(), "acme".to_owned());
    order.display_name = Some("Acme \\\"Support\\\"".to_owned());
    let placed = dial(&house, order).await.unwrap();
    assert_eq!(placed.participant_identity, "callee");
    assert!(placed.sip_call_id.starts_with("SCL_") && placed.participant_id.starts_with("PA_"));
    until(&house, "dialing", has("sip.callStatus", "dialing")).await;

    let invite = callee.is_called().await.to_owned();
    assert!(invite.len() < 1300, "one packet: {} bytes", invite.len());
    let to = callee.address();
    for line in [
        format!("INVITE sip:+15550100@{to} SIP/2.0"),
        format!(
            "From: \"Acme \\\"Support\\\"\" <sip:+15550199@{}>;tag={}",
            house.gateway.addr(),
            placed.sip_call_id
        ),
        format!("To: <sip:+15550100@{to}>"),
        "X-Tenant: acme".to_owned(),
    ] {
        assert!(invite.lines().any(|is| is == line), "{line}\n{invite}");
    }
    callee.says("180 Ringing", "", "").await;
    until(&house, "ringing", has("sip.callStatus", "ringing")).await;
    callee.says("200 OK", "", &callee.sdp()).await;
    callee.expects("ACK").await;
    until(&house, "active", has("sip.callStatus", "active")).await;
    until(&house, "its number", has("sip.phoneNumber", "+15550100")).await;

    let heard = next(&mut events, "the callee's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    let (in_room, on_phone) = talk(&callee, heard.packets, track).await;
    assert!(in_room > -20.0, "room hears the phone at {in_room:.1} dBFS");
    assert!(
        on_phone > -20.0,
        "phone hears the room at {on_phone:.1} dBFS"
    );

    callee.hangs_up("").await;
    leaves(&mut events).await;
    house.no_calls_left().await;
    let call = recorded(&house, &placed.sip_call_id).await;
    assert_eq!(call.end_reason.as_deref(), Some("callee_hung_up"));
    assert_eq!(call.direction, Direction::Outbound);
    assert_eq!(call.called.expose(), "+15550100");
    assert!(call.answered_at.is_some());
    house.close().await;
}

/// The phone sings 440 Hz, the room 1000 Hz; how loud each is heard by the other.
pub(crate) async fn talk(
    callee: &Callee,
    packets: trunkline_client::room::MediaReceiver,
    track: trunkline_client::room::AudioTrack,
) -> (f64, f64) {
    let mut reader = PcmReader::new(packets, 16_000).unwrap();
    let mut writer = PcmWriter::new(track, 16_000).unwrap();
    let mut low = Sine::new(SampleRate::HZ_8000, 440.0, -12.0);
    let mut high = Sine::new(SampleRate::HZ_16000, 1000.0, -12.0);
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    let (mut in_room, mut on_phone) = (Vec::new(), Vec::new());
    for number in 0..100_u16 {
        clock.tick().await;
        let mut frame = [0; 160];
        low.fill(&mut frame);
        callee.speaks(number, &frame).await;
        let mut frame = [0; 320];
        high.fill(&mut frame);
        writer.write_20ms(&frame).unwrap();
        in_room.extend_from_slice(reader.next_20ms().await.unwrap());
        let mut buffer = [0; 2048];
        while let Ok(length) = callee.rtp.try_recv(&mut buffer) {
            g711::decode(Law::Mu, &buffer[12..length], &mut on_phone);
        }
    }
    let tail = in_room.split_off(in_room.len() / 2);
    let low = strength_dbfs(&tail, SampleRate::HZ_16000, 440.0);
    let tail = on_phone.split_off(on_phone.len() / 2);
    (low, strength_dbfs(&tail, SampleRate::HZ_8000, 1000.0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_nobody_answers_stops_ringing_in_time() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut callee = Callee::new().await;
    let order = proto::CreateSipParticipantRequest {
        wait_until_answered: true,
        ringing_timeout: Some(pbjson_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..order(&callee)
    };
    let (refused, ()) = tokio::join!(dial(&house, order), async {
        callee.is_called().await;
        callee.says("180 Ringing", "", "").await;
        let cancel = callee.expects("CANCEL").await;
        assert!(cancel.contains("\r\nReason: Q.850;cause=19;"), "{cancel}");
        callee.answer(&cancel, "200 OK", "", "").await;
        callee.says("487 Request Terminated", "", "").await;
        callee.expects("ACK").await;
    });
    let (code, status, _) = meta(&refused.unwrap_err());
    assert_eq!(
        (code.as_str(), status.as_str()),
        ("deadline_exceeded", "408")
    );
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_participant_who_is_removed_stops_ringing_and_a_late_answer_is_hung_up() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut callee = rings(&house).await;
    let room = trunkline_base::id::RoomName::parse(ROOM).unwrap();
    let identity = trunkline_base::id::ParticipantIdentity::parse("callee").unwrap();
    house
        .api
        .remove_participant(&room, &identity)
        .await
        .unwrap();
    let cancel = callee.expects("CANCEL").await;
    // It has been picked up at the same moment.
    callee.says("200 OK", "", &callee.sdp()).await;
    callee.answer(&cancel, "200 OK", "", "").await;
    callee.expects("ACK").await;
    let bye = callee.expects("BYE").await;
    for goodbye in [&cancel, &bye] {
        assert!(goodbye.contains("\r\nReason: Q.850;cause=16;"), "{goodbye}");
    }
    callee.answer(&bye, "200 OK", "", "").await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_media_is_heard_in_the_room_before_anybody_answers() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let mut callee = Callee::new().await;
    dial(&house, order(&callee)).await.unwrap();
    callee.is_called().await;
    callee.says("183 Session Progress", "", &callee.sdp()).await;
    let heard = next(&mut events, "the callee's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    let (in_room, _) = talk(&callee, heard.packets, track).await;
    assert!(
        in_room > -20.0,
        "room hears the announcement at {in_room:.1} dBFS"
    );
    until(&house, "not active", has("sip.callStatus", "ringing")).await;
    // The answer brings no description: the early one stands.
    callee.says("200 OK", "", "").await;
    callee.expects("ACK").await;
    until(&house, "active", has("sip.callStatus", "active")).await;
    let lobby = trunkline_base::id::RoomName::parse(ROOM).unwrap();
    house.api.delete_room(&lobby).await.unwrap();
    let bye = callee.expects("BYE").await;
    callee.answer(&bye, "200 OK", "", "").await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_asked_for_twice_rings_once() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut callee = Callee::new().await;
    let first = dial(&house, order(&callee)).await.unwrap();
    callee.is_called().await;
    callee.says("180 Ringing", "", "").await;
    let again = dial(&house, order(&callee)).await.unwrap();
    assert_eq!(first, again);
    assert!(callee.is_left_alone().await, "it rings a second time");
    let other = proto::CreateSipParticipantRequest {
        sip_call_to: "+15550101".to_owned(),
        ..order(&callee)
    };
    let refused = dial(&house, other).await.unwrap_err();
    assert_eq!(meta(&refused).0, "failed_precondition");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_pressed_after_the_answer_before_the_call_is_active() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut callee = Callee::new().await;
    let order = proto::CreateSipParticipantRequest {
        dtmf: "1w2".to_owned(),
        ..order(&callee)
    };
    dial(&house, order).await.unwrap();
    callee.picks_up().await;
    until(&house, "automation", has("sip.callStatus", "automation")).await;
    let mut keys: Vec<(u8, u32)> = Vec::new();
    while keys.len() < 2 {
        let mut buffer = [0; 2048];
        let length = timeout(PATIENCE, callee.rtp.recv(&mut buffer)).await;
        let packet = &buffer[..length.unwrap().unwrap()];
        let began = u32::from_be_bytes(packet[4..8].try_into().unwrap());
        if packet[1] & 0x7f == 101 && !keys.contains(&(packet[12], began)) {
            keys.push((packet[12], began));
        }
    }
    let [(1, first), (2, second)] = keys[..] else {
        panic!("other keys: {keys:?}")
    };
    assert!(
        second.wrapping_sub(first) >= 4000,
        "half a second lies between them"
    );
    until(&house, "active", has("sip.callStatus", "active")).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_shown_when_it_is_asked_for_and_no_twice() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut callee = Callee::new().await;
    let mut order = order(&callee);
    order.wait_until_answered = true;
    if let Some(trunk) = &mut order.trunk {
        trunk.auth_username = "alice".to_owned();
        trunk.auth_password = "wonderland".to_owned();
    }
    let challenge = "Proxy-Authenticate: Digest realm=\"x\", nonce=\"n\", qop=\"auth\"\r\n";
    let (refused, ()) = tokio::join!(dial(&house, order), async {
        for round in 0..2 {
            let invite = callee.is_called().await.to_owned();
            assert_eq!(invite.contains("Proxy-Authorization: Digest"), round == 1);
            callee
                .says("407 Proxy Authentication Required", challenge, "")
                .await;
            callee.expects("ACK").await;
        }
    });
    let (code, status, _) = meta(&refused.unwrap_err());
    assert_eq!((code.as_str(), status.as_str()), ("unauthenticated", "407"));
    house.close().await;
}
