//! Phones whose clocks are off ours, for an hour of virtual time.

use std::time::{Duration, Instant};

use trunkline_benches::tell;
use trunkline_benches::voices::RATE;
use trunkline_media::playout::{Heard, Stream};
use trunkline_media::tone;
use trunkline_tests::line::{Line, Weather};

use super::CODECS;
use super::ear::packets;

/// Parts in a million; what cheap quartz and bad sound cards do.
const OFF: [i64; 2] = [-200, 200];

/// Prints what becomes of each codec's packets.
pub(crate) fn report(minutes: u32) {
    if minutes == 0 {
        return;
    }
    tell(&format!(
        "{minutes} minutes of clocks that run apart, 8 ms of jitter, in virtual time"
    ));
    tell(&format!(
        "{:<6} {:>5} {:>8} {:>6} {:>6} {:>8} {:>15} {:>12}",
        "codec", "ppm", "played", "lost", "late", "dropped", "invented frames", "longest ms"
    ));
    for (name, codec) in CODECS {
        for ppm in OFF {
            let Some(hour) = listen(codec, ppm, minutes * 3_000) else {
                continue;
            };
            let stats = hour.stats;
            tell(&format!(
                "{name:<6} {ppm:>5} {:>8} {:>6} {:>6} {:>8} {:>15} {:>12.1}",
                stats.played,
                stats.lost,
                stats.late,
                stats.dropped,
                hour.invented,
                hour.longest.as_secs_f64() * 1e3,
            ));
        }
    }
}

struct Hour {
    stats: trunkline_media::jitter::Stats,
    invented: u32,
    longest: Duration,
}

fn listen(codec: trunkline_media::playout::Codec, ppm: i64, frames: u32) -> Option<Hour> {
    // A second of something like a voice, and a pause in it.
    let mut pcm = tone::sine(RATE, 200.0, -12.0, RATE.samples_in_ms(600));
    pcm.resize(RATE.samples_in_ms(1_000), 0);
    let sounds = packets(codec, &pcm)?;
    let mut line = Line::new(
        Weather {
            jitter: Duration::from_millis(4),
            ..Weather::default()
        },
        200,
    );
    let origin = Instant::now();
    let mut stream = Stream::new(codec, RATE).ok()?;
    let ticks = codec.clock_hz() / 50;
    let mut frame = vec![0; RATE.samples_in_ms(20)];
    let (mut sent, mut next) = (0_u32, line.carry(Duration::ZERO));
    let mut hour = Hour {
        stats: stream.stats(),
        invented: 0,
        longest: Duration::ZERO,
    };
    for tick in 0..frames {
        let now = Duration::from_millis(20) * tick;
        while next.first().is_some_and(|at| *at <= now) {
            let at = next.first().copied()?;
            #[expect(clippy::cast_possible_truncation, reason = "numbers wrap on the wire")]
            let place = (7, sent as u16, sent.wrapping_mul(ticks));
            let sound = sounds.get(sent as usize % sounds.len())?;
            stream.insert(place, sound.clone(), origin + at);
            sent += 1;
            next = line.carry(sent_at(sent, ppm)?);
        }
        let heard = stream.frame(origin + now, &mut frame);
        hour.invented += u32::from(heard == Heard::Concealed);
        // The first seconds find the delay.
        if tick > 500 {
            hour.longest = hour.longest.max(stream.stats().delay);
        }
    }
    hour.stats = stream.stats();
    Some(hour)
}

/// When packet `number` leaves a clock that is so much too fast.
fn sent_at(number: u32, ppm: i64) -> Option<Duration> {
    let micros = i64::from(number) * 20_000;
    let micros = micros - micros * ppm / 1_000_000;
    u64::try_from(micros).ok().map(Duration::from_micros)
}
