//! Bad input: nothing crashes, and the daemon goes on serving.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::net::UdpSocket;

use rand::rngs::SmallRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use reqwest::StatusCode;
use trunkline_tests::{Daemon, Setup};

const DATAGRAMS: usize = 1000;

/// Random bytes, and things that look like the start of something.
fn junk(rng: &mut SmallRng) -> Vec<u8> {
    const STARTS: &[&[u8]] = &[
        b"",
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\nVia: ",
        b"ACK sip:",
        b"\r\n\r\n",
        &[0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xa4, 0x42],
        &[0x16, 0xfe, 0xfd],
        &[0x80, 0x6f],
        &[0x81, 0xc8],
    ];
    let start = STARTS[rng.random_range(0..STARTS.len())];
    let mut bytes = start.to_vec();
    let mut tail = vec![0; rng.random_range(0..1400)];
    rng.fill_bytes(&mut tail);
    bytes.extend(tail);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_random_datagrams_to_each_port_hurt_nothing() {
    let daemon = Daemon::start(&Setup {
        without_agent: true,
        ..Setup::default()
    });
    let mut rng = SmallRng::seed_from_u64(0x7261_6e64);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for port in ["sip", "rtc"] {
        for _ in 0..DATAGRAMS {
            let _ = socket.send_to(&junk(&mut rng), daemon.addr(port));
        }
    }
    let console = daemon.addr("console");
    let ready = reqwest::get(format!("http://{console}/readyz"))
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    assert!(options(&daemon), "the gateway does not answer any more");
    let log = daemon.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

/// Whether the gateway answers OPTIONS.
fn options(daemon: &Daemon) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(5)))
        .unwrap();
    let own = socket.local_addr().unwrap();
    let gateway = daemon.addr("sip");
    let request = format!(
        "OPTIONS sip:{gateway} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKabuse;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:t@{own}>;tag=1\r\nTo: <sip:{gateway}>\r\n\
         Call-ID: abuse@{own}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), &gateway).unwrap();
    let mut answer = [0; 2048];
    let Ok((length, _)) = socket.recv_from(&mut answer) else {
        return false;
    };
    answer[..length].starts_with(b"SIP/2.0 200")
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_wrong_expired_or_too_weak_are_refused_in_livekits_words() {
    use trunkline_base::time::UnixTime;
    use trunkline_base::token::{ApiKey, Claims, VideoGrant, sign};
    let daemon = Daemon::start(&Setup {
        without_agent: true,
        ..Setup::default()
    });
    let now = UnixTime::from_system(std::time::SystemTime::now());
    let dev = ApiKey::new("devkey", "secret");
    let list = VideoGrant {
        room_list: true,
        ..VideoGrant::default()
    };
    let join = Claims::new("a", now, 60).with_video(VideoGrant::join("r"));
    let expired = UnixTime(now.0 - 3_600_000);
    let cases = [
        ("nonsense".to_owned(), "invalid authorization token"),
        (
            sign(&join, &ApiKey::new("nobody", "x")).unwrap(),
            "invalid API key",
        ),
        (sign(&join, &ApiKey::new("devkey", "x")).unwrap(), "invalid"),
        (
            sign(&Claims::new("a", expired, 60).with_video(list), &dev).unwrap(),
            "invalid",
        ),
        (sign(&join, &dev).unwrap(), "permissions denied"),
    ];
    let url = format!(
        "http://{}/twirp/livekit.RoomService/ListRooms",
        daemon.addr("http")
    );
    for (token, text) in cases {
        let request = reqwest::Client::new()
            .post(&url)
            .bearer_auth(&token)
            .body("{}");
        let answer = request
            .header("content-type", "application/json")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{text}");
        let body = answer.text().await.unwrap();
        assert!(body.contains(text), "{text} is not in {body}");
        assert!(!body.contains(&token), "a token is in the answer");
    }
}
