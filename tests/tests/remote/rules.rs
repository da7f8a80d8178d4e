//! Rules that change at the server rule the next call.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use trunkline_base::id::RuleId;
use trunkline_bridge::sip::CallError;
use trunkline_client::api::LiveKitApiClient;
use trunkline_tests::{Daemon, Setup, livekit_yaml};

use super::house::{House, call, no_rules_at_once};

fn trunk(number: &str) -> proto::SipInboundTrunkInfo {
    proto::SipInboundTrunkInfo {
        numbers: vec![number.to_owned()],
        allowed_addresses: vec!["127.0.0.0/8".to_owned()],
        ..Default::default()
    }
}

fn rule(trunk: &proto::SipInboundTrunkInfo) -> proto::SipDispatchRuleInfo {
    let kind = proto::SipDispatchRuleIndividual {
        room_prefix: "desk".to_owned(),
        ..Default::default()
    };
    let kind = proto::sip_dispatch_rule::Rule::DispatchRuleIndividual(kind);
    proto::SipDispatchRuleInfo {
        trunk_ids: vec![trunk.sip_trunk_id.clone()],
        rule: Some(proto::SipDispatchRule { rule: Some(kind) }),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_made_by_the_api_rules_at_once_and_a_deleted_one_no_more() {
    let daemon = Daemon::start(&Setup {
        without_agent: true,
        files: vec![no_rules_at_once()],
        ..Setup::default()
    });
    let keys = trunkline_base::token::ApiKey::new("devkey", "secret");
    let api = LiveKitApiClient::new(&daemon.url(), keys).unwrap();
    assert!(matches!(
        call(&daemon, "100").await,
        Err(CallError::Refused(_))
    ));
    let trunk = api.create_inbound_trunk(trunk("100")).await.unwrap();
    let made = api.create_dispatch_rule(rule(&trunk)).await.unwrap();
    let began = Instant::now();
    let answered = call(&daemon, "100").await.unwrap();
    println!("answered {:?} after the rule was made", began.elapsed());
    answered.hangup().await;
    let id = RuleId::parse(made.sip_dispatch_rule_id).unwrap();
    api.delete_dispatch_rule(&id).await.unwrap();
    let began = Instant::now();
    assert!(matches!(
        call(&daemon, "100").await,
        Err(CallError::Refused(_))
    ));
    println!("refused {:?} after the rule was deleted", began.elapsed());
}

/// A remote server tells no changes: it is asked again before a caller is refused, and before one
/// is let in by what was read a while ago. A deleted rule ruled on for half a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_made_at_a_remote_server_rules_the_next_call_and_a_deleted_one_soon_none() {
    let house = House::open();
    let gateway = Daemon::start(&house.setup(vec![
        livekit_yaml(&[("server: embedded", "server: remote")]),
        no_rules_at_once(),
    ]));
    let api = LiveKitApiClient::new(&house.url(), house.ring.clone()).unwrap();
    assert!(matches!(
        call(&gateway, "100").await,
        Err(CallError::Refused(_))
    ));
    let trunk = api.create_inbound_trunk(trunk("100")).await.unwrap();
    let made = api.create_dispatch_rule(rule(&trunk)).await.unwrap();
    let began = Instant::now();
    let answered = call(&gateway, "100").await.unwrap();
    println!("answered {:?} after the rule was made", began.elapsed());
    answered.hangup().await;
    let id = RuleId::parse(made.sip_dispatch_rule_id).unwrap();
    api.delete_dispatch_rule(&id).await.unwrap();
    let began = Instant::now();
    while let Ok(answered) = call(&gateway, "100").await {
        answered.hangup().await;
        assert!(began.elapsed() < POLL / 2, "the deleted rule rules on");
    }
    println!("refused {:?} after the rule was deleted", began.elapsed());
}

/// How often the gateway reads the server's rules without being asked.
const POLL: Duration = Duration::from_secs(30);
