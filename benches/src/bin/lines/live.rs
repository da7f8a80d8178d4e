//! Calls to the built daemon over the same lines, as it rates them itself.

use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use trunkline_benches::gateway::{self, Seen};
use trunkline_benches::{Figures, tell};
use trunkline_bridge::sip::CallerOptions;
use trunkline_tests::line::{Relay, Weather};

use super::Named;

/// Calls at once over each line.
const CALLS: u32 = 8;

/// Prints what the daemon wrote down of the calls over each line, and what the phones saw.
pub(crate) async fn report(lines: &[Named], length: Duration) {
    let daemon = gateway::start(gateway::configuration(""));
    let Ok(address) = daemon.addr("sip").parse() else {
        return;
    };
    tell(&format!(
        "{CALLS} calls of {} s to the daemon over each line, both ways; rated by the daemon",
        length.as_secs()
    ));
    tell(&format!(
        "{:<38} {:>9} {:>5} {:>8} {:>10} {:>9} {:>6} {:>12} {:>11}",
        "line",
        "answered",
        "kept",
        "lost",
        "invented",
        "buffer ms",
        "MOS",
        "phone lost %",
        "longest ms"
    ));
    for (seed, Named { name, weather }) in (0_u64..).zip(lines) {
        // Signalling has to live with the loss alone.
        let signalling = Weather {
            loss: weather.loss,
            delay: weather.delay,
            ..Weather::default()
        };
        let relay = match Relay::start(address, *weather, signalling, seed << 32) {
            Ok(relay) => relay,
            Err(error) => {
                tell(&format!("{name}: no line: {error}"));
                continue;
            }
        };
        let mut callers = JoinSet::new();
        for number in 0..CALLS {
            let options = CallerOptions::new(
                format!("sip:100@{}", relay.addr()),
                format!("{seed}{number:03}"),
            );
            callers.spawn(gateway::call(options, length));
        }
        let seen = callers.join_all().await;
        drop(relay);
        // The last rows are written while calls say goodbye.
        tokio::time::sleep(SETTLE).await;
        let rows = gateway::calls(&daemon, CALLS).await;
        let media: Vec<Value> = rows.into_iter().filter_map(|call| call.summary).collect();
        tell(&line(name, &seen, &media));
    }
}

fn line(name: &str, seen: &[Seen], media: &[Value]) -> String {
    let middle = |field: &str| {
        let figures: Figures = media.iter().filter_map(|row| find(row, field)).collect();
        figures.percentile(50).unwrap_or(f64::NAN)
    };
    let count = |fits: fn(&Seen) -> bool| seen.iter().filter(|seen| fits(seen)).count();
    let (lost, packets) = seen.iter().fold((0, 0), |(lost, all), seen| {
        (lost + seen.lost, all + seen.lost + seen.packets)
    });
    #[expect(clippy::cast_precision_loss, reason = "counts of packets")]
    let lost = 100.0 * lost as f64 / packets.max(1) as f64;
    let longest = seen.iter().map(|seen| seen.gap).max().unwrap_or_default();
    format!(
        "{name:<38} {:>9} {:>5} {:>8.0} {:>10.0} {:>9.1} {:>6.2} {lost:>12.2} {:>11.0}",
        count(|seen| seen.answered.is_some()),
        count(|seen| seen.kept),
        middle("lost"),
        middle("concealed"),
        middle("buffer_ms"),
        middle("mos"),
        longest.as_secs_f64() * 1e3,
    )
}

/// A figure of that name, at whatever depth the row has it.
fn find(row: &Value, field: &str) -> Option<f64> {
    let object = row.as_object()?;
    let own = object.get(field).and_then(Value::as_f64);
    own.or_else(|| object.values().find_map(|value| find(value, field)))
}

/// How long a goodbye takes to be written down.
const SETTLE: Duration = Duration::from_millis(500);
