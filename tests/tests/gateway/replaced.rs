//! Calls whose phone another one takes the place of (RFC 3891).

use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;

use super::dialling::{has, rings, until, until_one};
use super::house::{House, PATIENCE};
use super::phone::Phone;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_phone_takes_a_call_over_and_the_participant_stays() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, _events) = house.participant().await;
    let mut phone = Phone::call(&house, "4711").await;
    until_one(
        &house,
        "sip_4711",
        "active",
        has("sip.callStatus", "active"),
    )
    .await;
    let mut other = Phone::idle(&house, "4712").await;
    let wish = format!("{}Require: replaces\r\n", phone.replaces());
    let sdp = other.sdp("");
    assert_eq!(
        other.asks("INVITE", &wish, &sdp).await,
        200,
        "{}",
        other.accepted
    );
    let bye = timeout(PATIENCE, phone.is_asked("BYE")).await.unwrap();
    assert!(bye.contains("call completed elsewhere"), "{bye}");
    other.hears().await;
    until_one(
        &house,
        "sip_4711",
        "its number",
        has("sip.phoneNumber", "4712"),
    )
    .await;
    // The one that was has nothing to say any more, and is not taken over twice.
    assert_eq!(phone.offers("UPDATE", &sdp).await, 481);
    let mut third = Phone::idle(&house, "4713").await;
    assert_eq!(third.asks("INVITE", &wish, &sdp).await, 603);
    assert_eq!(other.offers("UPDATE", &sdp).await, 200);
    other.hangs_up().await;
    house.no_calls_left().await;
    let calls = house.store.calls().list(9).await.unwrap();
    assert_eq!(calls.len(), 1, "it was one call");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_take_a_call_over_leaves_it_as_it_is() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut phone = Phone::call(&house, "4711").await;
    let (wish, sdp) = (phone.replaces(), phone.sdp(""));
    let early = wish.replace("\r\n", ";early-only\r\n");
    let odd = sdp.replace("RTP/AVP 0 101", "RTP/AVP 18");
    for (wish, sdp, status) in [
        (wish.replace("from-tag=phone", "from-tag=x"), &sdp, 481),
        (early, &sdp, 486),
        (format!("{wish}{wish}"), &sdp, 400),
        (wish.clone(), &odd, 488),
    ] {
        let mut other = Phone::idle(&house, "4712").await;
        assert_eq!(other.asks("INVITE", &wish, sdp).await, status, "{wish}");
        let same = phone.sdp("");
        assert_eq!(phone.offers("UPDATE", &same).await, 200, "the call is up");
    }
    phone.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_rings_is_picked_up_by_another() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut callee = rings(&house).await;
    let mut other = Phone::idle(&house, "4712").await;
    let sdp = other.sdp("");
    let wish = callee.replaces();
    assert_eq!(
        other.asks("INVITE", &wish, &sdp).await,
        200,
        "{}",
        other.accepted
    );
    let cancel = callee.expects("CANCEL").await;
    callee.answer(&cancel, "200 OK", "", "").await;
    callee.says("487 Request Terminated", "", "").await;
    until(&house, "active", has("sip.callStatus", "active")).await;
    other.hears().await;
    other.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}
