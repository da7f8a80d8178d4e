//! What a daemon runs, what it waits for, and what it says of both.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::net::TcpListener;
use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::{interval, timeout};
use trunkline_tests::{Daemon, Setup, livekit_yaml, run, trunkline};

/// A server that comes back is found within this, unless something is broken.
const PATIENCE: Duration = Duration::from_secs(40);

async fn readiness(daemon: &Daemon) -> (StatusCode, Value) {
    let url = format!("http://{}/readyz", daemon.addr("console"));
    let answer = reqwest::get(url).await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

fn part<'a>(readiness: &'a Value, name: &str) -> &'a Value {
    let parts = readiness["parts"].as_array().unwrap();
    let found = parts.iter().find(|part| part["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {readiness}"))
}

/// Asks until the answer is this one.
async fn becomes(daemon: &Daemon, wanted: StatusCode) -> Value {
    let mut look = interval(Duration::from_millis(100));
    let seen = timeout(PATIENCE, async {
        loop {
            look.tick().await;
            let (status, body) = readiness(daemon).await;
            if status == wanted {
                return body;
            }
        }
    });
    let seen = seen.await;
    seen.unwrap_or_else(|_| panic!("readiness never was {wanted}:\n{}", daemon.log()))
}

fn with_roles(roles: &str) -> Setup {
    Setup {
        env: vec![("TRUNKLINE_ROLES", roles.to_owned())],
        ..Setup::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_runs_the_roles_it_is_given_and_says_what_it_leaves_out() {
    let daemon = Daemon::start(&with_roles("node,console"));
    daemon.addr("http");
    let (status, body) = readiness(&daemon).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    for left_out in ["sip", "agent", "egress"] {
        let part = part(&body, left_out);
        assert_eq!(part["runs"], false, "{part}");
        assert_eq!(part["ready"], false, "{part}");
        assert!(
            part["detail"].as_str().unwrap().contains("--roles"),
            "{part}"
        );
    }
    let said: Value = serde_json::from_str(&daemon.said()).unwrap();
    assert_eq!(said["sip"], Value::Null);
    assert!(
        said["off"]["agent"].as_str().unwrap().contains("--roles"),
        "{said}"
    );
    assert_eq!(daemon.stop(Signal::SIGTERM), Some(0));
}

#[test]
fn a_role_that_is_not_known_is_refused_with_those_that_are() {
    let output = run(
        trunkline().args(["serve", "--dev", "--roles", "node,phone"]),
        Duration::from_secs(20),
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("phone") && text.contains("egress"), "{text}");
}

/// A process that was given a part it cannot run waited for ever for nothing.
#[test]
fn a_process_in_which_nothing_would_run_ends_and_says_why_and_what_to_write() {
    for (roles, why) in [
        (
            "ingress",
            "ingress: this version brings no media into rooms",
        ),
        ("egress", "egress: nothing to record"),
        ("ingress,egress", "egress: nothing to record"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output = run(
            trunkline()
                .args(["serve", "--dev", "--roles", roles])
                .env("TRUNKLINE_STORE", dir.path().join("trunkline.db")),
            Duration::from_secs(20),
        );
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{roles}: {text}");
        assert!(text.contains(why), "{roles}: {text}");
        assert!(text.contains("--roles node,sip,agent"), "{roles}: {text}");
    }
}

/// What LiveKit elsewhere was to be told began with `http://`, which the port does not take from it.
#[tokio::test(flavor = "multi_thread")]
async fn where_events_go_is_told_with_tls_where_there_is_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let issued = params.self_signed(&pair).unwrap();
    let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&certificate, pem("CERTIFICATE", issued.der())).unwrap();
    std::fs::write(&key, pem("PRIVATE KEY", &pair.serialize_der())).unwrap();
    let mut setup = with_roles("console");
    setup.files = vec![livekit_yaml(&[("server: embedded", "server: remote")])];
    setup.env.extend([
        (
            "TRUNKLINE_TLS_CERTIFICATE",
            certificate.display().to_string(),
        ),
        ("TRUNKLINE_TLS_KEY", key.display().to_string()),
        ("LIVEKIT_URL", "ws://127.0.0.1:9".to_owned()),
    ]);
    let daemon = Daemon::start(&setup);
    let (_, body) = readiness(&daemon).await;
    let detail = part(&body, "events")["detail"].as_str().unwrap();
    let own = format!("https://{}/webhooks/livekit", daemon.addr("console"));
    assert!(detail.contains(&own), "{detail}");
    assert_eq!(daemon.stop(Signal::SIGTERM), Some(0));
}

fn pem(what: &str, der: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {what}-----\n{text}\n-----END {what}-----\n")
}

/// A log that is written into a file was full of colour codes.
#[test]
fn a_log_that_goes_into_a_file_has_no_colours() {
    let daemon = Daemon::start(&with_roles("node,console"));
    let log = daemon.log();
    assert!(
        log.contains("console listens") && !log.contains('\u{1b}'),
        "{log}"
    );
    assert_eq!(daemon.stop(Signal::SIGTERM), Some(0));
}

/// A node or a gateway without an agent must run: the process ended for want of speech models.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_without_models_runs_without_an_agent_and_says_so() {
    let without_models = Setup {
        env: vec![("TRUNKLINE_MODELS", "/nonexistent".to_owned())],
        ..Setup::default()
    };
    let daemon = Daemon::start(&without_models);
    let (status, body) = readiness(&daemon).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let why = part(&body, "agent")["detail"].as_str().unwrap();
    assert!(why.contains("trunkline models install"), "{why}");
    assert_eq!(part(&body, "sip")["ready"], true);
    assert_eq!(daemon.stop(Signal::SIGTERM), Some(0));
}

#[test]
fn an_agent_that_is_asked_for_by_name_must_have_its_models() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(
        trunkline()
            .args([
                "serve",
                "--dev",
                "--roles",
                "node,agent",
                "--models",
                "/nonexistent",
            ])
            .env("TRUNKLINE_STORE", dir.path().join("trunkline.db")),
        Duration::from_secs(20),
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("trunkline models install"), "{text}");
}

/// The daemon ended when LiveKit was away at its start, and said "ready" when it went away later.
#[tokio::test(flavor = "multi_thread")]
async fn a_livekit_that_is_away_is_waited_for_and_readiness_says_how_it_is_now() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let far = Setup {
        files: vec![livekit_yaml(&[("server: embedded", "server: remote")])],
        env: vec![
            ("TRUNKLINE_ROLES", "sip,console".to_owned()),
            ("LIVEKIT_URL", format!("ws://{address}")),
        ],
        ..Setup::default()
    };
    let gateway = Daemon::start(&far);
    let said: Value = serde_json::from_str(&gateway.said()).unwrap();
    assert!(
        said["waits"]["livekit"]
            .as_str()
            .unwrap()
            .contains(&address),
        "{said}"
    );
    let (status, body) = readiness(&gateway).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert!(
        part(&body, "livekit")["detail"]
            .as_str()
            .unwrap()
            .contains(&address)
    );

    let mut server = with_roles("node");
    server.env.push(("TRUNKLINE_HTTP", address));
    let node = Daemon::start(&server);
    let body = becomes(&gateway, StatusCode::OK).await;
    assert_eq!(part(&body, "sip")["ready"], true, "{body}");

    node.kill();
    let body = becomes(&gateway, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(part(&body, "livekit")["ready"], false, "{body}");
    assert_eq!(gateway.stop(Signal::SIGTERM), Some(0));
}
