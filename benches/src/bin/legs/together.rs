//! Calls that stand at the same time: at rest, talking, and how long sound takes.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use trunkline_benches::{Figures, tell};

use super::leg::{Doing, Leg, Seen};
use super::sounds::Sounds;
use super::spent::Spent;
use super::stack::{Stack, late, spent};
use super::{SETTLE, as_f64, round, share};

/// Between the starts of two calls: no whole number of frames, since callers do not speak in step.
const APART: Duration = Duration::from_millis(53);

pub(crate) async fn measure(
    stack: &dyn Stack,
    seconds: u64,
    calls: usize,
    sounds: &Sounds,
) -> Value {
    let empty = spent(stack);
    let (say, hear) = watch::channel(Doing::Resting);
    let mut legs = JoinSet::new();
    for number in 0..calls {
        let joining = Leg::open(stack.url(), stack.sip(), 7_000 + number, sounds);
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
        let (before, counted) = (spent(stack), late(stack).await);
        sleep(Duration::from_secs(seconds)).await;
        let spent = spent(stack).since(&before);
        let late = late(stack).await.zip(counted).map(|(now, then)| now - then);
        parts.insert(name.to_owned(), of_a_call(&spent, stand, late));
    }
    let full = spent(stack);
    say.send_replace(Doing::Over);
    let mut seen = Seen::default();
    while let Some(one) = legs.join_next().await {
        seen.add(one.unwrap_or_default());
    }
    json!({
        "stack": stack.name(),
        "calls": stand,
        "memory_mb_before": round(empty.memory_mb()),
        "memory_mb_a_call": round(full.grown_mb(&empty) / as_f64(stand)),
        "parts": parts,
        "phone_to_room_ms": Figures::from_iter(seen.to_room).to_json(),
        "room_to_phone_ms": Figures::from_iter(seen.to_phone).to_json(),
        "late_at_the_phones": seen.late,
        "frames_at_the_phones": seen.frames,
    })
}

fn of_a_call(spent: &Spent, calls: usize, late: Option<f64>) -> Value {
    let of_core = 100.0 * spent.cpu.as_secs_f64() / spent.wall.as_secs_f64();
    json!({
        "cpu_percent_of_a_core_a_call": (1e3 * of_core / as_f64(calls)).round() / 1e3,
        "cpu_percent_in_all": round(of_core),
        "fullest_thread_percent": round(100.0 * spent.fullest.as_secs_f64() / spent.wall.as_secs_f64()),
        "switches_a_second_a_call": round(share(spent.switches, spent.wall.as_secs_f64()) / as_f64(calls)),
        "late_over_20_ms": late,
    })
}
