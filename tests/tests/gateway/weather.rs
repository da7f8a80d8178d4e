//! Calls over a line that loses packets, delays, doubles and reorders them.

use std::time::Duration;

use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, Caller, CallerOptions};
use trunkline_tests::line::{Relay, Weather};

use super::house::{House, PATIENCE, found};

/// Four seconds of sound, if none of it is lost.
const FRAMES: u32 = 200;

/// One packet in ten is lost in both directions, of signalling too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_a_bad_line_is_set_up_kept_and_rated() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let signalling = Weather {
        loss: 0.1,
        delay: Duration::from_millis(20),
        ..Weather::default()
    };
    let sound = Weather {
        jitter: Duration::from_millis(30),
        reorder: 0.02,
        duplicate: 0.02,
        ..signalling
    };
    let gateway = ([127, 0, 0, 1], house.gateway.addr().port()).into();
    let relay = Relay::start(gateway, sound, signalling, 7).unwrap();
    let target = format!("sip:100@{}", relay.addr());
    let call = Caller::call(CallerOptions::new(target, "4711"));
    let mut call = timeout(PATIENCE, call).await.unwrap().unwrap();
    for _ in 0..FRAMES * 4 / 5 {
        assert!(timeout(PATIENCE, call.recv()).await.unwrap().is_some());
    }
    let seen = call.hangup().await;
    assert!(seen.lost > 0, "{seen:?}");
    house.no_calls_left().await;
    let row = found(&house.store, async |store| {
        let calls = store.calls().list(1).await.unwrap();
        calls.into_iter().find_map(|call| call.summary)
    })
    .await;
    let media = &row["media"];
    assert!(media["lost"].as_u64().unwrap() > 0, "{row}");
    let mos = media["mos"].as_f64().unwrap();
    assert!((1.5..4.2).contains(&mos), "{row}");
    house.close().await;
}
