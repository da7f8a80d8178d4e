//! Minting and verifying a token beside the official SDKs: the same claims, the same machine, one
//! run. Rust's official crate runs in this process; Node's and Python's in theirs, where they are
//! installed. Prints a table.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use livekit_api::access_token::{AccessToken, TokenVerifier, VideoGrants};
use serde_json::Value;
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, KeyRing, VideoGrant, sign};
use trunkline_benches::Figures;
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_tests::{python, root};

const KEY: &str = "APImeasured";
const SECRET: &str = "a secret of at least thirty-two characters";
const LIFE: Duration = Duration::from_secs(600);
const ROUNDS: usize = 31;
const EACH: u32 = 20_000;

/// Microseconds of one library.
struct Row {
    name: String,
    mint: f64,
    verify: f64,
}

fn main() {
    // Interleaved and twice, so that neither of the two in this process runs only on a warm or
    // only on a cold machine; the better run of each counts.
    let runs = [ours(), official(), managed(), ours(), official(), managed()];
    let mut rows: Vec<Row> = Vec::new();
    for row in runs.into_iter().flatten() {
        match rows.iter_mut().find(|known| known.name == row.name) {
            Some(known) => {
                known.mint = known.mint.min(row.mint);
                known.verify = known.verify.min(row.verify);
            }
            None => rows.push(row),
        }
    }
    rows.extend(node());
    rows.extend(with_python());
    show(&rows);
}

#[expect(clippy::print_stdout, reason = "the report of a measurement")]
fn show(rows: &[Row]) {
    println!("{:<34} {:>10} {:>10}", "library", "mint µs", "verify µs");
    for Row { name, mint, verify } in rows {
        println!("{name:<34} {mint:>10.2} {verify:>10.2}");
    }
}

/// Median microseconds of one step.
fn measured(mut step: impl FnMut()) -> f64 {
    (0..EACH).for_each(|_| step());
    let round = |_| {
        let start = Instant::now();
        (0..EACH).for_each(|_| step());
        start.elapsed().as_secs_f64() * 1e6 / f64::from(EACH)
    };
    let took: Figures = (0..ROUNDS).map(round).collect();
    took.percentile(50).unwrap_or(f64::NAN)
}

fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

fn described(claims: Claims) -> Claims {
    claims
        .with_name("A caller")
        .with_metadata(r#"{"from":"desk"}"#)
        .with_attributes(BTreeMap::from([("lang".to_owned(), "en".to_owned())]))
        .with_video(VideoGrant {
            can_publish: Some(true),
            can_subscribe: Some(true),
            ..VideoGrant::join("lobby")
        })
}

/// The pure part: claims built, signed, verified.
fn ours() -> Option<Row> {
    let key = ApiKey::new(KEY, SECRET);
    let ring = KeyRing::from(key.clone());
    let mint = || {
        sign(
            &described(Claims::new("caller-4711", now(), LIFE.as_secs())),
            &key,
        )
    };
    let token = mint().ok()?;
    ring.verify(&token, now()).ok()?;
    Some(Row {
        name: "trunkline base::token".to_owned(),
        mint: measured(|| drop(black_box(mint()))),
        verify: measured(|| drop(black_box(ring.verify(black_box(&token), now())))),
    })
}

/// The same through the manager, with every check before signing.
fn managed() -> Option<Row> {
    let ring = KeyRing::from(ApiKey::new(KEY, SECRET));
    let auth = LiveKitAuthManager::new(ring.clone());
    let identity = ParticipantIdentity::parse("caller-4711").ok()?;
    let room = RoomName::parse("lobby").ok()?;
    let spec = TokenSpec::new(Role::Participant, identity)
        .in_room(room)
        .saying(described);
    let token = auth.mint_for(&spec, LIFE).ok()?;
    Some(Row {
        name: "trunkline LiveKitAuthManager".to_owned(),
        mint: measured(|| drop(black_box(auth.mint_for(&spec, LIFE)))),
        verify: measured(|| drop(black_box(ring.verify(token.expose(), now())))),
    })
}

/// The official crate.
fn official() -> Option<Row> {
    let mint = || {
        AccessToken::with_api_key(KEY, SECRET)
            .with_ttl(LIFE)
            .with_identity("caller-4711")
            .with_name("A caller")
            .with_metadata(r#"{"from":"desk"}"#)
            .with_attributes([("lang", "en")])
            .with_grants(VideoGrants {
                room_join: true,
                room: "lobby".to_owned(),
                can_publish: Some(true),
                can_subscribe: Some(true),
                ..VideoGrants::default()
            })
            .to_jwt()
    };
    let verifier = TokenVerifier::with_api_key(KEY, SECRET);
    let token = mint().ok()?;
    verifier.verify(&token).ok()?;
    Some(Row {
        name: "livekit-api (Rust)".to_owned(),
        mint: measured(|| drop(black_box(mint()))),
        verify: measured(|| drop(black_box(verifier.verify(black_box(&token))))),
    })
}

fn node() -> Option<Row> {
    let named = std::env::var_os("TRUNKLINE_NODE_MODULES").map(PathBuf::from);
    let near = ["tests/node_modules", "peers/node_modules"].map(|dir| root().join(dir));
    let modules = named
        .into_iter()
        .chain(near)
        .find(|dir| dir.join("livekit-server-sdk").is_dir());
    let Some(modules) = modules else {
        skipped("livekit-server-sdk (TRUNKLINE_NODE_MODULES names where it is)");
        return None;
    };
    let mut command = Command::new("node");
    command
        .arg(root().join("benches/tokens.mjs"))
        .args([KEY, SECRET])
        .arg(modules);
    told("livekit-server-sdk (Node)", &mut command)
}

fn with_python() -> Option<Row> {
    let mut command = Command::new(python()?);
    command
        .arg(root().join("benches/tokens.py"))
        .args([KEY, SECRET]);
    told("livekit-api (Python)", &mut command)
}

/// What a script measured.
fn told(name: &str, command: &mut Command) -> Option<Row> {
    let answer = command.output().ok();
    let figures: Option<Value> = answer.and_then(|a| serde_json::from_slice(&a.stdout).ok());
    let Some(figures) = figures else {
        skipped(name);
        return None;
    };
    let version = figures.get("version").and_then(Value::as_str);
    Some(Row {
        name: format!("{name} {}", version.unwrap_or_default()),
        mint: figures.get("mint_us")?.as_f64()?,
        verify: figures.get("verify_us")?.as_f64()?,
    })
}

#[expect(clippy::print_stderr, reason = "a skip must be seen")]
fn skipped(name: &str) {
    eprintln!("skipped: {name} does not answer");
}
