//! Tokens of each side, verified by the other.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use serde_json::{Value, json};
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, KeyRing, ParticipantKind};
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_tests::{node, run};

use crate::{LIMIT, said, script};

const SECRET: &str = "a secret of more than thirty-two characters";
const KEYS: [&str; 4] = ["--api-key", "APIpeer", "--api-secret", SECRET];

fn keys() -> KeyRing {
    KeyRing::from(ApiKey::new("APIpeer", SECRET))
}

/// One token of ours for each role, as the peers read them.
fn ours() -> String {
    let auth = LiveKitAuthManager::new(keys());
    let line = |role: Role| {
        let identity = ParticipantIdentity::parse(format!("ours-{role}")).unwrap();
        let room = RoomName::parse("lobby").unwrap();
        let token = auth.mint(&TokenSpec::new(role, identity.clone()).in_room(room));
        let token = token.unwrap().expose().clone();
        json!({"token": token, "identity": identity.as_str(), "room": "lobby"}).to_string() + "\n"
    };
    Role::ALL.into_iter().map(line).collect()
}

/// Runs a script that reads `input`.
pub(crate) fn fed(command: &mut Command, input: &str) -> std::process::Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The claims of a token of theirs, or of ours, through our verifier.
fn verified(given: &Value) -> trunkline_base::token::Claims {
    let now = UnixTime::from_system(SystemTime::now());
    keys()
        .verify(given["token"].as_str().unwrap(), now)
        .unwrap()
}

#[test]
fn tokens_of_the_node_server_sdk_verify_here() {
    let Some(mut mint) = node() else { return };
    let output = run(mint.arg("mint").args(KEYS), LIMIT);
    let given: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let claims = verified(&given);
    let video = claims.video.clone().unwrap();
    assert_eq!((claims.identity(), claims.name.as_str()), ("anna", "Anna"));
    assert_eq!(
        (claims.metadata.as_str(), &*claims.attributes["a"]),
        ("m", "1")
    );
    assert_eq!(claims.kind, ParticipantKind::Agent);
    assert!(video.room_join && video.room == "lobby");
    assert!(!video.may_publish() && video.may_subscribe() && video.may_update_own_metadata());
    assert!(claims.sip.is_some_and(|sip| sip.admin && sip.call));
    let other = KeyRing::from(ApiKey::new("APIpeer", "another secret"));
    let now = UnixTime::from_system(SystemTime::now());
    let refused = other.verify(given["token"].as_str().unwrap(), now);
    assert!(refused.is_err(), "verified with another secret");
}

#[test]
fn tokens_of_the_python_server_sdk_verify_here() {
    let Some(mut mint) = script("livekit-api-python/every_method.py") else {
        return;
    };
    let output = run(mint.arg("--mint").args(KEYS), LIMIT);
    let given: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let claims = verified(&given);
    let video = claims.video.clone().unwrap();
    assert_eq!((claims.identity(), claims.name.as_str()), ("anna", "Anna"));
    assert!(video.room_join && video.room == "lobby" && !video.may_publish());
    assert!(claims.sip.is_some_and(|sip| sip.admin && sip.call));
    let config = claims.room_config.unwrap();
    assert_eq!(config["agents"][0]["agentName"], "helper-agent");
}

#[test]
fn tokens_of_ours_verify_with_the_node_server_sdk() {
    let Some(mut verify) = node() else { return };
    let output = fed(verify.arg("verify").args(KEYS), &ours());
    assert!(output.status.success(), "{}", said(&output));
    let all = format!("{} verified", Role::ALL.len());
    assert!(said(&output).contains(&all), "{}", said(&output));
}

#[test]
fn tokens_of_ours_verify_with_the_python_server_sdk() {
    let Some(mut verify) = script("livekit-api-python/every_method.py") else {
        return;
    };
    let output = fed(verify.arg("--verify").args(KEYS), &ours());
    assert!(output.status.success(), "{}", said(&output));
    let all = format!("{} verified", Role::ALL.len());
    assert!(said(&output).contains(&all), "{}", said(&output));
}
