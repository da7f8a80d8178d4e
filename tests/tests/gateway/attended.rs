//! `TransferSIPParticipant` to another participant on the phone: the one phone is sent to take the
//! gateway's place with the other, and both calls here are over once they talk (RFC 5589, RFC 3891).

use livekit_protocol as proto;
use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_sip::dialog::Replaces;

use super::callee::Callee;
use super::dialling::{dial, has, order, recorded, until, until_one};
use super::house::{House, PATIENCE, ROOM, found};
use super::phone::Phone;
use super::transfers::{to, told, transfer};

/// The participant that the caller is.
pub(crate) const CALLER: &str = "sip_4711";

/// Whoever called is to be connected with whoever was called to ask.
pub(crate) fn connect() -> proto::TransferSipParticipantRequest {
    proto::TransferSipParticipantRequest {
        participant_identity: CALLER.to_owned(),
        ..to("participant:callee")
    }
}

/// A phone that was called to ask; what its 200 says beside the usual.
async fn asked(house: &House, identity: &str, extra: &str) -> (Callee, String) {
    let mut callee = Callee::new().await;
    let order = proto::CreateSipParticipantRequest {
        participant_identity: identity.to_owned(),
        ..order(&callee)
    };
    let placed = dial(house, order).await.unwrap();
    callee.is_called().await;
    callee.says("200 OK", extra, &callee.sdp()).await;
    callee.expects("ACK").await;
    until_one(house, identity, "active", has("sip.callStatus", "active")).await;
    (callee, placed.sip_call_id)
}

/// The header that sends a phone to that one.
fn refer_to(callee: &Callee) -> String {
    let replaces = callee.replaces();
    let replaces = replaces.trim_start_matches("Replaces:");
    // As the phone knows the call, not as the gateway does.
    let theirs = Replaces::of(&Replaces::parse(replaces).unwrap().key());
    let (address, replaces) = (callee.address(), theirs.escaped());
    format!("Refer-To: <sip:callee@{address}?{replaces}>")
}

/// How both calls ended, the caller's first.
pub(crate) async fn ends(house: &House) -> Vec<String> {
    found(&house.store, async |store| {
        let mut calls = store.calls().list(9).await.unwrap();
        calls.sort_by_key(|call| call.trunk_id.is_empty());
        let ends = calls.into_iter().map(|call| call.end_reason);
        ends.collect::<Option<Vec<String>>>()
            .filter(|ends| ends.len() == 2)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_phones_of_a_room_are_connected_and_both_calls_are_over() {
    for hangs_up_first in [true, false] {
        let house = House::open(AnswerPolicy::OnRoom).await;
        let mut caller = Phone::call(&house, "4711").await;
        let (mut callee, _) = asked(&house, "callee", "Supported: replaces\r\n").await;
        let (done, ()) = tokio::join!(transfer(&house, connect()), async {
            let refer = timeout(PATIENCE, caller.is_asked("REFER")).await.unwrap();
            let sent = refer_to(&callee);
            assert!(refer.lines().any(|line| line == sent), "{sent}\n{refer}");
            assert!(refer.contains("\r\nReferred-By: "), "{refer}");
            caller.tells("active;expires=60", "100 Trying").await;
            // It does, as a rule, once it has answered the other.
            if hangs_up_first {
                callee.hangs_up("").await;
            }
            caller.tells("terminated;reason=noresource", "200 OK").await;
            if !hangs_up_first {
                let bye = callee.expects("BYE").await;
                callee.answer(&bye, "200 OK", "", "").await;
            }
            timeout(PATIENCE, caller.is_asked("BYE")).await.unwrap();
        });
        done.unwrap();
        house.no_calls_left().await;
        assert_eq!(ends(&house).await, ["transferred", "transferred"]);
        house.close().await;
    }
}

/// Whoever was asked is another gateway of ours, which takes the caller in by what the REFER says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_goes_where_it_is_sent_is_in_the_place_of_the_gateway() {
    let ours = House::open(AnswerPolicy::OnRoom).await;
    let theirs = House::open(AnswerPolicy::OnRoom).await;
    let mut caller = Phone::call(&ours, "4711").await;
    let order = proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: theirs.gateway.addr().to_string(),
            transport: i32::from(proto::SipTransport::Udp),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "100".to_owned(),
        room_name: ROOM.to_owned(),
        participant_identity: "callee".to_owned(),
        wait_until_answered: true,
        ..Default::default()
    };
    dial(&ours, order).await.unwrap();
    let mut sent = Phone::idle(&theirs, "4711").await;
    let (done, ()) = tokio::join!(transfer(&ours, connect()), async {
        let refer = timeout(PATIENCE, caller.is_asked("REFER")).await.unwrap();
        caller.tells("active;expires=60", "100 Trying").await;
        let sdp = sent.sdp("");
        let status = sent.asks("INVITE", &replaces(&refer), &sdp).await;
        assert_eq!(status, 200, "{refer}\n{}", sent.accepted);
        caller.tells("terminated;reason=noresource", "200 OK").await;
        timeout(PATIENCE, caller.is_asked("BYE")).await.unwrap();
    });
    done.unwrap();
    ours.no_calls_left().await;
    assert_eq!(ends(&ours).await, ["transferred", "transferred"]);
    assert_eq!(theirs.gateway.calls(), 1, "it is one call there");
    sent.hears().await;
    sent.hangs_up().await;
    theirs.no_calls_left().await;
    theirs.close().await;
    ours.close().await;
}

/// What a phone that is sent somewhere says there.
fn replaces(refer: &str) -> String {
    let line = refer.lines().find(|line| line.starts_with("Refer-To:"));
    let (_, escaped) = line.unwrap().split_once("?Replaces=").unwrap();
    let mut text = escaped.trim_end_matches('>').to_owned();
    for sign in ['@', ';', '=', '-', '.', '_', ':'] {
        text = text.replace(&format!("%{:02X}", u32::from(sign)), &sign.to_string());
    }
    format!("Replaces: {text}\r\nRequire: replaces\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_they_do_not_come_to_talk_both_calls_go_on() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut caller = Phone::call(&house, "4711").await;
    let (mut callee, _) = asked(&house, "callee", "").await;
    for status in ["603 Decline", "486 Busy Here"] {
        let (failed, ()) = tokio::join!(transfer(&house, connect()), async {
            timeout(PATIENCE, caller.is_asked("REFER")).await.unwrap();
            // Neither is in another transfer meanwhile.
            let other = transfer(&house, to("tel:+15550166")).await;
            assert_eq!(told(other).0, "failed_precondition");
            caller.tells("terminated", status).await;
        });
        assert_eq!(told(failed).1, status.split(' ').next().unwrap());
    }
    let mut short = connect();
    short.ringing_timeout = Some(pbjson_types::Duration {
        seconds: 1,
        nanos: 0,
    });
    let (silent, refer) = tokio::join!(
        transfer(&house, short),
        timeout(PATIENCE, caller.is_asked("REFER"))
    );
    refer.unwrap();
    assert_eq!(told(silent).1, "408");
    assert!(callee.is_left_alone().await);
    let same = caller.sdp("");
    assert_eq!(caller.offers("INVITE", &same).await, 200, "it is up");
    until(&house, "still active", has("sip.callStatus", "active")).await;
    // Whoever was asked hangs up, and the caller finds nobody there.
    let (failed, ()) = tokio::join!(transfer(&house, connect()), async {
        timeout(PATIENCE, caller.is_asked("REFER")).await.unwrap();
        callee.hangs_up("").await;
        let gone = "481 Call/Transaction Does Not Exist";
        caller.tells("terminated", gone).await;
    });
    assert_eq!(told(failed).1, "481");
    assert_eq!(caller.offers("INVITE", &same).await, 200, "it is up");
    caller.hangs_up().await;
    house.no_calls_left().await;
    assert_eq!(ends(&house).await, ["caller_hung_up", "callee_hung_up"]);
    house.close().await;
}

/// Many phones go once they have agreed, and tell nothing more: the other may still wait for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_phone_has_left_for_is_not_hung_up_on_before_it_comes() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (mut first, first_call) = asked(&house, "first", "").await;
    let (mut second, second_call) = asked(&house, "callee", "").await;
    let wanted = proto::TransferSipParticipantRequest {
        participant_identity: "first".to_owned(),
        ..connect()
    };
    let (done, ()) = tokio::join!(transfer(&house, wanted), async {
        let refer = first.expects("REFER").await;
        assert!(refer.contains(&refer_to(&second)), "{refer}");
        first.answer(&refer, "202 Accepted", "", "").await;
        first.hangs_up("").await;
    });
    done.unwrap();
    assert!(second.is_left_alone().await, "it is hung up on");
    second.hangs_up("").await;
    for call in [first_call, second_call] {
        let end = recorded(&house, &call).await.end_reason;
        assert_eq!(end.as_deref(), Some("transferred"));
    }
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_connected_is_said_before_any_phone_hears_of_it() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, _events) = house.participant().await;
    let caller = Phone::call(&house, "4711").await;
    let refused = async |target: &str, code: &str, words: &str| {
        let mut wanted = connect();
        wanted.transfer_to = format!("participant:{target}");
        let error = transfer(&house, wanted).await.unwrap_err();
        assert!(error.to_string().contains(words), "{target}: {error}");
        assert_eq!(told(Err(error)).0, code, "{target}");
    };
    refused("", "invalid_argument", "names nobody").await;
    refused(CALLER, "invalid_argument", "themselves").await;
    for target in ["nobody", "agent"] {
        refused(target, "not_found", "on the phone in this room").await;
    }
    let mut ringing = Callee::new().await;
    let order = order(&ringing);
    dial(&house, order).await.unwrap();
    ringing.is_called().await;
    ringing.says("180 Ringing", "", "").await;
    refused("callee", "failed_precondition", "not answered yet").await;
    let (_old, _) = asked(&house, "old", "Supported: timer\r\n").await;
    refused("old", "failed_precondition", "no `replaces`").await;
    caller.hangs_up().await;
    house.close().await;
}
