//! Those who say little, slowly, or too often.

use super::*;

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// A preface, settings, and headers that announce a continuation which never comes.
fn half_a_head_of_http2() -> Vec<u8> {
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    said.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    said.extend([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]);
    said
}

/// Four ways to hold a connection without asking for anything; each was held for over a minute.
#[tokio::test]
async fn a_request_that_is_never_finished_ends_its_connection() {
    let world = World::with(short()).await;
    let half = half_a_head_of_http2();
    let told: [&[u8]; 6] = [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ",
        b"PRI * HTTP/2.0\r\n\r\n",
        &half,
        UPGRADE.as_bytes(),
    ];
    for said in told {
        let answer = world.say(said).await;
        assert!(!answer.contains("200"), "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_too() {
    let world = World::with(short()).await;
    let (mut read, mut write) = world.connect().await.into_split();
    let trickle = async {
        write.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        loop {
            tokio::time::sleep(CLOCK / 10).await;
            if write.write_all(b"X-A: a\r\n").await.is_err() {
                return;
            }
        }
    };
    let mut got = Vec::new();
    tokio::select! {
        () = trickle => {}
        _ = read.read_to_end(&mut got) => {}
    }
    assert!(got.is_empty(), "{got:?}");
}

#[tokio::test]
async fn a_connection_that_rests_is_closed_and_one_that_asks_is_kept() {
    let world = World::with(short()).await;
    let mut stream = world.connect().await;
    for _ in 0..3 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        assert!(next(&mut stream).await.ends_with("hello"));
    }
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_with_408() {
    let world = World::with(short()).await;
    let head = b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\nsome";
    let answer = world.say(head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("did not arrive in time"), "{answer}");
}

/// Ten mebibytes are announced, none is sent: the answer is there all the same.
#[tokio::test]
async fn an_answer_that_needs_no_body_does_not_wait_for_one() {
    let world = World::with(Door::default()).await;
    let mut stream = world.connect().await;
    let head = b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n";
    stream.write_all(head).await.unwrap();
    assert!(next(&mut stream).await.starts_with("HTTP/1.1 401 "));
    // Whoever sends it first and reads then finds the answer, not a reset.
    let body = vec![b'a'; 10 << 20];
    let mut stream = world.connect().await;
    stream.write_all(head).await.unwrap();
    stream.write_all(&body).await.unwrap();
    assert!(next(&mut stream).await.starts_with("HTTP/1.1 401 "));
    // Nobody is asked to send what nobody wants.
    let mut stream = world.connect().await;
    let expecting = b"POST /token HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
        Content-Length: 10485760\r\n\r\n";
    stream.write_all(expecting).await.unwrap();
    assert!(next(&mut stream).await.starts_with("HTTP/1.1 401 "));
}

/// 512 idle connections of one source shut everybody else out.
#[tokio::test]
async fn a_source_holds_no_more_than_its_share() {
    let caps = Caps {
        strangers_per_source: 3,
        ..Caps::default()
    };
    let world = World::with(Door {
        caps,
        ..Door::default()
    })
    .await;
    let ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = world.connect().await;
        stream.write_all(ask).await.unwrap();
        assert!(next(&mut stream).await.ends_with("hello"));
        held.push(stream);
    }
    assert_eq!(rest(&mut world.connect().await).await, "");
    // One of them shows a token: there is room again.
    let first = &mut held[0];
    first
        .write_all(b"GET /known HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    assert!(next(first).await.ends_with("known"));
    let mut stream = world.connect().await;
    stream.write_all(ask).await.unwrap();
    assert!(next(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn a_websocket_may_be_quiet_and_is_gone_when_nothing_more_is_heard_of_it() {
    let world = World::with(short()).await;
    let mut stream = world.connect().await;
    stream.write_all(UPGRADE.as_bytes()).await.unwrap();
    stream.write_all(b"\r\n").await.unwrap();
    assert!(next(&mut stream).await.starts_with("HTTP/1.1 101 "));
    assert!(next(&mut stream).await.contains("still here"));
    assert!(!rest(&mut stream).await.contains("still here"));
}

#[tokio::test]
async fn a_drain_ends_those_that_rest() {
    let mut resting = World::with(Door::default()).await;
    let mut stream = resting.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    assert!(next(&mut stream).await.ends_with("hello"));
    resting.tasks.hurry();
    assert_eq!(rest(&mut stream).await, "");
    let report = std::mem::take(&mut resting.tasks)
        .finish(crate::tasks::Limits::default())
        .await;
    assert!(report.is_clean());
}
