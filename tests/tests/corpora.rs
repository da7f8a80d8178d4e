//! The corpora of the fuzz targets, replayed: as they are, and changed in a seeded way. The fuzzer
//! itself (`make fuzz`) searches; this keeps what it found found.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a library of its own elsewhere")]
mod bodies;

use std::fs;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use trunkline_tests::root;

/// Changed copies of each input. More finds little more: the fuzzer's place is `make fuzz`.
const COPIES: usize = 200;

/// Pieces that formats are made of.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n ",
    b":",
    b";",
    b"=",
    b",",
    b".",
    b"..",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"\xff",
    b"\0",
    b"%00",
    b" ",
];

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = root().join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> = fs::read_dir(&dir)
        .unwrap_or_else(|error| panic!("no corpus at {}: {error}", dir.display()))
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

/// One change: a bit, a piece put in, a stretch taken out or repeated, or another input's tail.
fn change(input: &mut Vec<u8>, others: &[(String, Vec<u8>)], rng: &mut SmallRng) {
    let at = rng.random_range(0..=input.len());
    let end = rng.random_range(at..=input.len());
    match rng.random_range(0..5) {
        0 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
        1 => drop(input.drain(at..end)),
        2 => {
            let stretch = input[at..end].to_vec();
            input.splice(at..at, stretch);
        }
        3 => {
            let other = &others[rng.random_range(0..others.len())].1;
            let from = rng.random_range(0..=other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            let piece = PIECES[rng.random_range(0..PIECES.len())];
            input.splice(at..at, piece.iter().copied());
        }
    }
}

fn replay(target: &str) {
    let (_, body) = bodies::TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .unwrap();
    let inputs = corpus(target);
    assert!(inputs.len() >= 8, "{target} has hardly any inputs");
    let mut rng = SmallRng::seed_from_u64(0x636f_7270);
    for (name, input) in &inputs {
        run(*body, input, &format!("{target}/{name}"));
        for copy in 0..COPIES {
            let mut changed = input.clone();
            for _ in 0..rng.random_range(1..5) {
                change(&mut changed, &inputs, &mut rng);
            }
            run(
                *body,
                &changed,
                &format!("{target}/{name}, changed copy {copy}"),
            );
        }
    }
}

/// Runs one input; a panic is told with the input, so that it can become part of the corpus.
fn run(body: bodies::Body, input: &[u8], what: &str) {
    if let Err(panic) = std::panic::catch_unwind(|| body(input)) {
        let shown = String::from_utf8_lossy(input);
        #[expect(clippy::print_stderr, reason = "the input must be seen")]
        {
            eprintln!("{what} failed with: {shown:?}");
        }
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn tokens() {
    replay("token_verify");
}

#[test]
fn claims() {
    replay("token_claims");
}

#[test]
fn webhooks() {
    replay("webhook_receive");
}

#[test]
fn sip_messages() {
    replay("sip_message");
}

#[test]
fn sip_calls() {
    replay("sip_call");
}

#[test]
fn packets_of_a_phone() {
    replay("phone_packets");
}

#[test]
fn packets_of_sound() {
    replay("rtp");
}

#[test]
fn reports_of_sound() {
    replay("rtcp");
}

#[test]
fn challenges_and_credentials() {
    replay("digest");
}

#[test]
fn session_descriptions() {
    replay("sdp");
}

#[test]
fn datagrams_at_the_media_port() {
    replay("stun_demux");
}

#[test]
fn offers_and_candidates() {
    replay("webrtc_offer");
}

#[test]
fn messages_of_signal_sockets() {
    replay("signal_request");
}

#[test]
fn data_packets() {
    replay("data_packet");
}

#[test]
fn packets_of_a_room() {
    replay("room_packets");
}

#[test]
fn queries_of_joins() {
    replay("join_query");
}

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in bodies::TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let program = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let text = fs::read_to_string(program).unwrap();
        assert!(text.contains(&format!("trunkline_fuzz::{name}(")), "{name}");
        assert!(!corpus(name).is_empty());
    }
}
