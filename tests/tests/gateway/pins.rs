//! Rules with a PIN: the call is answered without a room, and the PIN picks the room.

use std::time::Duration;

use livekit_protocol as proto;
use tokio::sync::mpsc;
use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, CallNews, GatewayConfig, OutgoingCall};
use trunkline_client::room::{RoomEvent, RoomEvents};
use trunkline_store::Call;

use super::house::{House, PATIENCE, ROOM, found, next};
use super::phone::Phone;

/// Number 100 is for three rooms, each with a PIN; one wants encrypted sound.
async fn guarded(tune: impl FnOnce(&mut GatewayConfig)) -> House {
    let house = House::with(AnswerPolicy::OnRoom, tune).await;
    for (room, pin) in [("vault", "1234"), ("safe", "12345"), (ROOM, "567890")] {
        let direct = proto::SipDispatchRuleDirect {
            room_name: room.to_owned(),
            pin: pin.to_owned(),
        };
        let rule = proto::sip_dispatch_rule::Rule::DispatchRuleDirect(direct);
        let rule = proto::SipDispatchRuleInfo {
            name: room.to_owned(),
            numbers: vec!["100".to_owned()],
            rule: Some(proto::SipDispatchRule { rule: Some(rule) }),
            media: (room == "safe").then(|| proto::SipMediaConfig {
                encryption: Some(proto::SipMediaEncryption::SipMediaEncryptRequire.into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        house.api.create_dispatch_rule(rule).await.unwrap();
    }
    house.gateway.reload().await.unwrap();
    house
}

/// The record of the only call, once it is over.
async fn record(house: &House) -> Call {
    found(&house.store, async |store| {
        let call = store.calls().list(1).await.unwrap().pop()?;
        call.end_reason.is_some().then_some(call)
    })
    .await
}

/// Presses keys, each by an INFO.
async fn types(phone: &mut Phone, keys: &str) {
    for key in keys.chars() {
        let body = format!("Signal={key}\r\nDuration=160\r\n");
        phone.presses(&body).await;
    }
}

async fn is_in_the_room(events: &mut RoomEvents) {
    next(events, "the caller's track", |event| match event {
        RoomEvent::TrackSubscribed(_) => Some(()),
        _ => None,
    })
    .await;
}

async fn hears_a_tone(call: &mut OutgoingCall) {
    let loud = async {
        loop {
            let frame = call.recv().await.expect("the call is over");
            if frame.samples.iter().any(|one| one.unsigned_abs() > 1000) {
                return;
            }
        }
    };
    timeout(PATIENCE, loud).await.expect("no tone is heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pin_picks_the_room_after_a_wrong_one_too() {
    let house = guarded(|_| {}).await;
    let (room, mut events) = house.participant().await;
    let mut call = house.call("100").await;
    hears_a_tone(&mut call).await;
    assert!(room.snapshot().participants.is_empty(), "in a room unasked");
    assert!(call.dtmf("1111#567890#").await);
    let caller = next(&mut events, "the caller", |event| match event {
        RoomEvent::ParticipantJoined(person) => Some(person),
        _ => None,
    })
    .await;
    assert_eq!(caller.attribute("sip.callStatus"), Some("active"));
    for (name, value) in &caller.attributes {
        assert!(!value.contains("567890"), "{name}: {value}");
    }
    is_in_the_room(&mut events).await;
    call.hangup().await;
    let record = record(&house).await;
    assert_eq!(record.room, ROOM);
    assert!(!record.rule_id.is_empty() && record.answered_at.is_some());
    assert_eq!(record.end_reason.as_deref(), Some("caller_hung_up"));
    house.no_calls_left().await;
    house.close().await;
}

/// The phone sends its keys by INFO, and takes the call back from hold meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_may_come_by_info_and_the_call_be_held_meanwhile() {
    let house = guarded(|_| {}).await;
    let (_room, mut events) = house.participant().await;
    let mut phone = Phone::call(&house, "4711").await;
    types(&mut phone, "567").await;
    for how in ["a=sendonly\r\n", ""] {
        let sdp = phone.sdp(how);
        assert_eq!(phone.offers("INVITE", &sdp).await, 200, "{how}");
    }
    types(&mut phone, "890#").await;
    is_in_the_room(&mut events).await;
    phone.hangs_up().await;
    house.no_calls_left().await;
    let kept = found(&house.store, async |store| {
        let call = store.calls().list(1).await.unwrap().pop()?;
        let kept = store.sip_messages().of_call(&call.call_id).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let kept: Vec<String> = kept.iter().map(|one| text(one.bytes.expose())).collect();
        kept.last()?.contains("BYE").then_some(kept)
    })
    .await;
    let infos = kept.iter().filter(|text| text.starts_with("INFO "));
    let hidden = infos.filter(|text| text.contains("Signal=x\r\n"));
    assert_eq!(hidden.count(), "567890#".len(), "{kept:#?}");
    house.close().await;
}

/// Where a phone knows neither events nor INFO.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_may_be_sung_in_its_tones_after_one_that_is_its_beginning() {
    let house = guarded(|_| {}).await;
    let (_room, mut events) = house.participant().await;
    let mut phone = Phone::idle(&house, "4711").await;
    let sdp = phone.sdp("").replace("RTP/AVP 0 101", "RTP/AVP 0");
    assert_eq!(phone.offers("INVITE", &sdp).await, 200);
    phone.sings("5678#567890#", 0).await;
    is_in_the_room(&mut events).await;
    phone.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_wants_encrypted_sound_is_not_come_to_by_plain_sound() {
    let house = guarded(|_| {}).await;
    let call = house.call("100").await;
    assert!(call.dtmf("12345#").await);
    timeout(PATIENCE, call.ended()).await.unwrap();
    let plain = record(&house).await;
    assert_eq!(plain.end_reason.as_deref(), Some("encryption_required"));
    assert_eq!((plain.room.as_str(), plain.q850), ("", Some(88)));
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20\r\n");
    let mut phone = Phone::call_with(&house, "4712", &crypto).await;
    types(&mut phone, "12345#").await;
    found(&house.store, async |store| {
        let call = store.calls().list(1).await.unwrap().pop()?;
        (call.room == "safe").then_some(())
    })
    .await;
    // And it stays so.
    let sdp = phone.sdp("");
    assert_eq!(phone.offers("INVITE", &sdp).await, 488);
    phone.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_third_wrong_pin_is_the_end() {
    let house = guarded(|_| {}).await;
    let call = house.call("100").await;
    // One is too long, one is none: no rule without a PIN is as near.
    assert!(call.dtmf("1#12345678901234567#").await);
    assert!(call.dtmf("4321#").await);
    let end = timeout(PATIENCE * 2, call.ended()).await.unwrap();
    assert_eq!(end.cause, "remote");
    let record = record(&house).await;
    assert_eq!(record.end_reason.as_deref(), Some("pin_wrong"));
    let of = (record.rule_id.as_str(), record.room.as_str(), record.q850);
    assert_eq!(of, ("", "", Some(21)));
    assert!(record.answered_at.is_some());
    assert!(house.api.list_rooms(&[]).await.unwrap().is_empty());
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_may_hang_up_in_the_prompt() {
    let house = guarded(|_| {}).await;
    let call = house.call("100").await;
    assert!(call.dtmf("12").await);
    call.hangup().await;
    let record = record(&house).await;
    assert_eq!(record.end_reason.as_deref(), Some("caller_hung_up"));
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_types_nothing_is_hung_up_on() {
    let house = guarded(|config| config.pin_wait = Duration::from_millis(300)).await;
    let call = house.call("100").await;
    let end = timeout(PATIENCE, call.ended()).await.unwrap();
    assert_eq!(end.cause, "remote");
    let record = record(&house).await;
    assert_eq!(record.end_reason.as_deref(), Some("pin_missing"));
    house.no_calls_left().await;
    house.close().await;
}

/// Each change of the line bought time for another key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_held_again_and_again_is_hung_up_on_all_the_same() {
    let house = guarded(|config| config.pin_wait = Duration::from_millis(200)).await;
    let mut phone = Phone::call(&house, "4711").await;
    let held = phone.sdp("a=sendonly\r\n");
    let talks = phone.sdp("");
    let holding = async {
        while phone.offers("INVITE", &held).await == 200
            && phone.offers("INVITE", &talks).await == 200
        {}
    };
    timeout(PATIENCE, holding).await.expect("held for ever");
    phone.is_asked("BYE").await;
    let record = record(&house).await;
    assert_eq!(record.end_reason.as_deref(), Some("pin_missing"));
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_not_found_by_calling_again_and_again() {
    let house = guarded(|_| {}).await;
    for _ in 0..3 {
        let mut phone = Phone::call(&house, "4711").await;
        types(&mut phone, "1#2#3#").await;
        let bye = phone.is_asked("BYE").await;
        assert!(bye.contains("text=\"wrong PIN\""), "{bye}");
        house.no_calls_left().await;
    }
    let mut phone = Phone::idle(&house, "4711").await;
    let sdp = phone.sdp("");
    assert_eq!(phone.offers("INVITE", &sdp).await, 403);
    let row = found(&house.store, async |store| {
        store.refusals().list(1).await.unwrap().pop()
    })
    .await;
    assert_eq!((row.reason.as_str(), row.sip_status), ("pin_locked", 403));
    // Others may.
    let mut other = Phone::call(&house, "4712").await;
    types(&mut other, "1234#").await;
    found(&house.store, async |store| {
        let call = store.calls().list(1).await.unwrap().pop()?;
        (call.room == "vault").then_some(())
    })
    .await;
    other.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}

/// Whose call it is they know by its room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_calls_hears_of_the_answer_once_it_is_known_which_room_it_is_for() {
    let (news, mut told) = mpsc::channel(16);
    let house = guarded(|config| config.news = Some(news)).await;
    let mut next = async || timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
    let room = async |call: &str| {
        assert!(house.store.written(PATIENCE).await);
        let call = house.store.calls().get(call).await.unwrap().unwrap();
        assert!(call.answered_at.is_some());
        call.room
    };
    for (keys, picked) in [("567890#", ROOM), ("1#2#3#", "")] {
        let mut call = house.call("100").await;
        hears_a_tone(&mut call).await;
        let CallNews::Started(started) = next().await else {
            panic!("not begun")
        };
        assert!(call.dtmf(keys).await);
        let CallNews::Answered(answered) = next().await else {
            panic!("not answered, {keys}")
        };
        assert_eq!(started, answered);
        assert_eq!(room(answered.as_str()).await, picked);
        call.hangup().await;
        assert!(matches!(next().await, CallNews::Ended(_)), "{keys}");
        house.no_calls_left().await;
    }
    house.close().await;
}
