//! SIGTERM under calls: nobody is lost before the cap, and nobody is left behind it.

use std::net::UdpSocket;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::task::JoinSet;
use tokio::time::timeout;
use trunkline_bridge::sip::{CallError, Caller, CallerOptions, OutgoingCall};
use trunkline_tests::{Daemon, Setup};

/// As many as a debug build carries beside other tests; `drain` of the benches has a hundred.
const CALLS: u32 = 12;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon whose calls may go on for so long once it shall end, and calls to it.
async fn talking(drain: &str) -> (Daemon, Vec<OutgoingCall>) {
    let text = format!(
        "gateway: {{answer: on_room, drain: {drain}}}\n\
         trunks:\n  - {{key: local, allowed_addresses: [127.0.0.0/8]}}\n\
         rules:\n  - {{key: calls, trunks: [local], individual: {{room_prefix: call}}}}\n"
    );
    let daemon = Daemon::start(&Setup {
        files: vec![("livekit-sip-correct.yaml", text)],
        without_agent: true,
        ..Setup::default()
    });
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        calls.spawn(Caller::call(options(&daemon, number)));
    }
    let calls = timeout(PATIENCE, calls.join_all()).await.unwrap();
    (daemon, calls.into_iter().map(Result::unwrap).collect())
}

fn options(daemon: &Daemon, number: u32) -> CallerOptions {
    let target = format!("sip:100@{}", daemon.addr("sip"));
    CallerOptions::new(target, format!("47{number:02}"))
}

/// The answer to OPTIONS.
fn options_answer(daemon: &Daemon) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (own, gateway) = (socket.local_addr().unwrap(), daemon.addr("sip"));
    let request = format!(
        "OPTIONS sip:{gateway} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKdrain{};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:t@{own}>;tag=1\r\nTo: <sip:{gateway}>\r\n\
         Call-ID: drain@{own}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        own.port()
    );
    socket.send_to(request.as_bytes(), &gateway).unwrap();
    let mut answer = [0; 2048];
    let length = socket.recv(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Asks until the gateway says that it drains: a signal arrives a moment after it was sent.
async fn drains(daemon: &Daemon) {
    let asking = async {
        while !options_answer(daemon).starts_with("SIP/2.0 503") {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_before_the_cap() {
    let (daemon, calls) = talking("10m").await;
    daemon.signal(Signal::SIGTERM);
    drains(&daemon).await;
    let refused = Caller::call(options(&daemon, 99)).await.err();
    assert!(
        matches!(refused, Some(CallError::Refused(503))),
        "{refused:?}"
    );
    // Each goes on until it hangs up by itself, one after the other.
    for mut call in calls {
        while timeout(Duration::ZERO, call.recv()).await.is_ok() {}
        for _ in 0..10 {
            let heard = timeout(PATIENCE, call.recv()).await.unwrap();
            assert!(
                heard.is_some(),
                "lost in the drain: {:?}",
                call.ended().await
            );
        }
        assert_eq!(call.hangup().await.cause, "local");
    }
    let code = tokio::task::spawn_blocking(move || daemon.stop(Signal::SIGCONT));
    assert_eq!(code.await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_told_goodbye_at_the_cap() {
    let (daemon, calls) = talking("2s").await;
    daemon.signal(Signal::SIGTERM);
    for call in calls {
        let end = timeout(PATIENCE, call.ended()).await.unwrap();
        assert_eq!(end.cause, "remote");
    }
    let code = tokio::task::spawn_blocking(move || daemon.stop(Signal::SIGCONT));
    assert!(code.await.unwrap().is_some());
}
