//! Calls that the API asks for and that come to nothing: refused by the phone, by us, or given up.

use livekit_protocol as proto;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_store::EndedBy;

use super::callee::Callee;
use super::dialling::{dial, has, leaves, meta, order, recorded, until};
use super::house::{House, PATIENCE};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_with_its_status_to_whoever_waits_for_the_answer() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, mut events) = house.participant().await;
    let failed = ("503 Service Unavailable", "failed_precondition");
    for ((status, code), cause, word) in [
        (("486 Busy Here", "resource_exhausted"), 17, "busy"),
        (("404 Not Found", "not_found"), 1, "no_such_number"),
        (("603 Decline", "permission_denied"), 21, "rejected"),
        (failed, 38, "trunk_failed"),
        // What a gateway to another network means with it.
        (failed, 17, "busy"),
        (("302 Moved Temporarily", "not_found"), 23, "moved"),
    ] {
        let mut callee = Callee::new().await;
        let order = proto::CreateSipParticipantRequest {
            wait_until_answered: true,
            ..order(&callee)
        };
        let (refused, ()) = tokio::join!(dial(&house, order), async {
            callee.is_called().await;
            let reason = format!("Reason: SIP;cause=1\r\nReason: Q.850;cause={cause}\r\n");
            callee.says(status, &reason, "").await;
            callee.expects("ACK").await;
        });
        let (number, words) = status.split_once(' ').unwrap();
        let told = meta(&refused.unwrap_err());
        assert_eq!(told, (code.to_owned(), number.to_owned(), words.to_owned()));
        let gone = leaves(&mut events).await;
        assert_eq!(gone.attribute("sip.statusCode"), Some(number));
        assert_eq!(gone.attribute("sip.cause"), Some(&*cause.to_string()));
        house.no_calls_left().await;
        let call = recorded(&house, gone.attribute("sip.callID").unwrap()).await;
        assert_eq!(call.end_reason.as_deref(), Some(word), "{status}");
        assert_eq!(call.sip_status, number.parse().ok());
        assert_eq!(
            (call.q850, call.ended_by),
            (Some(cause), Some(EndedBy::Callee))
        );
    }
    house.close().await;
}

/// They came as 503, which is tried again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_participant_can_have_is_told_as_wrong_and_rings_nowhere() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let callee = Callee::new().await;
    let mut named = order(&callee);
    named.participant_name = "n".repeat(257);
    let mut described = order(&callee);
    described.participant_metadata = "m".repeat(524_289);
    // By itself it fits, and with what the gateway says of the call it does not.
    let mut marked = order(&callee);
    let value = "v".repeat(65_530);
    marked.participant_attributes.insert("k".to_owned(), value);
    let mut numbered = order(&callee);
    numbered.sip_number = "1".repeat(300);
    for order in [named, described, marked, numbered] {
        let error = dial(&house, order).await.unwrap_err();
        assert_eq!(meta(&error).0, "invalid_argument", "{error}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_dialled_rings_nowhere_and_an_emergency_always() {
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.dialling.allow = vec!["+1555".to_owned()];
        config.dialling.calls_per_trunk = 1;
    })
    .await;
    let mut callee = Callee::new().await;
    let to = |number: &str| proto::CreateSipParticipantRequest {
        sip_call_to: number.to_owned(),
        participant_identity: number.to_owned(),
        ..order(&callee)
    };
    let dear = dial(&house, to("+447700900000")).await.unwrap_err();
    assert_eq!(meta(&dear).0, "permission_denied");
    assert!(dear.to_string().contains("dialling.allow"), "{dear}");
    // The number that goes out is judged too.
    let mut hidden = to("+15550100");
    hidden.sip_request_uri = Some(proto::SipRequestDest {
        uri: Some(proto::sip_request_dest::Uri::Raw(format!(
            "sip:+447700900000@{}",
            callee.address()
        ))),
    });
    let hidden = dial(&house, hidden).await.unwrap_err();
    assert_eq!(meta(&hidden).0, "permission_denied");
    let (first, second, help) = (to("+15550100"), to("+15550101"), to("112"));
    dial(&house, first).await.unwrap();
    let full = dial(&house, second).await.unwrap_err();
    assert_eq!(meta(&full).0, "resource_exhausted");
    // Neither another host of the request's own nor the name of an emergency makes room.
    let mut elsewhere = to("+15550102");
    elsewhere.trunk.as_mut().unwrap().hostname = "other.example".to_owned();
    let mut disguised = to("112");
    disguised.sip_request_uri = Some(proto::SipRequestDest {
        uri: Some(proto::sip_request_dest::Uri::Raw(format!(
            "sip:+15550103@{}",
            callee.address()
        ))),
    });
    for order in [elsewhere, disguised] {
        let full = dial(&house, order).await.unwrap_err();
        assert_eq!(meta(&full).0, "resource_exhausted");
    }
    dial(&house, help).await.unwrap();
    assert!(callee.is_called().await.contains("sip:+15550100@"));
    // The first INVITE may be repeated meanwhile.
    while !callee.is_called().await.contains("sip:112@") {}
    assert!(house.store.written(PATIENCE).await);
    let calls = house.store.calls().list(50).await.unwrap();
    let reasons = calls.iter().filter_map(|call| call.end_reason.as_deref());
    let denied = reasons
        .filter(|reason| reason.starts_with("denied_"))
        .count();
    assert_eq!(denied, 5);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_and_whoever_asked_gone_are_no_calls() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    // A host that does not exist: nothing has rung, and the room stays empty.
    let mut lost = order(&Callee::new().await);
    lost.trunk.as_mut().unwrap().hostname = "nobody.invalid".to_owned();
    let refused = dial(&house, lost).await.unwrap_err();
    assert_eq!(meta(&refused).0, "failed_precondition");
    assert!(refused.to_string().contains("nobody.invalid"), "{refused}");
    // TCP that nobody takes is known at once, not after 32 seconds.
    let mut shut = order(&Callee::new().await);
    shut.wait_until_answered = true;
    shut.trunk.as_mut().unwrap().transport = i32::from(proto::SipTransport::Tcp);
    let refused = dial(&house, shut).await.unwrap_err();
    assert_eq!(meta(&refused).0, "failed_precondition");
    // Whoever waited for the answer gives up.
    let mut callee = Callee::new().await;
    let mut order = order(&callee);
    order.wait_until_answered = true;
    tokio::select! {
        _ = dial(&house, order) => panic!("answered"),
        () = async {
            callee.is_called().await;
            callee.says("180 Ringing", "", "").await;
            until(&house, "ringing", has("sip.callStatus", "ringing")).await;
        } => {}
    }
    callee.expects("CANCEL").await;
    house.close().await;
}
