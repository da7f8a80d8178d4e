//! Webhooks of each side, verified by the other.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::StatusCode;
use serde_json::Value;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, VideoGrant, sign};
use trunkline_tests::{Daemon, Setup, node, run};

use crate::{LIMIT, free_port, http, said, script, with_webhook, without_agent};

/// Posts a webhook to the daemon's console.
async fn deliver(daemon: &Daemon, body: String, authorization: &str) -> StatusCode {
    let url = format!("http://{}/webhooks/livekit", daemon.addr("console"));
    let post = reqwest::Client::new()
        .post(url)
        .header("content-type", "application/webhook+json")
        .header("authorization", authorization)
        .body(body);
    post.send().await.unwrap().status()
}

/// A webhook that an SDK signed is taken, also a second time; with one letter changed, or with the
/// signature of another, it is not.
async fn taken(mut sign: Command) {
    let output = run(&mut sign, LIMIT);
    let given: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let text = |name: &str| given[name].as_str().unwrap().to_owned();
    let (body, token) = (text("body"), text("authorization"));
    let daemon = Daemon::start(&without_agent());
    let changed = body.replace("theirs", "others");
    let refused = deliver(&daemon, changed, &token).await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED, "a changed body");
    let refused = deliver(&daemon, body.clone(), "").await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED, "no signature");
    for delivery in ["first", "second"] {
        let status = deliver(&daemon, body.clone(), &token).await;
        assert_eq!(status, StatusCode::OK, "{delivery}: {}", daemon.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_signed_by_the_node_server_sdk_is_taken() {
    if let Some(mut peer) = node() {
        peer.arg("sign");
        taken(peer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_signed_by_the_python_server_sdk_is_taken() {
    if let Some(mut peer) = script("livekit-api-python/every_method.py") {
        peer.arg("--webhook");
        taken(peer).await;
    }
}

/// A receiver, killed with the test.
struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes and deletes a room.
async fn room_comes_and_goes(daemon: &Daemon, name: &str) {
    let grant = VideoGrant {
        room_create: true,
        ..VideoGrant::default()
    };
    let now = UnixTime::from_system(std::time::SystemTime::now());
    let claims = Claims::new("tester", now, 60).with_video(grant);
    let token = sign(&claims, &ApiKey::new("devkey", "secret")).unwrap();
    for (method, field) in [("CreateRoom", "name"), ("DeleteRoom", "room")] {
        let url = format!("{}/twirp/livekit.RoomService/{method}", http(daemon));
        let body = format!("{{\"{field}\": \"{name}\"}}");
        let call = reqwest::Client::new().post(url).bearer_auth(&token);
        let call = call.header("content-type", "application/json").body(body);
        assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_ours_verify_with_the_node_server_sdk() {
    let Some(mut receive) = node() else { return };
    let port = free_port();
    receive.args(["receive", "--port", &port.to_string()]);
    let mut child = receive.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _receiver = Receiver(child);
    let listening = lines.next().unwrap().unwrap();
    assert!(listening.contains(&port.to_string()), "{listening}");
    let daemon = Daemon::start(&Setup {
        files: vec![with_webhook(port)],
        ..without_agent()
    });
    room_comes_and_goes(&daemon, "seen-by-node").await;
    for expected in ["room_started", "room_finished"] {
        let line = lines
            .next()
            .expect("the receiver ends after the last")
            .unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["event"], expected);
        assert_eq!(told["room"], "seen-by-node");
    }
}
