//! The daemon as an operator meets it: health, readiness, an orderly end, and what survives when
//! it gets none.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::SystemTime;

use futures::SinkExt as _;
use nix::sys::signal::Signal;
use reqwest::StatusCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, VideoGrant, sign};
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

/// Whoever was in a room was thrown out within a fifth of a second.
#[tokio::test(flavor = "multi_thread")]
async fn rooms_go_on_after_the_first_signal_and_none_is_opened() {
    let daemon = Daemon::start(&without_agent());
    let url = format!("{}/rtc?protocol=16&access_token=", daemon.url());
    let join = async |room: &str| {
        let claims = Claims::new("alice", UnixTime::from_system(SystemTime::now()), 600);
        let claims = claims.with_video(VideoGrant::join(room));
        let token = sign(&claims, &ApiKey::new("devkey", "secret")).unwrap();
        tokio_tungstenite::connect_async(format!("{url}{token}")).await
    };
    let (mut alice, _) = join("lobby").await.unwrap();
    daemon.signal(Signal::SIGTERM);
    while get(&daemon, "/readyz").await.0 == StatusCode::OK {
        tokio::task::yield_now().await;
    }
    let refused = join("another").await.unwrap_err();
    let Error::Http(refused) = refused else {
        panic!("{refused}")
    };
    assert_eq!(refused.status(), 503);
    // She is still there, and so is the room.
    alice.send(Message::Ping(Vec::new().into())).await.unwrap();
    let (bob, _) = join("lobby").await.unwrap();
    drop((alice, bob));
    assert_eq!(
        daemon.stop(Signal::SIGCONT),
        Some(0),
        "the last one has gone"
    );
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
