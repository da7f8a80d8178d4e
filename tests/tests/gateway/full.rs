//! A machine without room says so, and those who are in notice nothing.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, CallError, Caller, CallerOptions, LoadLimits};

use super::house::{House, PATIENCE, found, invite};

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

/// Hundreds of calls came in a second, three seconds before anything said that the machine was full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_more_calls_at_once_than_are_set_up_the_rest_may_come_again_and_those_inside_go_on() {
    let limits = LoadLimits {
        setups: NonZeroUsize::new(2),
        retry_after: Duration::from_secs(7),
        ..LoadLimits::default()
    };
    let house = House::with(AnswerPolicy::OnRoom, |config| config.limits = limits).await;
    house.api.create_inbound_trunk(help()).await.unwrap();
    house.gateway.reload().await.unwrap();
    let (_room, _events) = house.participant().await;
    let mut inside = house.call("100").await;

    let answers = burst(&house).await;
    let (helped, rest): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|(call, _)| call.starts_with("help"));
    let (asked, rest): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|(call, _)| call.starts_with("options"));
    let (taken, refused): (Vec<_>, Vec<_>) = rest
        .into_iter()
        .partition(|(_, answer)| answer.starts_with("SIP/2.0 200 "));
    assert!(taken.len() >= 2 && !refused.is_empty(), "{}", taken.len());
    for (_, answer) in &refused {
        assert!(answer.starts_with("SIP/2.0 503 "), "{answer}");
        assert!(answer.contains("\r\nRetry-After: 7\r\n"), "{answer}");
    }
    // It is over in a moment, and who needs help does not wait for that.
    for (_, answer) in helped.iter().chain(&asked) {
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
    assert_eq!(house.gateway.strain(), None);
    // They are one row, and no calls.
    let noted = async |store: &trunkline_store::Store| {
        let rows = store.refusals().list(100).await.unwrap();
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|row| row.reason == "setups")
            .collect();
        (!rows.is_empty()).then_some(rows)
    };
    assert_eq!(found(&house.store, noted).await.len(), 1);

    for _ in 0..50 {
        assert!(timeout(PATIENCE, inside.recv()).await.unwrap().is_some());
    }
    inside.hangup().await;
    let again = async {
        loop {
            let options = CallerOptions::new(house.target("100"), "4711");
            match Caller::call(options).await {
                Err(CallError::Refused(503)) => {}
                other => return other.unwrap(),
            }
        }
    };
    let mut again = timeout(PATIENCE, again).await.unwrap();
    assert!(timeout(PATIENCE, again.recv()).await.unwrap().is_some());
    again.hangup().await;
    house.close().await;
}

/// Before anybody could see what a call takes, all who came were let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_all_at_once_are_no_more_than_may_be_tried() {
    let limits = LoadLimits {
        busy: Some(0.0),
        ..LoadLimits::default()
    };
    let house = House::with(AnswerPolicy::OnRoom, |config| config.limits = limits).await;
    house.api.create_inbound_trunk(help()).await.unwrap();
    house.gateway.reload().await.unwrap();
    let answers = burst(&house).await;
    let is_taken = |(call, answer): &(&String, &String)| {
        call.starts_with("call") && answer.starts_with("SIP/2.0 200 ")
    };
    let taken = answers.iter().filter(is_taken).count();
    assert!((1..=TRIED).contains(&taken), "{taken} are in");
    let noted = async |store: &trunkline_store::Store| {
        let rows = store.refusals().list(100).await.unwrap();
        rows.iter()
            .any(|row| row.reason == "foreseen")
            .then_some(())
    };
    found(&house.store, noted).await;
    house.close().await;
}

/// Calls that are let in to see what one takes, whatever the limit.
const TRIED: usize = 10;

/// Sources inside a trunk's addresses that confirmed nothing held a room for each INVITE, and nobody else
/// got in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_that_never_confirm_hold_few_calls_and_a_quiet_one_gets_in_beside_them() {
    let limits = LoadLimits {
        setups: NonZeroUsize::new(8),
        ..LoadLimits::default()
    };
    let house = House::with(AnswerPolicy::OnRoom, |config| config.limits = limits).await;
    let (_room, _events) = house.participant().await;
    let mut loud = Vec::new();
    for number in 0..LOUD {
        let from = format!("127.0.1.{}:0", number + 1);
        loud.push(UdpSocket::bind(from).await.unwrap());
    }
    let to = house.gateway.addr();
    let (mut taken, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        for (number, socket) in loud.iter().enumerate() {
            let port = socket.local_addr().unwrap().port().to_string();
            let one = invite(to, "100", &format!("loud{round}-{number}"), "");
            let one = one.replace("LOCALPORT", &port);
            socket.send_to(one.as_bytes(), to).await.unwrap();
        }
        for (number, socket) in loud.iter().enumerate() {
            let answer = last_of(socket, &format!("loud{round}-{number}@")).await;
            taken += usize::from(answer.starts_with("SIP/2.0 200 "));
            refused += usize::from(answer.starts_with("SIP/2.0 503 "));
        }
    }
    assert_eq!(taken + refused, LOUD * ROUNDS);
    assert!((1..=16 + 8).contains(&taken), "{taken} are held");

    let mut quiet = house.call("100").await;
    assert!(timeout(PATIENCE, quiet.recv()).await.unwrap().is_some());
    let noted = async |store: &trunkline_store::Store| {
        let rows = store.refusals().list(100).await.unwrap();
        rows.iter().any(|row| row.reason == "share").then_some(())
    };
    found(&house.store, noted).await;
    quiet.hangup().await;
    house.close().await;
}

/// The final answer to the call of that id; other calls' answers are repeated until their ACK.
async fn last_of(socket: &UdpSocket, call: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let heard = timeout(PATIENCE, socket.recv(&mut buffer)).await;
        let answer = String::from_utf8_lossy(&buffer[..heard.unwrap().unwrap()]).into_owned();
        if answer.contains(call) && !answer.starts_with("SIP/2.0 1") {
            return answer;
        }
    }
}

/// Sources that flood: with those that come anew and get in beside sixteen, there is room for one more.
const LOUD: usize = 20;

/// INVITEs of each.
const ROUNDS: usize = 4;

/// INVITEs in one go, and behind them OPTIONS and a call for help: the first final answer to each, by
/// its Call-ID.
async fn burst(house: &House) -> BTreeMap<String, String> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (to, port) = (house.gateway.addr(), socket.local_addr().unwrap().port());
    let calls = (0..CALLS).map(|n| invite(to, "100", &format!("call{n}"), ""));
    let help = invite(to, "112", "help", "");
    let all = calls.chain([ask(house, "options"), help]);
    for message in all {
        let message = message.replace("LOCALPORT", &port.to_string());
        socket.send_to(message.as_bytes(), to).await.unwrap();
    }
    let mut answers = BTreeMap::new();
    let mut buffer = [0; 4096];
    while answers.len() < CALLS + 2 {
        let heard = timeout(PATIENCE, socket.recv(&mut buffer)).await;
        let answer = String::from_utf8_lossy(&buffer[..heard.unwrap().unwrap()]).into_owned();
        let call = answer
            .lines()
            .find_map(|line| line.strip_prefix("Call-ID: "));
        let call = call.unwrap_or_default().to_owned();
        if !answer.starts_with("SIP/2.0 1") && answer.starts_with("SIP/2.0 ") {
            answers.entry(call).or_insert(answer);
        }
    }
    answers
}

/// More than two, and fewer than a source may send in one go.
const CALLS: usize = 20;

/// OPTIONS, asked until the second is over in which the endpoint hears that it is full.
async fn options(house: &House) -> String {
    let asked = async {
        for n in 0_u32.. {
            let answers = house.exchange(&ask(house, &format!("options{n}"))).await;
            if let Some(answer) = answers.last().filter(|one| one.starts_with("SIP/2.0 503")) {
                return answer.clone();
            }
        }
        String::new()
    };
    timeout(PATIENCE, asked).await.unwrap()
}

fn ask(house: &House, branch: &str) -> String {
    let invite = invite(house.gateway.addr(), "100", branch, "");
    let (head, _) = invite.split_once("Content-Type").unwrap();
    format!(
        "{}Content-Length: 0\r\n\r\n",
        head.replace("INVITE", "OPTIONS")
    )
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
