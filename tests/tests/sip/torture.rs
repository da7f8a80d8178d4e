//! The torture messages of RFC 4475 and 5118 at the daemon itself, as datagrams and over TCP in odd
//! pieces: each has the outcome of the table, and a good call is taken after it.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_tests::{Daemon, Setup};

use super::cases::{CASES, Outcome};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A gateway that takes calls for 100, from this machine, and for nobody else.
fn daemon() -> Daemon {
    let text = "gateway: {answer: on_room}\n\
                trunks:\n  - {key: local, numbers: ['100'], allowed_addresses: [127.0.0.0/8]}\n\
                rules:\n  - {key: calls, trunks: [local], individual: {room_prefix: call}}\n";
    Daemon::start(&Setup {
        files: vec![("livekit-sip-correct.yaml", text.to_owned())],
        without_agent: true,
        ..Setup::default()
    })
}

/// A good request whose answer shows that what came before it has been dealt with.
fn question(number: usize, transport: &str) -> String {
    format!(
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 127.0.0.1;branch=z9hG4bKquestion{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=q\r\nTo: <sip:127.0.0.1>\r\n\
         Call-ID: question-{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The status of an answer.
fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).unwrap();
    word.parse().unwrap_or_else(|_| panic!("{answer}"))
}

/// Final answers other than that to the question, as the table has them.
fn check(name: &str, expected: &[Outcome], answers: &[u16]) {
    let expected: Vec<Outcome> = expected
        .iter()
        .copied()
        .filter(|outcome| *outcome != Outcome::Nothing)
        .collect();
    assert_eq!(expected.len(), answers.len(), "{name}: {answers:?}");
    for (expected, status) in expected.iter().zip(answers) {
        match expected {
            Outcome::Answer(wanted) => assert_eq!(status, wanted, "{name}"),
            // Nobody has that number, or the codecs do not fit.
            Outcome::Call => assert!([404, 488].contains(status), "{name}: {status}"),
            Outcome::Nothing => {}
        }
    }
}

/// The whole answers in what a stream said: none has a body.
fn answers(said: &str) -> Vec<String> {
    let mut parts: Vec<&str> = said.split("\r\n\r\n").collect();
    parts.pop();
    let answers = parts.into_iter().filter(|part| part.starts_with("SIP/2.0"));
    answers.map(str::to_owned).collect()
}

async fn a_good_call(daemon: &Daemon) {
    let target = format!("sip:100@{}", daemon.addr("sip"));
    let call = Caller::call(CallerOptions::new(target, "4711"));
    let call = tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap();
    call.hangup().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_torture_datagram_has_its_outcome_and_good_calls_go_on() {
    let daemon = daemon();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(daemon.addr("sip")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    for (number, case) in CASES.iter().enumerate() {
        let question = question(number, "UDP");
        socket.send(case.bytes).unwrap();
        a_good_call(&daemon).await;
        socket.send(question.as_bytes()).unwrap();
        let mut answers = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            let length = socket.recv(&mut buffer).unwrap_or_else(|error| {
                panic!("{} {}: {error}\n{}", case.section, case.name, daemon.log())
            });
            let answer = String::from_utf8_lossy(&buffer[..length]);
            let status = status(&answer);
            if answer.contains(&format!("question-{number}")) {
                assert_eq!(status, 200, "after {}", case.name);
                break;
            }
            if status >= 200 {
                answers.push(status);
            }
        }
        check(case.name, &[case.outcome], &answers);
    }
    let log = daemon.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn torture_over_tcp_means_the_same_in_odd_pieces() {
    let daemon = daemon();
    let mut rng = SmallRng::seed_from_u64(0x7463_7074);
    for (number, case) in CASES.iter().enumerate() {
        let mut stream = TcpStream::connect(daemon.addr("sip_tcp")).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let question = question(number, "TCP");
        let mut said = Vec::new();
        let mut buffer = [0; 8192];
        for part in [case.bytes, question.as_bytes()] {
            let mut rest = part;
            while !rest.is_empty() {
                let length = rng.random_range(1..200).min(rest.len());
                let (piece, later) = rest.split_at(length);
                stream.write_all(piece).unwrap();
                rest = later;
            }
            if case.is_short() && said.is_empty() {
                let length = stream.read(&mut buffer).unwrap();
                said.extend_from_slice(&buffer[..length]);
            }
        }
        let expected = case
            .over_stream
            .unwrap_or_else(|| std::slice::from_ref(&case.outcome));
        let heard = expected.iter().filter(|one| **one != Outcome::Nothing);
        let finals = heard.count() + 1;
        // A call is decided about while the question behind it is answered.
        let answers = loop {
            let length = stream.read(&mut buffer).unwrap_or_else(|error| {
                panic!("{} {}: {error}\n{}", case.section, case.name, daemon.log())
            });
            assert!(length > 0, "{}: closed\n{}", case.name, daemon.log());
            said.extend_from_slice(&buffer[..length]);
            let (mut own, mut answered) = (Vec::new(), Vec::new());
            for answer in answers(&String::from_utf8_lossy(&said)) {
                let is_question = answer.contains(&format!("question-{number}"));
                let list = if is_question { &mut answered } else { &mut own };
                list.push(status(&answer));
            }
            own.retain(|status| *status >= 200);
            if own.len() + answered.len() >= finals && !answered.is_empty() {
                assert_eq!(answered, [200], "after {}", case.name);
                break own;
            }
        };
        check(case.name, expected, &answers);
    }
    a_good_call(&daemon).await;
    let log = daemon.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}
