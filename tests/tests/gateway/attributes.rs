//! Calls of which there is more to say than a room takes.

use livekit_protocol as proto;
use trunkline_bridge::sip::AnswerPolicy;

use super::dialling::until_one;
use super::house::{House, ROOM};
use super::phone::Phone;

/// They got 503: the caller counts for more than what is said of the call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_with_more_attributes_than_a_room_takes_is_answered_with_fewer() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let direct = proto::SipDispatchRuleDirect {
        room_name: ROOM.to_owned(),
        pin: String::new(),
    };
    let rule = proto::sip_dispatch_rule::Rule::DispatchRuleDirect(direct);
    let attributes = [("large", "v".repeat(65_400)), ("small", "v".to_owned())];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
    let rule = proto::SipDispatchRuleInfo {
        name: "told of at length".to_owned(),
        numbers: vec!["100".to_owned()],
        rule: Some(proto::SipDispatchRule { rule: Some(rule) }),
        attributes: attributes.into_iter().collect(),
        ..Default::default()
    };
    house.api.create_dispatch_rule(rule).await.unwrap();
    house.gateway.reload().await.unwrap();
    let phone = Phone::call(&house, "4711").await;
    until_one(&house, "sip_4711", "the caller", |one| {
        let has = |name: &str| one.attributes.contains_key(name);
        has("sip.callID") && has("small") && !has("large")
    })
    .await;
    phone.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}
