//! An hour with a phone whose clock is 200 ppm off ours, in virtual time.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::SampleRate;
use crate::g711::Law;
use crate::jitter::Stats;
use crate::opus::{Encoder, Voice as Tuning};
use crate::{g711, g722, tone};

const HOUR: u32 = 180_000;

#[expect(
    clippy::disallowed_methods,
    reason = "any instant serves as the origin of virtual time"
)]
fn origin() -> Instant {
    Instant::now()
}

/// A second of a voice-like sound, in packets of 20 ms.
fn packets(codec: Codec) -> Vec<Bytes> {
    let wide = codec == Codec::G722;
    let rate = if wide {
        SampleRate::HZ_16000
    } else {
        SampleRate::HZ_8000
    };
    let mut pcm = tone::sine(rate, 200.0, -12.0, rate.samples_in_ms(600));
    pcm.resize(rate.samples_in_ms(1_000), 0);
    let mut coder = g722::Encoder::new();
    let mut opus = Encoder::voice(rate, Tuning::default()).unwrap();
    pcm.chunks(rate.samples_in_ms(20))
        .map(|frame| {
            let mut bytes = Vec::new();
            match codec {
                Codec::G711(law) => g711::encode(law, frame, &mut bytes),
                Codec::G722 => coder.encode(frame, &mut bytes),
                Codec::Opus => return opus.encode(frame).unwrap(),
            }
            Bytes::from(bytes)
        })
        .collect()
}

/// When packet `number` comes from a clock that is `ppm` too fast, jittering by up to 8 ms.
fn arrival(number: u32, ppm: i64) -> Duration {
    let micros = i64::from(number) * 20_000;
    let micros = micros - micros * ppm / 1_000_000;
    let jitter = i64::from(number.wrapping_mul(2_654_435_761) >> 19);
    Duration::from_micros(u64::try_from(micros + jitter).unwrap())
}

struct Hour {
    stats: Stats,
    concealed: u32,
    longest: Duration,
    passed: u64,
}

/// Packets of an hour go in as they arrive, and `take` pulls once in 20 ms.
fn listen(codec: Codec, ppm: i64, mut take: impl FnMut(&mut Stream, Instant, &mut Hour)) -> Hour {
    let start = origin();
    let sounds = packets(codec);
    let mut stream = Stream::new(codec, SampleRate::HZ_16000).unwrap();
    let ticks = codec.clock_hz() / 50;
    let mut hour = Hour {
        stats: Stats::default(),
        concealed: 0,
        longest: Duration::ZERO,
        passed: 0,
    };
    let mut sent = 0;
    for tick in 0..HOUR {
        let now = Duration::from_millis(u64::from(tick) * 20);
        while arrival(sent, ppm) <= now {
            #[expect(clippy::cast_possible_truncation, reason = "numbers wrap on the wire")]
            let seq = sent as u16;
            let payload = sounds[sent as usize % sounds.len()].clone();
            let place = (7, seq, sent.wrapping_mul(ticks));
            stream.insert(place, payload, start + arrival(sent, ppm));
            sent += 1;
        }
        take(&mut stream, start + now, &mut hour);
        // The first seconds find the delay.
        if tick > 500 {
            hour.longest = hour.longest.max(stream.stats().delay);
        }
    }
    hour.stats = stream.stats();
    hour
}

fn check(hour: &Hour, what: &str) {
    let Hour { stats, longest, .. } = hour;
    assert_eq!((stats.lost, stats.late, stats.dropped), (0, 0, 0), "{what}");
    assert!(*longest < Duration::from_millis(75), "{what}: {longest:?}");
    assert!(stats.played > 179_900, "{what}: {stats:?}");
}

#[test]
fn an_hour_of_a_clock_that_is_off_loses_nothing_and_grows_no_delay() {
    let clocks = [
        (Codec::G711(Law::A), -200),
        (Codec::G711(Law::Mu), 200),
        (Codec::G722, 200),
    ];
    for (codec, ppm) in clocks {
        let hour = listen(codec, ppm, |stream, now, hour| {
            let mut out = [0; 320];
            let heard = stream.frame(now, &mut out);
            hour.concealed += u32::from(heard == Heard::Concealed);
        });
        let what = format!("{codec:?} {ppm} ppm");
        check(&hour, &what);
        // A slow clock owes 36 frames in an hour.
        assert!(hour.concealed <= 80, "{what}: {}", hour.concealed);
    }
}

#[test]
fn an_hour_of_packets_passed_on_is_all_passed_on() {
    for ppm in [-200, 200] {
        let mut due = 0_i64;
        let hour = listen(Codec::Opus, ppm, |stream, now, hour| {
            due += 960;
            while due > 0 {
                due -= match stream.relay(now) {
                    Relayed::Packet { hurry, ticks, .. } => {
                        hour.passed += 1;
                        if hurry { 0 } else { i64::from(ticks) }
                    }
                    Relayed::Gap { ticks, .. } => i64::from(ticks),
                    Relayed::Wait => 960,
                    Relayed::Idle => due,
                };
            }
        });
        check(&hour, &format!("{ppm} ppm"));
        assert_eq!(hour.passed, hour.stats.played);
    }
}
