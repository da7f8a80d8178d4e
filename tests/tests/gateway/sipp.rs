//! sipp, somebody else's SIP, against the gateway.

use std::process::{Command, Output};
use std::time::Duration;

use livekit_protocol as proto;
use trunkline_bridge::sip::{AnswerPolicy, Referrer};
use trunkline_client::api::{ApiError, table};
use trunkline_client::room::RoomEvent;
use trunkline_sip::routing::mark;
use trunkline_store::Direction;
use trunkline_tests::{peer, root, run};

use super::house::{House, ROOM, next};

/// Runs one scenario to its end.
async fn sipp(house: &House, scenario: &str, number: &str, extra: &[&str]) -> Option<Output> {
    let program = peer("sipp")?;
    let file = root().join("peers/sipp").join(format!("{scenario}.xml"));
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(scratch.path())
        .arg("-sf")
        .arg(file)
        .args(["-s", number, "-i", "127.0.0.1", "-mi", "127.0.0.1"])
        .args(["-nostdin", "-timeout", "40", "-timeout_error"])
        .args(extra)
        .arg(house.gateway.addr().to_string());
    let limit = Duration::from_secs(50);
    let output = tokio::task::spawn_blocking(move || run(&mut command, limit))
        .await
        .unwrap();
    drop(scratch);
    Some(output)
}

async fn passes(house: &House, scenario: &str, number: &str, extra: &[&str]) {
    let Some(output) = sipp(house, scenario, number, extra).await else {
        return;
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{scenario}: {}\n{told}",
        output.status
    );
    house.no_calls_left().await;
}

const ONE: &[&str] = &["-m", "1"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_calls_are_taken_held_and_ended() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    passes(&house, "ok", "100", ONE).await;
    passes(&house, "ok", "100", &["-m", "1", "-t", "t1"]).await;
    passes(&house, "retransmission", "100", ONE).await;
    passes(&house, "cancel-crossing", "100", ONE).await;
    passes(&house, "hold", "100", ONE).await;
    passes(&house, "sections", "100", ONE).await;
    passes(&house, "malformed", "100", ONE).await;
    passes(&house, "timer", "100", ONE).await;
    passes(&house, "reliable", "100", ONE).await;
    passes(&house, "replaces", "100", ONE).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_is_refused_with_a_reason() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    passes(&house, "unknown-number", "999", ONE).await;
    passes(&house, "blocked-source", "300", ONE).await;
    passes(&house, "only-g729", "100", ONE).await;
    // On its own sipp signs its target's address only, which is not the Request-URI.
    let uri = format!("200@{}", house.gateway.addr());
    let login = |password| {
        [
            "-m",
            "1",
            "-au",
            "alice",
            "-ap",
            password,
            "-auth_uri",
            &uri,
        ]
    };
    passes(&house, "wrong-digest", "200", &login("nope")).await;
    passes(&house, "digest", "200", &login("wonderland")).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_may_change_its_mind() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    passes(&house, "cancel-before-ringing", "100", ONE).await;
    passes(&house, "cancel-after-ringing", "100", ONE).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_keys_reach_the_room() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, mut events) = house.participant().await;
    let keys = async {
        let mut keys = String::new();
        while keys.len() < 5 {
            keys += &next(&mut events, "a key", |event| match event {
                RoomEvent::Dtmf { digit, .. } => Some(digit),
                _ => None,
            })
            .await;
        }
        keys
    };
    if peer("sipp").is_some() {
        let ((), keys) = tokio::join!(passes(&house, "dtmf", "100", ONE), keys);
        assert_eq!(keys, "1234#");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_sipp_calls_at_five_a_second() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    passes(&house, "ok", "100", &["-m", "50", "-r", "5"]).await;
    house.close().await;
}

/// Starts a scenario that waits to be called; its port, and its end.
fn listens(
    scenario: &str,
    tune: impl FnOnce(String) -> String,
) -> Option<(u16, tokio::task::JoinHandle<Output>)> {
    let program = peer("sipp")?;
    let port = {
        let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let file = root().join("peers/sipp").join(format!("{scenario}.xml"));
    let text = std::fs::read_to_string(file).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("scenario.xml");
    std::fs::write(&file, tune(text)).unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(scratch.path())
        .arg("-sf")
        .arg(file)
        .args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", "1"])
        .args(["-p", &port.to_string()])
        .args(["-nostdin", "-timeout", "40", "-timeout_error"]);
    let limit = Duration::from_secs(50);
    let called = tokio::task::spawn_blocking(move || {
        let output = run(&mut command, limit);
        drop(scratch);
        output
    });
    Some((port, called))
}

/// One sipp passes its call on to another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_passes_its_call_on_where_it_may() {
    let Some((port, called)) = listens("called-answers", |text| text) else {
        return;
    };
    let house = House::open(AnswerPolicy::OnRoom).await;
    passes(&house, "refer-refused", "100", ONE).await;
    let over = proto::SipOutboundTrunkInfo {
        metadata: mark::mark("out", ""),
        address: format!("127.0.0.1:{port}"),
        numbers: vec!["100".to_owned()],
        ..Default::default()
    };
    house.gateway.tell_referrers(vec![Referrer {
        direction: Direction::Inbound,
        key: "local".to_owned(),
        over,
    }]);
    passes(&house, "refer", "100", ONE).await;
    let output = called.await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{told}", output.status);
    house.close().await;
}

/// Has the gateway call a scenario, and waits for both ends of it; what the API says of the call.
async fn is_called(
    house: &House,
    scenario: &'static str,
    status: &str,
    tune: impl FnOnce(&mut proto::CreateSipParticipantRequest),
) -> Option<Result<proto::SipParticipantInfo, ApiError>> {
    let (port, called) = listens(scenario, |text| text.replace("486 Busy Here", status))?;
    let mut order = proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: format!("127.0.0.1:{port}"),
            auth_username: "alice".to_owned(),
            auth_password: "wonderland".to_owned(),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "+15550100".to_owned(),
        room_name: ROOM.to_owned(),
        participant_identity: scenario.to_owned(),
        wait_until_answered: true,
        ..Default::default()
    };
    tune(&mut order);
    // The INVITE is repeated until the scenario listens.
    let answer = house.api.call(&table::CREATE_SIP_PARTICIPANT, order).await;
    let output = called.await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{scenario}: {}\n{told}\n{answer:?}",
        output.status
    );
    house.no_calls_left().await;
    Some(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_is_called_and_answers() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    for scenario in ["called-answers", "called-early", "called-challenges"] {
        let answer = is_called(&house, scenario, "", |_| {}).await;
        if let Some(answer) = answer {
            assert_eq!(answer.unwrap().participant_identity, scenario);
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_is_called_and_refuses_or_rings_on() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    for (status, code) in [
        ("486 Busy Here", "resource_exhausted"),
        ("480 Temporarily Unavailable", "resource_exhausted"),
        ("404 Not Found", "not_found"),
        ("603 Decline", "permission_denied"),
        ("503 Service Unavailable", "failed_precondition"),
        ("302 Moved Temporarily", "not_found"),
    ] {
        let Some(answer) = is_called(&house, "called-refuses", status, |_| {}).await else {
            return;
        };
        let error = answer.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(refusal.code, code, "{status}");
        let (number, _) = status.split_once(' ').unwrap();
        assert_eq!(refusal.meta["sip_status_code"], number);
    }
    let brief = |order: &mut proto::CreateSipParticipantRequest| {
        order.ringing_timeout = Some(pbjson_types::Duration {
            seconds: 2,
            nanos: 0,
        });
    };
    let answer = is_called(&house, "called-rings", "", brief).await;
    let error = answer.unwrap().unwrap_err();
    assert_eq!(error.refusal().unwrap().code, "deadline_exceeded");
    house.close().await;
}
