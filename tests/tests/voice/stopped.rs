//! A recording that is stopped through the API: the file is whole, and the call goes on.

use std::time::Duration;

use livekit_protocol as proto;
use proto::EgressStatus;
use tokio::time::{sleep, timeout};
use trunkline_base::token::ApiKey;
use trunkline_bridge::sip::{Caller, CallerOptions, OutgoingCall};
use trunkline_client::api::LiveKitApiClient;
use trunkline_media::ogg::Reader;
use trunkline_tests::{Daemon, Setup};

const LIMIT: Duration = Duration::from_secs(60);

/// How long the recording runs before it is stopped.
const PART: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_stopped_in_mid_call_is_whole_and_the_call_goes_on() {
    let daemon = Daemon::start(&Setup::default());
    let api = LiveKitApiClient::new(&daemon.url(), ApiKey::new("devkey", "secret")).unwrap();
    let target = format!("sip:agent@{}", daemon.addr("sip"));
    let mut call = Caller::call(CallerOptions::new(target, "4711"))
        .await
        .unwrap();
    let steps = async {
        let running = until(&api, EgressStatus::EgressActive).await;
        sleep(PART).await;
        let wish = proto::StopEgressRequest {
            egress_id: running.egress_id.clone(),
        };
        let stopped = api.stop_egress(wish.clone()).await.unwrap();
        assert!(stopped.status >= EgressStatus::EgressEnding as i32);
        let whole = until(&api, EgressStatus::EgressComplete).await;
        assert_eq!(whole.egress_id, running.egress_id);
        let again = api.stop_egress(wish).await.unwrap_err();
        assert_eq!(again.twirp_code(), Some("failed_precondition"), "{again}");
        whole
    };
    let whole = tokio::select! {
        whole = timeout(LIMIT, steps) => whole.unwrap(),
        () = hold(&mut call) => panic!("the call ended early:\n{}", daemon.log()),
    };
    let file = whole.file_results.first().unwrap();
    let bytes = std::fs::read(&file.location).unwrap();
    let length = Reader::new(&bytes).unwrap().measure().duration;
    assert!(length >= PART, "only {length:?} of it is on the disk");
    assert_eq!(i64::try_from(bytes.len()).unwrap(), file.size);

    let alive = timeout(LIMIT, call.recv()).await.unwrap();
    assert!(alive.is_some(), "the call ended with its recording");
    call.hangup().await;
}

/// Keeps the caller's side flowing until the call ends.
async fn hold(call: &mut OutgoingCall) {
    while call.recv().await.is_some() {
        call.send(&[0; 160]).await;
    }
}

/// The one recording, once it stands so.
async fn until(api: &LiveKitApiClient, status: EgressStatus) -> proto::EgressInfo {
    loop {
        let all = api.list_all_egress(Default::default()).await;
        let one = all.unwrap().into_iter().next();
        if let Some(info) = one.filter(|info| info.status == status as i32) {
            return info;
        }
        sleep(Duration::from_millis(100)).await;
    }
}
