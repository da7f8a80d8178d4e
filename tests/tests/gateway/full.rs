//! A machine without room says so, and those who are in notice nothing.

use std::time::Duration;

use livekit_protocol as proto;
use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, LoadLimits};

use super::house::{House, PATIENCE, invite};

/// Any packet at all is too late here, so that the first call makes the machine full.
fn soon_full() -> LoadLimits {
    LoadLimits {
        late: Some(-1.0),
        retry_after: Duration::from_secs(7),
        ..LoadLimits::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_machine_refuses_new_callers_and_keeps_those_it_has() {
    let house = House::with(AnswerPolicy::OnRoom, |config| config.limits = soon_full()).await;
    house.api.create_inbound_trunk(help()).await.unwrap();
    house.gateway.reload().await.unwrap();
    let (_room, _events) = house.participant().await;
    let mut inside = house.call("100").await;
    let mut strain = house.gateway.watch_strain();
    let full = strain.wait_for(Option::is_some);
    timeout(PATIENCE, full).await.unwrap().unwrap();

    let to = house.gateway.addr();
    let refused = house.exchange(&invite(to, "100", "full", "")).await;
    let last = refused.last().unwrap();
    assert!(last.starts_with("SIP/2.0 503 "), "{last}");
    assert!(last.contains("\r\nRetry-After: 7\r\n"), "{last}");
    // Whoever asks first need not try.
    let options = options(&house).await;
    assert!(options.starts_with("SIP/2.0 503 "), "{options}");
    assert!(options.contains("\r\nRetry-After: 7\r\n"), "{options}");
    // Who needs help is let in, and rings.
    let helped = house.exchange(&invite(to, "112", "help", "")).await;
    assert!(
        helped.iter().all(|one| !one.starts_with("SIP/2.0 5")),
        "{helped:?}"
    );
    // And the call that was there goes on.
    for _ in 0..50 {
        assert!(timeout(PATIENCE, inside.recv()).await.unwrap().is_some());
    }
    inside.hangup().await;
    house.close().await;
}

/// OPTIONS, asked until the second is over in which the endpoint hears that it is full.
async fn options(house: &House) -> String {
    let to = house.gateway.addr();
    let ask = |n: u32| {
        let invite = invite(to, "100", &format!("options{n}"), "");
        let (head, _) = invite.split_once("Content-Type").unwrap();
        format!(
            "{}Content-Length: 0\r\n\r\n",
            head.replace("INVITE", "OPTIONS")
        )
    };
    let asked = async {
        for n in 0.. {
            let answers = house.exchange(&ask(n)).await;
            if let Some(answer) = answers.last().filter(|one| one.starts_with("SIP/2.0 503")) {
                return answer.clone();
            }
        }
        String::new()
    };
    timeout(PATIENCE, asked).await.unwrap()
}

/// A trunk for the number that is called for help everywhere.
fn help() -> proto::SipInboundTrunkInfo {
    proto::SipInboundTrunkInfo {
        name: "help".to_owned(),
        numbers: vec!["112".to_owned()],
        allowed_addresses: vec!["127.0.0.0/8".to_owned()],
        ..Default::default()
    }
}
