//! The API client against servers at fault, on loopback: it gets through where that is possible,
//! says what is wrong where it is not, and never does anything twice.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod effects;
mod regions;
mod server;
mod tls;
mod token;

use std::time::Duration;

use server::{AWAY, Act, Loss, Server, key};
use trunkline_base::class::{Class, Classified as _};
use trunkline_base::retry::RetryPolicy;
use trunkline_client::api::retry::Rules;
use trunkline_client::api::{ApiOptions, Failure, Guard, LiveKitApiClient};
use trunkline_client::auth::LiveKitAuthManager;

/// Short waits, so that what is tried again is tried soon.
pub(crate) fn quick() -> ApiOptions {
    ApiOptions {
        deadline: Duration::from_secs(2),
        rules: Rules {
            policy: RetryPolicy {
                base: Duration::from_millis(1),
                cap: Duration::from_millis(5),
                ..RetryPolicy::API
            },
            ..Rules::default()
        },
        ..ApiOptions::default()
    }
}

pub(crate) fn client(server: &Server, options: ApiOptions) -> LiveKitApiClient {
    let auth = LiveKitAuthManager::new(key("a").into());
    LiveKitApiClient::with(&server.url, auth, options).unwrap()
}

#[tokio::test]
async fn a_read_gets_through_whatever_happens_to_one_answer() {
    for loss in Loss::ALL {
        let server = Server::start([Act::Lose(loss)]).await;
        let rooms = client(&server, quick()).list_rooms(&[]).await;
        assert!(rooms.is_ok(), "{loss:?}: {rooms:?}");
        assert_eq!(server.asked().len(), 2, "{loss:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_ends_by_the_deadline() {
    let hang = std::iter::repeat_n(Act::Lose(Loss::Hang), 10);
    let server = Server::start(hang).await;
    let options = ApiOptions {
        deadline: Duration::from_millis(200),
        ..quick()
    };
    let error = client(&server, options).list_rooms(&[]).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Deadline), "{error}");
    assert!(error.attempts > 1, "half of the time was left for another");
    assert_eq!(error.class(), Class::Unavailable);
}

#[tokio::test]
async fn too_many_requests_is_repeated_when_the_server_says() {
    let busy = r#"{"code":"resource_exhausted","msg":"slow down"}"#;
    let server = Server::start([Act::Say(429, "Retry-After: 0\r\n", busy)]).await;
    client(&server, quick()).list_rooms(&[]).await.unwrap();

    // Later than the deadline is never; the server is not asked in vain.
    server.then([Act::Say(429, "Retry-After: 30\r\n", busy)]);
    let error = client(&server, quick()).list_rooms(&[]).await.unwrap_err();
    assert_eq!((error.attempts, error.http_status()), (1, Some(429)));
    assert_eq!(error.class(), Class::Overloaded);
}

#[tokio::test]
async fn a_proxys_page_is_not_livekit() {
    let html = "<html>login</html>";
    let server = Server::start([
        Act::Say(200, "Content-Type: text/html\r\n", html),
        Act::Say(302, "Location: http://portal.example/login\r\n", ""),
    ])
    .await;
    let error = client(&server, quick()).list_rooms(&[]).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Foreign { status: 200 }));
    let error = client(&server, quick()).list_rooms(&[]).await.unwrap_err();
    assert!(
        error.to_string().contains("http://portal.example"),
        "{error}"
    );
    assert_eq!(server.asked().len(), 2, "redirects are not followed");
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_left_alone_and_found_again() {
    let server = Server::start(std::iter::repeat_n(AWAY, 20)).await;
    let mut options = quick();
    options.rules.policy = RetryPolicy::NONE;
    options.breaker.open = Duration::from_millis(50);
    let client = client(&server, options);
    for _ in 0..20 {
        let error = client.list_rooms(&[]).await.unwrap_err();
        assert_eq!(error.twirp_code(), Some("unavailable"));
    }
    let error = client.list_rooms(&[]).await.unwrap_err();
    assert!(
        matches!(
            error.failure,
            Failure::Open {
                guard: Guard::Reach,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(server.asked().len(), 20, "the call was not sent");
    // Other services have breakers of their own.
    client.list_inbound_trunks().await.unwrap();
    while let Err(error) = client.list_rooms(&[]).await {
        let Failure::Open { wait, .. } = error.failure else {
            panic!("{error}");
        };
        tokio::time::sleep(wait).await;
    }
}

#[tokio::test]
async fn refusals_leave_the_breaker_closed() {
    let refusal = Act::Say(404, "", r#"{"code":"not_found","msg":"no such room"}"#);
    let server = Server::start(std::iter::repeat_n(refusal, 60)).await;
    let client = client(&server, quick());
    for _ in 0..60 {
        let error = client.list_rooms(&[]).await.unwrap_err();
        assert_eq!(error.twirp_code(), Some("not_found"));
    }
}

#[tokio::test]
async fn a_budget_keeps_a_server_in_trouble_from_several_times_its_load() {
    let calls: usize = 100;
    let server = Server::start(std::iter::repeat_n(AWAY, 1000)).await;
    let mut options = quick();
    options.breaker.least = 10_000;
    options.budget.capacity = 140;
    let client = client(&server, options);
    for _ in 0..calls {
        client.list_rooms(&[]).await.unwrap_err();
    }
    assert_eq!(
        server.asked().len(),
        calls + 10,
        "ten repeats were paid for"
    );
}
