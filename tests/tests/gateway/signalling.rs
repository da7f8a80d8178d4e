//! Who gets in, who does not, and what survives.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use trunkline_base::id::RoomName;
use trunkline_base::secret::Secret;
use trunkline_bridge::sip::{AnswerPolicy, CallError, Caller, CallerOptions};

use super::house::{House, PATIENCE, ROOM, found, invite};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_answered_stored_and_hung_up() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let call = house.call("100").await;
    let summary = timeout(PATIENCE, call.hangup()).await.unwrap();
    assert_eq!(summary.cause, "local");
    house.no_calls_left().await;
    let row = ended_row(&house).await;
    assert_eq!((row.0.as_str(), row.1.as_str()), ("caller_hung_up", ROOM));
    house.close().await;
}

async fn ended_row(house: &House) -> (String, String) {
    for _ in 0..200 {
        let calls = house.store.calls().list(1).await.unwrap();
        if let Some(call) = calls.into_iter().find(|call| call.ended_at.is_some()) {
            return (call.end_reason.unwrap(), call.room);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the end was never stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_the_room_hangs_up_the_phone() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let call = house.call("100").await;
    house
        .api
        .delete_room(&RoomName::parse(ROOM).unwrap())
        .await
        .unwrap();
    let summary = timeout(PATIENCE, call.ended()).await.unwrap();
    assert_eq!(summary.cause, "remote");
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_say_why_on_the_wire_and_in_the_store() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    for (number, status, reason) in [
        ("999", 404, "number_not_listed"),
        ("300", 403, "address_not_allowed"),
    ] {
        let refused = Caller::call(CallerOptions::new(house.target(number), "4711")).await;
        assert!(
            matches!(refused, Err(CallError::Refused(s)) if s == status),
            "{number}"
        );
        let mut stored = Vec::new();
        for _ in 0..100 {
            stored = house.store.refusals().list(1).await.unwrap();
            if stored
                .first()
                .is_some_and(|refusal| refusal.sip_status == status)
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let refusal = stored.first().unwrap();
        assert_eq!(refusal.reason, reason);
        assert_eq!(
            refusal.considered.as_array().unwrap().len(),
            3,
            "every trunk is named"
        );
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_opens_the_door_and_a_wrong_one_does_not() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let attempt = async |password: Option<&str>| {
        let mut options = CallerOptions::new(house.target("200"), "4711");
        options.login = password.map(|p| ("alice".to_owned(), Secret::from(p)));
        Caller::call(options).await
    };
    assert!(matches!(attempt(None).await, Err(CallError::Refused(407))));
    assert!(matches!(
        attempt(Some("nope")).await,
        Err(CallError::Refused(407))
    ));
    let call = attempt(Some("wonderland")).await.unwrap();
    call.hangup().await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_requests_get_their_answers() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let to = house.gateway.addr();
    let ask = async |message: String| {
        let answers = house.exchange(&message).await;
        answers
            .last()
            .map(|a| a.lines().next().unwrap_or_default().to_owned())
            .unwrap_or_default()
    };
    let no_codec = invite(to, "100", "c1", "").replace("RTP/AVP 0\r\n", "RTP/AVP 3\r\n");
    assert!(ask(no_codec).await.starts_with("SIP/2.0 488"));
    let bad_sdp = invite(to, "100", "c2", "").replace("v=0", "v=1");
    assert!(ask(bad_sdp).await.starts_with("SIP/2.0 400"));
    let require = invite(to, "100", "c3", "Require: 100rel, x\r\n");
    assert!(ask(require).await.starts_with("SIP/2.0 420"));
    let options = invite(to, "100", "c4", "").replace("INVITE", "OPTIONS");
    assert!(ask(options).await.starts_with("SIP/2.0 200"));
    let refer = invite(to, "100", "c5", "").replace("INVITE", "REFER");
    assert!(ask(refer).await.starts_with("SIP/2.0 481"));
    let message = invite(to, "100", "c6", "").replace("INVITE", "MESSAGE");
    assert!(ask(message).await.starts_with("SIP/2.0 405"));
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_without_an_agent_rings_until_the_limit() {
    let house = House::with(AnswerPolicy::OnAgent, |config| {
        config.ringing_timeout = Duration::from_millis(700);
    })
    .await;
    let refused = Caller::call(CallerOptions::new(house.target("100"), "4711")).await;
    assert!(matches!(refused, Err(CallError::Refused(480))));
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn giving_up_while_it_rings_leaves_nothing_behind() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let mut options = CallerOptions::new(house.target("100"), "4711");
    options.ring_limit = Duration::from_millis(500);
    assert!(matches!(
        Caller::call(options).await,
        Err(CallError::NoAnswer)
    ));
    house.no_calls_left().await;
    let row = ended_row(&house).await;
    assert_eq!(row.0, "caller_cancelled");
    house.close().await;
}

/// A call that rang at several phones, of which another one took it, looked like one given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_another_phone_has_taken_is_written_down_as_such() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let invite = invite(house.gateway.addr(), "100", "forked", "").replace("LOCALPORT", &port);
    socket
        .send_to(invite.as_bytes(), house.gateway.addr())
        .await
        .unwrap();
    let mut buffer = [0; 4096];
    let rings = async {
        loop {
            let length = socket.recv(&mut buffer).await.unwrap();
            if buffer[..length].starts_with(b"SIP/2.0 180") {
                return;
            }
        }
    };
    timeout(PATIENCE, rings).await.unwrap();
    let (head, _) = invite.split_once("\r\n\r\n").unwrap();
    let lines = head.lines().filter(|line| !line.starts_with("Content-"));
    let head = lines
        .collect::<Vec<_>>()
        .join("\r\n")
        .replace("INVITE", "CANCEL");
    let cancel = format!(
        "{head}\r\nReason: SIP ;cause=200 ;text=\"Call completed elsewhere\"\r\nContent-Length: 0\r\n\r\n"
    );
    socket
        .send_to(cancel.as_bytes(), house.gateway.addr())
        .await
        .unwrap();
    house.no_calls_left().await;
    let call = found(&house.store, async |store| {
        let call = store.calls().list(1).await.unwrap().pop()?;
        call.ended_at.is_some().then_some(call)
    })
    .await;
    assert_eq!(call.end_reason.as_deref(), Some("answered_elsewhere"));
    assert_eq!((call.q850, call.sip_status), (Some(26), Some(487)));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_on_every_port_hurts_nobody() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let call = house.call("100").await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut rng = SmallRng::seed_from_u64(7);
    let good = invite(house.gateway.addr(), "100", "noise", "");
    for n in 0..1000 {
        let mut junk = vec![0; rng.random_range(0..600)];
        rng.fill_bytes(&mut junk);
        if n % 3 == 0 {
            // Damaged rather than random.
            junk = good.as_bytes().to_vec();
            let at = rng.random_range(0..junk.len());
            junk.truncate(at);
        }
        socket.send_to(&junk, house.gateway.addr()).await.unwrap();
        for port in [30_000, 30_001, 30_002, 30_003] {
            let _ = socket.send_to(&junk, ("127.0.0.1", port)).await;
        }
    }
    assert!(!call.is_over());
    let second = house.call("100").await;
    second.hangup().await;
    call.hangup().await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_carries_calls_in_any_pieces() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut stream = TcpStream::connect(house.gateway.tcp_addr().unwrap())
        .await
        .unwrap();
    let call = invite(house.gateway.addr(), "999", "tcp", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    let call = call.replace("LOCALPORT", "5999");
    let options = call
        .replace("INVITE", "OPTIONS")
        .replace("z9hG4bKtcp", "z9hG4bKopt");
    let both = format!("{call}\r\n\r\n{options}");
    for piece in both.as_bytes().chunks(97) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
    }
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !(text.contains("SIP/2.0 404") && text.contains("SIP/2.0 200")) {
        let length = timeout(PATIENCE, stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(length > 0, "closed after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_refuses_new_calls_and_ends_old_ones() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let call = house.call("100").await;
    house.tasks.begin_drain("test");
    let refused = Caller::call(CallerOptions::new(house.target("100"), "4711")).await;
    assert!(matches!(refused, Err(CallError::Refused(503))));
    assert!(!call.is_over());
    house.tasks.hurry();
    assert_eq!(
        timeout(PATIENCE, call.ended()).await.unwrap().cause,
        "remote"
    );
    house.close().await;
}
