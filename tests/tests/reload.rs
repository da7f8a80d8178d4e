//! `trunkline reload`: changed files come in while calls go on, and whoever asked hears what counts.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::time::timeout;
use trunkline_bridge::sip::{CallError, Caller, CallerOptions, OutgoingCall};
use trunkline_tests::{Daemon, Setup, livekit_yaml, run, trunkline};

const LIMIT: Duration = Duration::from_secs(60);
const SIP: &str = "livekit-sip-correct.yaml";

const FILE: &str = "\
gateway: {answer: on_room, codecs: [PCMU, PCMA], agent_wait: 60s}
trunks:
  - {key: local, name: Local, allowed_addresses: [127.0.0.0/8]}
rules:
  - {key: calls, name: Calls, trunks: [local], individual: {room_prefix: call}}
";

fn daemon() -> Daemon {
    Daemon::start(&Setup {
        without_agent: true,
        files: vec![(SIP, FILE.to_owned())],
        ..Setup::default()
    })
}

/// A verb's exit code and document; words where there is none.
fn verb(daemon: &Daemon, args: &[&str]) -> (Option<i32>, Value) {
    let mut command = trunkline();
    command
        .args(args)
        .args(["--json", "--dev", "--config"])
        .arg(daemon.config())
        .env("LIVEKIT_URL", daemon.url())
        .env("TRUNKLINE_CONSOLE", daemon.addr("console"))
        .env("TRUNKLINE_STORE", daemon.data().join("trunkline.db"));
    let output = run(&mut command, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = serde_json::from_slice(&output.stdout);
    (output.status.code(), read.unwrap_or(Value::String(said)))
}

fn reload(daemon: &Daemon) -> (Option<i32>, Value) {
    verb(daemon, &["reload"])
}

async fn metrics(daemon: &Daemon) -> String {
    let url = format!("http://{}/metrics", daemon.addr("console"));
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
}

async fn call(daemon: &Daemon) -> Result<OutgoingCall, CallError> {
    let target = format!("sip:100@{}", daemon.addr("sip"));
    let placed = Caller::call(CallerOptions::new(target, "4711"));
    timeout(LIMIT, placed).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codecs_limits_and_rules_change_under_a_call_that_goes_on() {
    let daemon = daemon();
    let (exit, told) = reload(&daemon);
    assert_eq!(
        (exit, &told["result"]),
        (Some(0), &json!("unchanged")),
        "{told}"
    );
    let first = call(&daemon).await.unwrap();
    let changed = FILE
        .replace("[PCMU, PCMA]", "[PCMA]")
        .replace("name: Calls", "name: Others");
    write(&daemon.config(), SIP, &changed);
    let (exit, told) = reload(&daemon);
    assert_eq!(
        (exit, &told["result"]),
        (Some(0), &json!("taken")),
        "{told}"
    );
    let names = told["changed"].to_string();
    assert!(
        names.contains("gateway.codecs") && names.contains("calls"),
        "{told}"
    );
    // The softphone speaks PCMU alone.
    assert!(matches!(call(&daemon).await, Err(CallError::Refused(488))));
    assert!(!first.is_over(), "the call that was up");
    let limits = "gateway: {limits: {busy: 50%}, opus_complexity: 4, ";
    write(&daemon.config(), SIP, &FILE.replace("gateway: {", limits));
    write(&daemon.config(), "security.yaml", "sip: {max_calls: 1}\n");
    let (_, told) = reload(&daemon);
    let names = told["changed"].to_string();
    for name in [
        "security.sip.max_calls",
        "gateway.limits",
        "gateway.opus_complexity",
    ] {
        assert!(names.contains(name), "{told}");
    }
    assert!(matches!(call(&daemon).await, Err(CallError::Refused(503))));
    first.hangup().await;
    let again = call(&daemon).await.unwrap();
    again.hangup().await;
    let metrics = metrics(&daemon).await;
    for line in [
        "trunkline_service_reloads_total{result=\"taken\"} 2",
        "trunkline_service_reload_success_timestamp_seconds ",
    ] {
        assert!(metrics.contains(line), "{line} is not in:\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_wrong_leaves_the_last_good_one_and_a_socket_waits_for_the_next_start() {
    let daemon = daemon();
    write(
        &daemon.config(),
        SIP,
        &FILE.replace("trunks: [local]", "trunks: [nobody]"),
    );
    let (exit, told) = reload(&daemon);
    assert_eq!(exit, Some(78), "{told}");
    assert!(told.to_string().contains("nobody"), "{told}");
    daemon.signal(Signal::SIGHUP);
    while !metrics(&daemon)
        .await
        .contains("trunkline_service_files_in_force 0")
    {
        tokio::task::yield_now().await;
    }
    let (exit, told) = verb(&daemon, &["config", "check"]);
    assert_eq!((exit, &told["ok"]), (Some(78), &json!(false)), "{told}");
    let running = told["daemon"]["files"].to_string();
    assert!(
        running.contains("the last good ones are in force"),
        "{told}"
    );
    let call = call(&daemon).await.unwrap();
    call.hangup().await;
    let later = FILE.replace("gateway: {", "gateway: {udp: '127.0.0.1:45060', ");
    write(&daemon.config(), SIP, &later);
    let (exit, told) = reload(&daemon);
    assert_eq!(
        (exit, &told["result"]),
        (Some(0), &json!("taken")),
        "{told}"
    );
    assert_eq!(told["at_next_start"], json!(["gateway.udp"]), "{told}");
    let url = format!("http://{}/readyz", daemon.addr("console"));
    let ready = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(ready.contains("gateway.udp at the next start"), "{ready}");
    assert!(
        metrics(&daemon)
            .await
            .contains("trunkline_service_files_in_force 1")
    );
}

/// What may be dialled waited for the server to come back.
#[test]
fn what_needs_no_server_counts_while_a_remote_one_is_away() {
    let variables = [
        ("LIVEKIT_URL", "ws://127.0.0.1:1"),
        ("LIVEKIT_API_KEY", "devkey"),
        ("LIVEKIT_API_SECRET", "a secret that is long enough for it"),
    ];
    let owned = variables.map(|(name, value)| (name, value.to_owned()));
    let remote = livekit_yaml(&[("server: embedded", "server: remote")]);
    let daemon = Daemon::start(&Setup {
        without_agent: true,
        without_dev: true,
        files: vec![remote, (SIP, FILE.to_owned())],
        env: owned.to_vec(),
        ..Setup::default()
    });
    let denied = "dialling: {deny: ['+1900', '+999']}\n";
    write(&daemon.config(), "security.yaml", denied);
    let mut command = trunkline();
    command
        .args(["reload", "--json", "--config"])
        .arg(daemon.config())
        .env("TRUNKLINE_CONSOLE", daemon.addr("console"))
        .env("TRUNKLINE_KEYS_FILE", daemon.data().join("keys.yaml"))
        .envs(variables);
    let output = run(&mut command, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{said}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["result"], json!("half"), "{told}");
    let names = told["changed"].to_string();
    assert!(names.contains("security.dialling.deny"), "{told}");
}

/// The node has what the file says; what it had before is kept all the same.
#[test]
fn what_a_changed_file_replaced_can_be_returned_to() {
    let daemon = daemon();
    let trunks = || verb(&daemon, &["sip", "inbound", "list"]).1.to_string();
    assert!(trunks().contains("Local"));
    let changed = FILE.replace("name: Local", "name: Changed");
    write(&daemon.config(), SIP, &changed);
    assert_eq!(reload(&daemon).0, Some(0));
    assert!(trunks().contains("Changed"));
    let (exit, told) = verb(&daemon, &["sip", "rollback", "--yes"]);
    assert_eq!(exit, Some(0), "{told}");
    let trunks = trunks();
    assert!(
        trunks.contains("Local") && !trunks.contains("Changed"),
        "{trunks}"
    );
}

#[test]
fn where_no_daemon_runs_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), SIP, FILE);
    let mut command = trunkline();
    command
        .args(["reload", "--dev", "--config"])
        .arg(dir.path())
        .env("TRUNKLINE_CONSOLE", "127.0.0.1:1");
    let output = run(&mut command, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(
        said.contains("no daemon answers") && said.contains("trunkline serve"),
        "{said}"
    );
}
