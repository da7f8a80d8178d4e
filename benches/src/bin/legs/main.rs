//! What a call costs: rooms of one phone and one other participant, at the built daemon.
//!
//! Every call is transcoded between G.711 and Opus, by the gateway and the node of one process, over
//! loopback. The daemon's use of the machine is read from outside, as processor time: what else
//! runs only makes it late. `--beside FILE` measures another build as well, turn and turn about in
//! the same run. Prints one JSON document.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use trunkline_benches::{Figures, Host, tell};

use house::{House, Spent};
use leg::{Doing, Leg, Seen};
use line::{Line, Refused};
use sounds::Sounds;

mod house;
mod leg;
mod line;
mod sounds;

/// Between the starts of two calls: no whole number of frames, since callers do not speak in step.
const APART: Duration = Duration::from_millis(53);
/// What a change needs to be over before something is measured.
const SETTLE: Duration = Duration::from_secs(3);

/// How the measurement is made.
#[derive(Parser)]
struct Options {
    /// Calls at once, one number after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [20, 50])]
    calls: Vec<usize>,
    /// Seconds of each part.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Calls that are set up and ended, and as many that are refused; 0 for none.
    #[arg(long, default_value_t = 100)]
    setups: usize,
    /// Calls that are being set up at the same time.
    #[arg(long, default_value_t = 4)]
    at_once: usize,
    /// Another build of the daemon, measured beside this one.
    #[arg(long)]
    beside: Vec<PathBuf>,
    /// Lines of `gateway:` besides the usual ones, such as "opus_complexity: 3".
    #[arg(long)]
    gateway: Vec<String>,
}

fn main() {
    trunkline_benches::run(measure(Options::parse()));
}

async fn measure(options: Options) {
    let sounds = match Sounds::make() {
        Ok(sounds) => sounds,
        Err(error) => return tell(&format!("error: {error}")),
    };
    let builds = || options.beside.iter().map(Some).chain([None]);
    let mut rows = Vec::new();
    for build in builds().filter(|_| options.setups > 0) {
        let house = House::open(build, &options.gateway);
        rows.push(json!({
            "build": house.name(),
            "set_up": setups(&house, &options, Kind::Answered).await,
            "refused": setups(&house, &options, Kind::Refused).await,
        }));
    }
    for calls in &options.calls {
        for build in builds() {
            // A daemon of its own, so that what one number of calls left does not count for the next.
            let house = House::open(build, &options.gateway);
            rows.push(together(&house, &options, *calls, &sounds).await);
        }
    }
    tell(&format!(
        "{:#}",
        json!({ "host": Host::read(), "rows": rows })
    ));
}

#[derive(Clone, Copy)]
enum Kind {
    /// Answered with sound, and hung up.
    Answered,
    /// Speaks no codec of ours: refused by what stands in its description. All that is signalling.
    Refused,
}

/// Calls that come and go.
async fn setups(house: &House, options: &Options, kind: Kind) -> Value {
    // The first one warms what warms by itself.
    set_up(house.sip(), 6_999, kind).await;
    let before = house.spent();
    let (mut took, mut failed) = (Vec::new(), 0);
    let mut running = JoinSet::new();
    for number in 0..options.setups {
        if running.len() >= options.at_once {
            note(running.join_next().await, &mut took, &mut failed);
        }
        let sip = house.sip();
        running.spawn(async move { set_up(sip, 6_000 + number, kind).await });
    }
    while let Some(one) = running.join_next().await {
        note(Some(one), &mut took, &mut failed);
    }
    let wall = house.spent().since(&before).wall;
    // What follows a call, such as its record, is a part of its price.
    sleep(SETTLE).await;
    let spent = house.spent().since(&before);
    let took: Figures = took.into_iter().collect();
    json!({
        "calls": options.setups,
        "failed": failed,
        "ms": took.to_json(),
        "a_second": round(share(options.setups, wall.as_secs_f64())),
        "cpu_ms": round(spent.cpu.as_secs_f64() * 1e3 / as_f64(options.setups)),
        "a_second_of_a_core": round(share(options.setups, spent.cpu.as_secs_f64())),
    })
}

fn note(
    one: Option<Result<Option<f64>, tokio::task::JoinError>>,
    took: &mut Vec<f64>,
    failed: &mut usize,
) {
    match one {
        Some(Ok(Some(ms))) => took.push(ms),
        Some(_) => *failed += 1,
        None => {}
    }
}

/// Milliseconds from the INVITE to its final answer.
async fn set_up(sip: std::net::SocketAddr, number: usize, kind: Kind) -> Option<f64> {
    let offered = match kind {
        Kind::Answered => "0",
        Kind::Refused => "18",
    };
    match (Line::call(sip, number, offered).await, kind) {
        (Ok(line), Kind::Answered) => {
            let took = line.took;
            line.hang_up().await;
            Some(took.as_secs_f64() * 1e3)
        }
        (Err(Refused::Status(488, took)), Kind::Refused) => Some(took.as_secs_f64() * 1e3),
        _ => None,
    }
}

/// Calls that stand at the same time: at rest, talking, and how long sound takes.
async fn together(house: &House, options: &Options, calls: usize, sounds: &Sounds) -> Value {
    let empty = house.spent();
    let (say, hear) = watch::channel(Doing::Resting);
    let mut legs = JoinSet::new();
    for number in 0..calls {
        let joining = Leg::open(house.url(), house.sip(), 7_000 + number);
        match joining.await {
            Ok(leg) => {
                legs.spawn(leg.run(hear.clone(), sounds.clone()));
            }
            Err(error) => tell(&format!("a call failed: {error}")),
        }
        sleep(APART).await;
    }
    let stand = legs.len();
    let mut parts = serde_json::Map::new();
    for (name, doing) in [
        ("resting", Doing::Resting),
        ("talking", Doing::Talking),
        ("clicking", Doing::Clicking),
    ] {
        say.send_replace(doing);
        sleep(SETTLE).await;
        let (before, counted) = (house.spent(), house.late().await);
        sleep(Duration::from_secs(options.seconds)).await;
        let spent = house.spent().since(&before);
        let late = house.late().await - counted;
        parts.insert(name.to_owned(), of_a_call(&spent, stand, late));
    }
    let full = house.spent();
    say.send_replace(Doing::Over);
    let mut seen = Seen::default();
    while let Some(one) = legs.join_next().await {
        seen.add(one.unwrap_or_default());
    }
    json!({
        "build": house.name(),
        "calls": stand,
        "memory_mb_a_call": round(full.grown_mb(&empty) / as_f64(stand)),
        "parts": parts,
        "phone_to_room_ms": Figures::from_iter(seen.to_room).to_json(),
        "room_to_phone_ms": Figures::from_iter(seen.to_phone).to_json(),
        "late_at_the_phones": seen.late,
        "frames_at_the_phones": seen.frames,
    })
}

fn of_a_call(spent: &Spent, calls: usize, late: f64) -> Value {
    let of_core = 100.0 * spent.cpu.as_secs_f64() / spent.wall.as_secs_f64();
    json!({
        "cpu_percent_of_a_core_a_call": (1e3 * of_core / as_f64(calls)).round() / 1e3,
        "cpu_percent_in_all": round(of_core),
        "fullest_thread_percent": round(100.0 * spent.fullest.as_secs_f64() / spent.wall.as_secs_f64()),
        "switches_a_second_a_call": round(share(spent.switches, spent.wall.as_secs_f64()) / as_f64(calls)),
        "late_over_20_ms": late,
    })
}

fn share(count: usize, seconds: f64) -> f64 {
    as_f64(count) / seconds.max(1e-3)
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls")]
fn as_f64(count: usize) -> f64 {
    count.max(1) as f64
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
