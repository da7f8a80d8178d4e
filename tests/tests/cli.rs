//! Verbs as typed: output, exit codes, and errors that say how to mend them.

use std::net::TcpListener;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use trunkline_tests::{run, trunkline};

const LIMIT: Duration = Duration::from_secs(60);
const KEYS: [&str; 4] = [
    "--api-key",
    "APItest",
    "--api-secret",
    "a secret for the tests only",
];

fn typed(args: &[&str]) -> Output {
    // A home without projects: those of who runs the tests would count otherwise.
    run(trunkline().args(args).env("HOME", "/nonexistent"), LIMIT)
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn with_keys<'a>(args: &[&'a str]) -> Vec<&'a str> {
    args.iter().copied().chain(KEYS).collect()
}

#[test]
fn a_token_made_here_verifies_here() {
    let create = ["token", "create", "--identity", "alice", "--room", "lobby"];
    let made = typed(&with_keys(&create));
    assert!(made.status.success(), "{}", err(&made));
    let token = out(&made).trim().to_owned();
    let verified = typed(&with_keys(&["token", "verify", &token, "--json"]));
    let verified: Value = serde_json::from_str(&out(&verified)).unwrap();
    assert_eq!(verified["valid"], true);
    assert_eq!(verified["key"], "APItest");
    assert_eq!(verified["claims"]["sub"], "alice");
    assert_eq!(verified["claims"]["video"]["room"], "lobby");
}

#[test]
fn a_token_is_read_without_a_key_and_judged() {
    let create = [
        "token",
        "create",
        "-i",
        "your-name",
        "--join",
        "--create",
        "-r",
        "lobby",
    ];
    let refused = typed(&with_keys(&create));
    assert_eq!(refused.status.code(), Some(64));
    assert!(err(&refused).contains("roomCreate"), "{}", err(&refused));
    let made = typed(&with_keys(
        &[&create[..], &["--wide", "--token-only"]].concat(),
    ));
    assert!(
        made.status.success() && err(&made).is_empty(),
        "{}",
        err(&made)
    );
    let token = out(&made).trim().to_owned();
    let shown = typed(&["token", "inspect", &token, "--json"]);
    let shown: Value = serde_json::from_str(&out(&shown)).unwrap();
    assert_eq!(shown["claims"]["sub"], "your-name");
    assert_eq!(shown["verified"], false);
    let warnings = shown["warnings"].to_string();
    for part in ["roomCreate", "placeholder"] {
        assert!(warnings.contains(part), "{part} is not in {warnings}");
    }
    let nonsense = typed(&["token", "inspect", "nonsense"]);
    assert_eq!(nonsense.status.code(), Some(77));
    assert!(!err(&nonsense).contains("nonsense"));
}

#[test]
fn a_token_that_is_not_valid_says_why_in_json_too() {
    let other = [
        "--api-key",
        "APItest",
        "--api-secret",
        "another secret altogether",
    ];
    let create = [
        "token",
        "create",
        "-i",
        "alice",
        "-r",
        "lobby",
        "--token-only",
    ];
    let made = typed(&[&create[..], &other[..]].concat());
    let token = out(&made).trim().to_owned();
    let verified = typed(&with_keys(&["token", "verify", &token, "--json"]));
    assert_eq!(verified.status.code(), Some(77));
    let verified: Value = serde_json::from_str(&out(&verified)).unwrap();
    assert_eq!(verified["valid"], false);
    assert_eq!(verified["code"], "auth.token.signature");
}

#[test]
fn a_forged_token_is_denied() {
    let made = typed(&with_keys(&[
        "token",
        "create",
        "--identity",
        "alice",
        "--room",
        "lobby",
    ]));
    let forged = format!("{}x", out(&made).trim());
    let verified = typed(&with_keys(&["token", "verify", &forged]));
    assert_eq!(verified.status.code(), Some(77));
    assert!(!err(&verified).contains(&forged), "a token is in the error");
}

#[test]
fn a_token_without_its_room_is_invalid() {
    let made = typed(&with_keys(&["token", "create", "--identity", "alice"]));
    assert_eq!(made.status.code(), Some(64), "{}", err(&made));
    assert!(err(&made).contains("room"), "{}", err(&made));
}

#[test]
fn without_keys_the_remedy_is_said() {
    let made = typed(&["token", "create", "--identity", "alice", "--room", "lobby"]);
    assert_eq!(made.status.code(), Some(77));
    assert!(err(&made).contains("LIVEKIT_API_KEY"), "{}", err(&made));
}

#[test]
fn the_shipped_configuration_is_sound_and_shows_no_secret() {
    let checked = typed(&["config", "check"]);
    assert!(checked.status.success(), "{}", err(&checked));
    let shown = typed(&with_keys(&["config", "show"]));
    assert!(shown.status.success(), "{}", err(&shown));
    assert!(out(&shown).contains("[redacted]"));
    assert!(!out(&shown).contains(KEYS[3]));
}

#[test]
fn a_broken_configuration_is_shown_with_line_caret_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("livekit.yaml"),
        "sip:\n  answer: on_agnet\n",
    )
    .unwrap();
    let path = dir.path().display().to_string();
    let checked = typed(&["config", "check", "--config", &path]);
    assert_eq!(checked.status.code(), Some(78));
    let said = err(&checked);
    assert!(said.contains("livekit.yaml:2:11"), "{said}");
    assert!(said.contains("  answer: on_agnet"), "{said}");
    assert!(said.contains("did you mean `on_agent`?"), "{said}");
}

#[test]
fn trunks_that_collide_are_a_problem_to_whoever_checks_the_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("livekit-sip-correct.yaml"),
        "trunks:\n  - {key: one, numbers: ['+15550100'], allowed_addresses: [192.0.2.1]}\n  \
         - {key: two, numbers: ['+15550100'], allowed_addresses: [192.0.2.2]}\n",
    )
    .unwrap();
    let path = dir.path().display().to_string();
    let checked = typed(&["config", "check", "--config", &path]);
    assert_eq!(checked.status.code(), Some(78), "{}", err(&checked));
    let said = out(&checked);
    assert!(
        said.contains("problem: ") && said.contains("`one` and `two`"),
        "{said}"
    );
    let checked = typed(&["config", "check", "--json", "--config", &path]);
    assert_eq!(checked.status.code(), Some(78));
    assert!(out(&checked).contains("\"ok\":false") || out(&checked).contains("\"ok\": false"));
}

#[test]
fn dev_keys_never_leave_loopback() {
    let mut command = trunkline();
    command
        .args(["serve", "--dev"])
        .env("TRUNKLINE_HTTP", "0.0.0.0:0");
    let served = run(&mut command, LIMIT);
    assert!(!served.status.success());
    assert!(
        err(&served).contains("this machine only"),
        "{}",
        err(&served)
    );
}

#[test]
fn a_busy_port_is_named_with_its_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let mut command = trunkline();
    command
        .args(["serve", "--dev"])
        .env("TRUNKLINE_HTTP", &addr);
    command.env("TRUNKLINE_STORE", dir.path().join("t.db"));
    for name in [
        "TRUNKLINE_RTC_UDP",
        "TRUNKLINE_SIP_UDP",
        "TRUNKLINE_SIP_TCP",
        "TRUNKLINE_CONSOLE",
    ] {
        command.env(name, "127.0.0.1:0");
    }
    let served = run(&mut command, LIMIT);
    assert_eq!(served.status.code(), Some(73), "{}", err(&served));
    let port = addr.rsplit(':').next().unwrap();
    let said = err(&served);
    assert!(said.contains(port) && said.contains("in use"), "{said}");
}

#[test]
fn missing_models_are_named_with_the_command_that_fetches_them() {
    let empty = tempfile::tempdir().unwrap();
    let mut command = trunkline();
    command
        .args(["demo", "--once", "--json"])
        .env("TRUNKLINE_MODELS", empty.path());
    command.arg("--data").arg(empty.path().join("data"));
    let shown = run(&mut command, LIMIT);
    assert_eq!(shown.status.code(), Some(66), "{}", err(&shown));
    assert!(
        err(&shown).contains("trunkline models install"),
        "{}",
        err(&shown)
    );
}

#[test]
fn a_server_that_is_away_is_unavailable() {
    let listed = typed(&with_keys(&["room", "list", "--url", "ws://127.0.0.1:1"]));
    assert_eq!(listed.status.code(), Some(69), "{}", err(&listed));
}
