//! Methods of a participant called through the server API, and answered by the Python SDK.

use std::time::Duration;

use livekit_protocol::PerformRpcRequest;
use tokio::time::{sleep, timeout};
use trunkline_base::token::ApiKey;
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_tests::{Daemon, run};

use super::{said, script, without_agent};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_participants_answer_comes_back_through_the_api() {
    let Some(mut callee) = script("livekit-python/sdk_answers.py") else {
        return;
    };
    let daemon = Daemon::start(&without_agent());
    callee.args(["--url", &daemon.url(), "--room", "calls", "--timeout", "40"]);
    let answering = tokio::task::spawn_blocking(move || run(&mut callee, LIMIT * 2));
    let api = LiveKitApiClient::new(&daemon.url(), ApiKey::new("devkey", "secret")).unwrap();

    let doubled = timeout(LIMIT, until_answered(&api)).await.unwrap();
    assert_eq!(doubled, "abab");
    let error = call(&api, "refuse", "x").await.unwrap_err();
    assert!(error.to_string().contains("not today"), "{error}");

    let output = answering.await.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains(r#"["ab", "x"]"#),
        "{}",
        said(&output)
    );
}

async fn call(api: &LiveKitApiClient, method: &str, payload: &str) -> Result<String, ApiError> {
    let request = PerformRpcRequest {
        room: "calls".to_owned(),
        destination_identity: "sdk-callee".to_owned(),
        method: method.to_owned(),
        payload: payload.to_owned(),
        ..Default::default()
    };
    api.perform_rpc(request).await
}

/// Calls until the callee is there and has its methods.
async fn until_answered(api: &LiveKitApiClient) -> String {
    loop {
        match call(api, "double", "ab").await {
            Ok(answer) => return answer,
            Err(_not_there_yet) => sleep(Duration::from_millis(200)).await,
        }
    }
}
