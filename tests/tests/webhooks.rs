//! The daemon as a receiver of somebody else's webhooks: what it answered 200 to is not lost,
//! however it ends.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, sign};
use trunkline_tests::{Daemon, Setup};

const CALLS: usize = 40;

fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

/// What LiveKit tells of a phone that joined or left.
fn body(event: &str, call: usize) -> String {
    json!({
        "event": event, "id": format!("EV_{event}_{call}"), "createdAt": now().secs().to_string(),
        "room": { "sid": "RM_1", "name": format!("far-{}", call % 4) },
        "participant": {
            "sid": format!("PA_{call}"), "identity": format!("sip_{call}"), "kind": "SIP",
            "disconnectReason": "CLIENT_INITIATED",
            "attributes": {
                "sip.callID": format!("SCL_far{call}"), "sip.ruleID": "SDR_1",
                "sip.trunkID": "ST_1", "sip.callStatus": "active",
            },
        },
    })
    .to_string()
}

async fn post(daemon: &Daemon, client: &Client, body: String) -> StatusCode {
    let claims = Claims {
        sha256: STANDARD.encode(Sha256::digest(&body)),
        ..Claims::new("", now(), 300)
    };
    let token = sign(&claims, &ApiKey::new("devkey", "secret")).unwrap();
    let post = client
        .post(format!(
            "http://{}/webhooks/livekit",
            daemon.addr("console")
        ))
        .header("authorization", token)
        .header("content-type", "application/webhook+json")
        .body(body);
    post.send().await.unwrap().status()
}

async fn get(daemon: &Daemon, path: &str) -> Value {
    let url = format!("http://{}{path}", daemon.addr("console"));
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

/// The calls, once as many as wanted are over.
async fn ended_calls(daemon: &Daemon) -> Vec<Value> {
    let mut look = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..300 {
        look.tick().await;
        let calls = get(daemon, "/api/calls?limit=1000").await;
        let calls = calls["calls"].as_array().unwrap().clone();
        let ended = calls
            .iter()
            .filter(|call| !call["ended_at"].is_null())
            .count();
        if ended >= CALLS {
            return calls;
        }
    }
    panic!("the calls were not told:\n{}", daemon.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_after_the_answer_loses_no_event_and_doubles_none() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        without_agent: true,
        data: Some(dir.path().to_owned()),
        ..Setup::default()
    };
    let client = Client::new();
    let first = Daemon::start(&setup);
    for event in ["participant_joined", "participant_left"] {
        for call in 0..CALLS {
            let status = post(&first, &client, body(event, call)).await;
            assert_eq!(status, StatusCode::OK);
        }
    }
    first.kill();

    let second = Daemon::start(&setup);
    let calls = ended_calls(&second).await;
    let ids: BTreeSet<&str> = calls
        .iter()
        .map(|call| call["call_id"].as_str().unwrap())
        .collect();
    assert_eq!((calls.len(), ids.len()), (CALLS, CALLS));
    for call in &calls {
        assert_eq!(
            (&call["source"], &call["end_reason"]),
            (&json!("webhooks"), &json!("hung_up"))
        );
        assert!(!call["answered_at"].is_null());
    }
    let events = get(&second, "/api/events?room=far-1&limit=200").await;
    let events = events["events"].as_array().unwrap();
    assert_eq!(events.len(), 2 * CALLS / 4);
    assert!(events.iter().all(|event| event["state"] == "done"));
}
