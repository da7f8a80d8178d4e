//! The API client against a server at fault, with the defaults that everybody gets: how much gets
//! through, what that costs in attempts and time, and whether anything is done twice.
//!
//! Half of the calls read (`ListRooms`), half dial (`CreateSIPParticipant`), each to a number of
//! its own. One answer in five is at fault, half of those after the thing was done. Prints a table.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use livekit_protocol as proto;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;
use trunkline_benches::Figures;
use trunkline_client::api::{ApiOptions, LiveKitApiClient};
use trunkline_client::auth::LiveKitAuthManager;

use server::{Act, Loss, Server, key};

#[path = "../../../crates/client/tests/faults/server.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "the client's own tests use the rest of it"
)]
mod server;

/// Calls of each kind under each fault.
const CALLS: u32 = 1000;
/// How many are on their way at once.
const TOGETHER: usize = 50;
/// One answer in so many is at fault.
const ONE_IN: u32 = 5;
/// For a whole call; a tenth of the calls would wait as long when a server hangs.
const DEADLINE: Duration = Duration::from_secs(4);

/// What becomes of the answers at fault.
#[derive(Clone, Copy)]
enum Fault {
    None,
    Lost(Loss),
    TooMany,
    ClockOff(i64),
    /// The key is changed half-way: with both accepted for a while, or from one moment to the next.
    Rotation {
        overlap: bool,
    },
}

const FAULTS: [(&str, Fault); 12] = [
    ("none", Fault::None),
    ("no answer comes", Fault::Lost(Loss::Hang)),
    ("reset before the answer", Fault::Lost(Loss::Reset)),
    ("reset within the headers", Fault::Lost(Loss::MidHeaders)),
    ("half of a body", Fault::Lost(Loss::HalfBody)),
    ("502 from a proxy", Fault::Lost(Loss::Html)),
    ("503 unavailable", Fault::Lost(Loss::Away)),
    ("429 with Retry-After", Fault::TooMany),
    ("clock 10 minutes ahead", Fault::ClockOff(600)),
    ("clock 10 minutes behind", Fault::ClockOff(-600)),
    ("key rotated, overlap", Fault::Rotation { overlap: true }),
    ("key rotated, abruptly", Fault::Rotation { overlap: false }),
];

#[tokio::main]
async fn main() {
    say(&format!(
        "{:<26} {:>9} {:>9} {:>7} {:>9} {:>8} {:>8}",
        "fault", "reads %", "dials %", "twice", "attempts", "p50 ms", "p99 ms"
    ));
    for (name, fault) in FAULTS {
        let Outcome {
            reads,
            dials,
            twice,
            attempts,
            took,
        } = under(fault).await;
        say(&format!(
            "{name:<26} {:>9.1} {:>9.1} {twice:>7} {attempts:>9.3} {:>8.1} {:>8.1}",
            percent(reads),
            percent(dials),
            took.percentile(50).unwrap_or(f64::NAN),
            took.percentile(99).unwrap_or(f64::NAN),
        ));
    }
}

#[expect(clippy::print_stdout, reason = "the report of a measurement")]
fn say(line: &str) {
    println!("{line}");
}

fn percent(of: u32) -> f64 {
    100.0 * f64::from(of) / f64::from(CALLS)
}

/// What came of the calls under one fault.
struct Outcome {
    reads: u32,
    dials: u32,
    twice: usize,
    /// Requests that the server saw, for each call.
    attempts: f64,
    took: Figures,
}

async fn under(fault: Fault) -> Outcome {
    let server = Server::start(acts(fault)).await;
    server.accept_only(match fault {
        Fault::Rotation { overlap: true } => KeyRing::new(key("a"), [key("b")]),
        _ => key("a").into(),
    });
    let auth = match fault {
        Fault::ClockOff(seconds) => {
            LiveKitAuthManager::with_clock(key("a").into(), Arc::new(move || clock(seconds)))
        }
        _ => LiveKitAuthManager::new(key("a").into()),
    };
    let options = ApiOptions {
        deadline: DEADLINE,
        ..ApiOptions::default()
    };
    #[expect(clippy::expect_used, reason = "loopback is an address")]
    let client = LiveKitApiClient::with(&server.url, auth.clone(), options).expect("an address");
    let room = Arc::new(Semaphore::new(TOGETHER));
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        if number == CALLS / 2 {
            rotate(fault, &server, &auth).await;
        }
        for dials in [false, true] {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                break;
            };
            let client = client.clone();
            calls.spawn(async move {
                let called = call(&client, dials, number).await;
                drop(place);
                called
            });
        }
    }
    let (mut reads, mut dials, mut took) = (0, 0, Vec::new());
    while let Some(called) = calls.join_next().await {
        let Ok((dialled, ok, elapsed)) = called else {
            continue;
        };
        *(if dialled { &mut dials } else { &mut reads }) += u32::from(ok);
        took.push(elapsed.as_secs_f64() * 1e3);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let asked = server.asked().len() as f64;
    Outcome {
        reads,
        dials,
        twice: server.done_twice(),
        attempts: asked / f64::from(2 * CALLS),
        took: took.into_iter().collect(),
    }
}

async fn call(client: &LiveKitApiClient, dials: bool, number: u32) -> (bool, bool, Duration) {
    let began = Instant::now();
    let ok = if dials {
        let request = proto::CreateSipParticipantRequest {
            sip_call_to: format!("+1555{number:04}"),
            ..Default::default()
        };
        client.create_sip_participant(request).await.is_ok()
    } else {
        client.list_rooms(&[]).await.is_ok()
    };
    (dials, ok, began.elapsed())
}

/// Half-way: the signer goes over to the new key, and the server forgets the old one, before the
/// last calls signed with it have come.
async fn rotate(fault: Fault, server: &Server, auth: &LiveKitAuthManager) {
    let Fault::Rotation { overlap } = fault else {
        return;
    };
    if overlap {
        auth.rotate(&KeyRing::new(key("b"), [key("a")]));
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.accept_only(key("b").into());
    } else {
        server.accept_only(key("b").into());
        auth.rotate(&KeyRing::from(key("b")));
    }
}

fn acts(fault: Fault) -> Vec<Act> {
    const BUSY: &str = r#"{"code":"resource_exhausted","msg":"slow down"}"#;
    let mut rng = SmallRng::seed_from_u64(0x6661_756c);
    let mut act = || match (fault, rng.random_range(0..2 * ONE_IN)) {
        (Fault::Lost(loss), 0) => Act::ServeThen(loss),
        (Fault::Lost(loss), 1) => Act::Lose(loss),
        (Fault::TooMany, 0 | 1) => Act::Say(429, "Retry-After: 1\r\n", BUSY),
        _ => Act::Serve,
    };
    std::iter::repeat_with(&mut act)
        .take(8 * CALLS as usize)
        .collect()
}

/// This machine's clock, so many seconds off.
fn clock(off: i64) -> UnixTime {
    let now = UnixTime::from_system(SystemTime::now()).millis();
    UnixTime(now.saturating_add_signed(off * 1000))
}
