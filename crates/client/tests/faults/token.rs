//! Tokens that a server refuses: clocks that differ, and keys that are changed under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use livekit_protocol::CreateSipParticipantRequest;
use tokio::task::JoinSet;
use trunkline_base::class::{Class, Classified as _};
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;
use trunkline_client::api::{Failure, Guard, LiveKitApiClient};
use trunkline_client::auth::LiveKitAuthManager;

use super::server::{Act, Gate, REFUSED, Server, key};
use super::{client, quick};

/// The time of a clock that is off by so many seconds.
fn shifted(seconds: i64) -> UnixTime {
    let now = UnixTime::from_system(SystemTime::now()).millis();
    UnixTime(now.saturating_add_signed(seconds * 1000))
}

fn clock_off_by(seconds: i64) -> LiveKitAuthManager {
    LiveKitAuthManager::with_clock(key("a").into(), Arc::new(move || shifted(seconds)))
}

#[tokio::test]
async fn a_clock_that_is_off_is_named_as_the_cause() {
    for (off, words) in [
        (600, "s behind this machine's"),
        (-720, "s ahead of this machine's"),
    ] {
        let server = Server::start([REFUSED, REFUSED]).await;
        server.accept_only(key("a").into());
        let client = LiveKitApiClient::with(&server.url, clock_off_by(off), quick()).unwrap();
        let error = client.list_rooms(&[]).await.unwrap_err();
        assert_eq!(
            (error.code(), error.class()),
            ("client.api.clock", Class::Denied)
        );
        let text = error.to_string();
        assert!(text.contains(words) && text.contains("ntp"), "{text}");
        let clock = error.refusal().unwrap().clock.unwrap();
        assert!(clock.by.as_secs().abs_diff(off.unsigned_abs()) < 30);
        assert_eq!(error.attempts, 2, "once by each clock, and no more");
    }
}

#[tokio::test]
async fn tokens_follow_a_server_whose_clock_is_not_ours() {
    // Ahead of the server the first one is not valid yet; behind it, it has expired. Within the
    // minute that tokens are dated back, and the one that is forgiven, nothing needs a cure.
    for (off, asked) in [(50, 2), (110, 2), (600, 3), (-600, 3), (-7200, 3)] {
        let server = Server::start([]).await;
        server.accept_only(key("a").into());
        let client = LiveKitApiClient::with(&server.url, clock_off_by(off), quick()).unwrap();
        for _ in 0..2 {
            client
                .create_sip_participant(Default::default())
                .await
                .unwrap();
        }
        assert_eq!(server.asked().len(), asked, "{off}");
        assert_eq!(server.done(), [2], "the refused one did nothing");
    }
}

#[tokio::test]
async fn many_calls_at_once_are_refused_and_none_is_left_alone() {
    let server = Server::start([]).await;
    server.accept_only(key("a").into());
    let client = LiveKitApiClient::with(&server.url, clock_off_by(-600), quick()).unwrap();
    let mut calls = JoinSet::new();
    for number in 0..50 {
        let client = client.clone();
        calls.spawn(async move {
            let request = CreateSipParticipantRequest {
                sip_call_to: format!("+1555{number:04}"),
                ..Default::default()
            };
            client.create_sip_participant(request).await.map(drop)
        });
    }
    for called in calls.join_all().await {
        called.unwrap();
    }
    assert_eq!(server.done(), [1; 50]);
}

#[tokio::test]
async fn a_clock_that_is_set_right_is_followed_again() {
    let off = Arc::new(AtomicI64::new(-7200));
    let reads = Arc::clone(&off);
    let auth = LiveKitAuthManager::with_clock(
        key("a").into(),
        Arc::new(move || shifted(reads.load(Ordering::Relaxed))),
    );
    let server = Server::start([]).await;
    server.accept_only(key("a").into());
    let client = LiveKitApiClient::with(&server.url, auth, quick()).unwrap();
    // Behind: refused and followed. Right again: what follows is dated ahead, refused, and no more
    // followed. Behind again: the same once more.
    for (seconds, asked) in [(-7200, 2), (0, 4), (-7200, 6)] {
        off.store(seconds, Ordering::Relaxed);
        client.list_rooms(&[]).await.unwrap();
        assert_eq!(server.asked().len(), asked, "{seconds}");
    }
}

#[tokio::test]
async fn a_server_that_is_days_off_is_not_followed() {
    let server = Server::start([]).await;
    server.accept_only(key("a").into());
    let auth = clock_off_by(-3 * 24 * 3600);
    let client = LiveKitApiClient::with(&server.url, auth, quick()).unwrap();
    let error = client.list_rooms(&[]).await.unwrap_err();
    assert_eq!((error.code(), error.attempts), ("client.api.clock", 1));
}

#[tokio::test]
async fn a_wrong_key_is_not_blamed_on_the_clock() {
    let server = Server::start([]).await;
    server.accept_only(key("other").into());
    let error = client(&server, quick()).list_rooms(&[]).await.unwrap_err();
    assert_eq!(error.code(), "client.api.refused");
}

#[tokio::test]
async fn keys_rotated_with_an_overlap_lose_no_call() {
    let server = Server::start([]).await;
    server.accept_only(KeyRing::new(key("a"), [key("b")]));
    let auth = LiveKitAuthManager::new(key("a").into());
    let client = LiveKitApiClient::with(&server.url, auth.clone(), quick()).unwrap();
    for phase in 0..3 {
        match phase {
            0 => {}
            1 => auth.rotate(&KeyRing::new(key("b"), [key("a")])),
            _ => server.accept_only(key("b").into()),
        }
        let mut calls = JoinSet::new();
        for _ in 0..100 {
            let client = client.clone();
            calls.spawn(async move { client.list_rooms(&[]).await.map(drop) });
        }
        while let Some(ended) = calls.join_next().await {
            ended.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_call_that_meets_the_rotation_is_sent_again_with_the_new_key() {
    let gate = Arc::new(Gate::default());
    let server = Server::start([Act::RefuseLater(Arc::clone(&gate))]).await;
    let auth = LiveKitAuthManager::new(key("a").into());
    let client = LiveKitApiClient::with(&server.url, auth.clone(), quick()).unwrap();
    let mut calls = JoinSet::new();
    calls.spawn(async move { client.create_sip_participant(Default::default()).await });
    // The keys change while the call is on its way; its token is refused, so nothing was dialled.
    gate.arrived.notified().await;
    auth.rotate(&KeyRing::from(key("b")));
    server.accept_only(key("b").into());
    gate.go.notify_one();
    for ended in calls.join_all().await {
        ended.unwrap();
    }
    assert_eq!(server.asked().len(), 2);
    assert_eq!(server.done(), [1]);
}

#[tokio::test]
async fn a_token_that_is_fresh_and_refused_is_not_sent_twice() {
    let server = Server::start([REFUSED]).await;
    let error = client(&server, quick()).list_rooms(&[]).await.unwrap_err();
    assert_eq!((error.attempts, error.class()), (1, Class::Denied));
}

#[tokio::test]
async fn a_refused_key_is_left_alone_until_there_is_another() {
    let server = Server::start([]).await;
    server.accept_only(key("b").into());
    let auth = LiveKitAuthManager::new(key("a").into());
    let client = LiveKitApiClient::with(&server.url, auth.clone(), quick()).unwrap();
    for _ in 0..5 {
        let error = client.list_rooms(&[]).await.unwrap_err();
        assert_eq!(error.twirp_code(), Some("unauthenticated"));
    }
    let error = client.list_rooms(&[]).await.unwrap_err();
    assert!(
        matches!(
            error.failure,
            Failure::Open {
                guard: Guard::Token,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(server.asked().len(), 5);
    auth.rotate(&KeyRing::from(key("b")));
    client.list_rooms(&[]).await.unwrap();
}
