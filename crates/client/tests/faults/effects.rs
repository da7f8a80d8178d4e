//! Nothing is dialled, recorded, dispatched or delivered twice, and what may be repeated gets
//! through a server that fails one time in five.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use livekit_protocol as proto;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;
use trunkline_base::class::Classified as _;
use trunkline_client::api::{ApiOptions, LiveKitApiClient};

use super::server::{Act, Loss, Server};
use super::{client, quick};

/// A fault one time in five, half of them after the thing was done.
fn faults(seed: u64, count: usize) -> Vec<Act> {
    let mut rng = SmallRng::seed_from_u64(seed);
    // Hanging is tested apart: it would only make this slow.
    let losses = [
        Loss::Reset,
        Loss::MidHeaders,
        Loss::HalfBody,
        Loss::Html,
        Loss::Away,
    ];
    let mut act = || {
        let loss = losses[rng.random_range(0..losses.len())];
        match rng.random_range(0..10) {
            0 => Act::ServeThen(loss),
            1 => Act::Lose(loss),
            _ => Act::Serve,
        }
    };
    std::iter::repeat_with(&mut act).take(count).collect()
}

/// A breaker would rightly open under some seeds; it is tested apart.
fn without_breaker() -> ApiOptions {
    let mut options = quick();
    options.breaker.least = 10_000;
    options.breaker.in_a_row = 10_000;
    options
}

#[tokio::test]
async fn what_acts_is_done_at_most_once_whatever_happens_to_the_answer() {
    for loss in Loss::ALL {
        let server = Server::start(std::iter::repeat_n(Act::ServeThen(loss), 20)).await;
        let mut options = without_breaker();
        options.deadline = std::time::Duration::from_millis(200);
        let client = client(&server, options);
        let dial = proto::DialWhatsAppCallRequest::default();
        let twilio = proto::ConnectTwilioCallRequest::default();
        let room = proto::RoomCompositeEgressRequest::default();
        let rpc = proto::PerformRpcRequest {
            response_timeout_ms: 100,
            ..Default::default()
        };
        let attempts = [
            client.start_room_composite_egress(room).await.unwrap_err(),
            client
                .create_dispatch(Default::default())
                .await
                .unwrap_err(),
            client.create_ingress(Default::default()).await.unwrap_err(),
            client
                .create_inbound_trunk(Default::default())
                .await
                .unwrap_err(),
            client
                .create_dispatch_rule(Default::default())
                .await
                .unwrap_err(),
            client.connect_twilio_call(twilio).await.unwrap_err(),
        ];
        for error in attempts {
            assert_eq!(error.attempts, 1, "{loss:?}: {error}");
        }
        // These wait for people, so a server that hangs would hold the test as long.
        if !matches!(loss, Loss::Hang) {
            let sip = Default::default();
            client.create_sip_participant(sip).await.unwrap_err();
            let transfer = Default::default();
            client.transfer_sip_participant(transfer).await.unwrap_err();
            client.dial_whatsapp_call(dial).await.unwrap_err();
            client.perform_rpc(rpc).await.unwrap_err();
        }
        assert!(server.done().iter().all(|times| *times == 1), "{loss:?}");
    }
}

#[tokio::test]
async fn a_dial_that_never_left_is_dialled_once_the_server_listens() {
    // Nobody listens on this port yet.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let auth = trunkline_client::auth::LiveKitAuthManager::new(super::key("a").into());
    let client = LiveKitApiClient::with(&url, auth, quick()).unwrap();
    let error = client
        .create_sip_participant(Default::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), "client.api.transport");
    assert!(error.attempts > 1, "what never left may be sent again");
}

#[tokio::test]
async fn under_load_repeatable_calls_get_through_and_the_others_act_once() {
    const CALLS: usize = 400;
    let server = Server::start(faults(42, CALLS * 4)).await;
    let client = client(&server, without_breaker());
    let ok = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for n in 0..CALLS {
        let (client, ok) = (client.clone(), Arc::clone(&ok));
        tasks.spawn(async move {
            if n % 2 == 0 {
                let read = client.list_rooms(&[]).await;
                ok.fetch_add(usize::from(read.is_ok()), Ordering::Relaxed);
            } else {
                let request = proto::CreateSipParticipantRequest {
                    sip_call_to: format!("+1555{n:04}"),
                    ..Default::default()
                };
                drop(client.create_sip_participant(request).await);
                let data = proto::SendDataRequest {
                    room: "r".into(),
                    data: n.to_be_bytes().to_vec(),
                    ..Default::default()
                };
                drop(client.send_data(data).await);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let reads = ok.load(Ordering::Relaxed);
    println!("reads that got through: {reads} of {}", CALLS / 2);
    assert!(reads * 100 >= CALLS / 2 * 99, "{reads} of {}", CALLS / 2);
    assert_eq!(server.done_twice(), 0);
    assert!(server.done().len() > CALLS / 2);
}
