//! A call outlives the key that began it and the server that carries it.

use std::time::Duration;

use super::house::{House, Singer, call, recordings, talk};

/// The key is rotated, the old one retired, the node killed and started again: gateway, recorder
/// and agent come back with tokens of the new key, since the last ones the node sent were signed
/// by a key that nobody accepts any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_when_its_key_is_retired_and_its_node_restarted() {
    let mut house = House::open();
    let gateway = house.gateway(house.url());
    let mut singer = Singer::start(&house.url(), &house.ring).await;
    let (call, mut agent) = tokio::join!(call(&gateway, "100"), singer.perform());
    let mut call = call.unwrap();
    let (_, last) = talk(&mut call, &mut agent, None).await;

    house.rotate_and_retire();
    house.kill_node();
    house.start_node();

    let (gap, _) = talk(&mut call, &mut agent, Some(last)).await;
    println!("the longest silence on the phone was {gap:?}");
    call.hangup().await;
    agent.leave().await;
    singer.stop().await;
    let recorded = recordings(&gateway).await;
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    assert_eq!(recorded[0].0, "complete");
    assert!(recorded[0].1 > gap, "{recorded:?}");
    assert!(recorded[0].1 > Duration::from_secs(1));
}
