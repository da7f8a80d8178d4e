//! SIPVicious, which scanners on the net are made of, against a gateway that knows nobody here.

use std::process::Command;
use std::time::Duration;

use trunkline_base::id::TrunkId;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_tests::{peer, run};

use super::house::House;

/// Without the trunk that names this machine, we are strangers to it.
async fn house(scanners: Option<Vec<String>>) -> House {
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        if let Some(scanners) = scanners {
            config.scanners = scanners;
        }
    })
    .await;
    for trunk in house.api.list_inbound_trunks().await.unwrap() {
        if trunk.name == "local" {
            let id = TrunkId::parse(trunk.sip_trunk_id).unwrap();
            house.api.delete_trunk(&id).await.unwrap();
        }
    }
    house.gateway.reload().await.unwrap();
    house
}

/// What a tool prints of what it found.
async fn scan(house: &House, tool: &str, args: &[&str]) -> Option<String> {
    let mut command = Command::new(peer(tool)?);
    command
        .args(["-p", &house.gateway.addr().port().to_string()])
        .args(args);
    let output = tokio::task::spawn_blocking(move || run(&mut command, Duration::from_secs(40)))
        .await
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).into_owned())
}

const MAP: &[&str] = &["127.0.0.1", "-m", "OPTIONS"];

/// The password is among the guesses: whoever is answered finds it.
const CRACK: &[&str] = &["-u", "alice", "-r", "1-5", "-m", "INVITE", "127.0.0.1"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipvicious_finds_nobody() {
    let house = house(None).await;
    let Some(said) = scan(&house, "svmap", MAP).await else {
        return house.close().await;
    };
    assert!(said.contains("found nothing"), "{said}");
    let said = scan(&house, "svcrack", CRACK).await.unwrap();
    assert!(!said.contains("| alice"), "{said}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipvicious_is_answered_where_nothing_is_said_of_scanners() {
    let house = house(Some(Vec::new())).await;
    if let Some(said) = scan(&house, "svmap", MAP).await {
        let at = house.gateway.addr().to_string();
        assert!(said.contains(&at), "{said}");
    }
    house.close().await;
}
