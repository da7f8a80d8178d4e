//! The daemon as an operator meets it: health, readiness, an orderly end, and what survives when
//! it gets none.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use trunkline_tests::{Daemon, Setup};

fn without_agent() -> Setup {
    Setup {
        without_agent: true,
        ..Setup::default()
    }
}

async fn get(daemon: &Daemon, path: &str) -> (StatusCode, String) {
    let url = format!("http://{}{path}", daemon.addr("console"));
    let answer = reqwest::get(url).await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics_are_served() {
    let daemon = Daemon::start(&without_agent());
    assert_eq!(get(&daemon, "/healthz").await.0, StatusCode::OK);
    let (status, body) = get(&daemon, "/readyz").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    for part in ["node", "sip", "store"] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    assert_eq!(get(&daemon, "/metrics").await.0, StatusCode::OK);
}

#[test]
fn the_first_signal_ends_an_idle_daemon_with_success() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let daemon = Daemon::start(&without_agent());
        assert_eq!(daemon.stop(signal), Some(0), "{signal}");
    }
}

#[test]
fn a_restart_applies_the_same_trunks_without_a_second_copy() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        data: Some(dir.path().to_owned()),
        ..without_agent()
    };
    let first = Daemon::start(&setup);
    assert!(first.log().contains("trunk created"), "{}", first.log());
    first.kill();
    let second = Daemon::start(&setup);
    assert!(!second.log().contains("trunk created"), "{}", second.log());
    assert!(!second.log().contains("trunk replaced"), "{}", second.log());
}
