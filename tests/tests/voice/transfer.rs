//! A caller who wants a person: passed on where somebody takes calls over, and told the truth where
//! nobody does or the transfer fails.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use trunkline_bridge::sip::{Caller, CallerOptions, OutgoingCall};
use trunkline_store::{EventFilter, Store};
use trunkline_tests::{Daemon, Setup};

use super::ear::speech;

const LIMIT: Duration = Duration::from_secs(60);

/// Calls, asks for a person by key, and waits until the agent has said this.
async fn asks_for_a_person(transfer_to: &str, expected: &str) -> Vec<serde_json::Value> {
    let data = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&Setup {
        data: Some(data.path().to_owned()),
        env: vec![("TRUNKLINE_TRANSFER_TO", transfer_to.to_owned())],
        ..Setup::default()
    });
    let target = format!("sip:agent@{}", daemon.addr("sip"));
    let mut call = Caller::call(CallerOptions::new(target, "4711"))
        .await
        .unwrap();
    let database = data.path().join("trunkline.db").display().to_string();
    let store = Store::open(&database).await.unwrap();
    let steps = async {
        until_said(&store, "How can I help you?").await;
        until_said(&store, expected).await;
    };
    tokio::select! {
        heard = timeout(LIMIT, steps) => heard.unwrap(),
        () = hold(&mut call) => panic!("the call ended early:\n{}", daemon.log()),
    }
    call.hangup().await;
    let events = store
        .events()
        .page(&EventFilter::default(), 500)
        .await
        .unwrap();
    let events = events.into_iter().map(|stored| stored.event);
    let transfers = events.filter(|event| event.kind == "transfer");
    transfers.map(|event| event.body).collect()
}

/// Presses the key for a person once the agent was heard and is quiet, and keeps the line up.
async fn hold(call: &mut OutgoingCall) {
    let (mut heard, mut quiet, mut pressed) = (0, 0, false);
    while let Some(frame) = call.recv().await {
        if trunkline_media::level::dbov(&frame.samples) >= -50 {
            (heard, quiet) = (heard + 1, 0);
        } else {
            quiet += 1;
        }
        if heard > 50 && quiet > 100 && !pressed {
            pressed = true;
            assert!(call.dtmf("0").await);
        }
        call.send(&[0; 160]).await;
    }
}

async fn until_said(store: &Store, expected: &str) {
    loop {
        let calls = store.calls().list(10).await.unwrap();
        if let Some(call) = calls.first() {
            let turns = store.turns().of_call(&call.call_id).await.unwrap();
            if turns
                .iter()
                .any(|turn| turn.said.expose().contains(expected))
            {
                return;
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_declines_a_transfer_leaves_a_caller_who_is_told() {
    if speech().is_none() {
        return;
    }
    let expected = "none of my colleagues could take your call";
    let transfers = asks_for_a_person("tel:+15550100", expected).await;
    assert_eq!(transfers.len(), 1, "{transfers:?}");
    assert_eq!(transfers[0]["to"], "front desk");
    assert_eq!(transfers[0]["error"], "the call was declined");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_promised_where_nobody_takes_calls_over() {
    if speech().is_none() {
        return;
    }
    let expected = "I cannot put you through to a colleague";
    assert!(asks_for_a_person("", expected).await.is_empty());
}
