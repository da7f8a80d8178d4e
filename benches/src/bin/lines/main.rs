//! How telephone sound comes through bad lines: loss alone and in bursts, jitter, packets that are
//! overtaken or doubled, and an hour of clocks that run apart.
//!
//! In virtual time first: speech is encoded, carried by a seeded line and heard through the jitter
//! buffer and the concealment that calls have. Then, with `--live SECONDS`, calls of that length to
//! the built daemon through a relay with the same lines, as the daemon itself rates them. PESQ is
//! printed where `.venv` has the Python package `pesq`; that it is missing is said.

use std::time::Duration;

use clap::Parser;
use trunkline_benches::tell;
use trunkline_benches::voices::{self, ALL};
use trunkline_media::g711::Law;
use trunkline_media::playout::Codec;
use trunkline_tests::line::Weather;

mod drift;
mod ear;
mod live;
mod pesq;

#[derive(Parser)]
struct Args {
    /// Sentences heard over each line; ten of some seconds each say enough.
    #[arg(long, default_value_t = 10)]
    sentences: usize,
    /// Length of the calls to the built daemon; none when it is 0.
    #[arg(long, default_value_t = 0)]
    live: u64,
    /// How long clocks run apart, in minutes of virtual time.
    #[arg(long, default_value_t = 60)]
    drift: u32,
}

/// A line and how the table names it.
struct Named {
    name: &'static str,
    weather: Weather,
}

/// Four steps of loss at random, and what networks do besides.
fn lines() -> Vec<Named> {
    let steady = Weather {
        delay: Duration::from_millis(40),
        ..Weather::default()
    };
    let shaken = Weather {
        jitter: Duration::from_millis(30),
        ..steady
    };
    let losing = |name, loss| Named {
        name,
        weather: Weather { loss, ..shaken },
    };
    vec![
        Named {
            name: "no jitter, 0 %",
            weather: steady,
        },
        losing("30 ms, 0 %", 0.0),
        losing("30 ms, 1 %", 0.01),
        losing("30 ms, 3 %", 0.03),
        losing("30 ms, 5 %", 0.05),
        Named {
            name: "30 ms, 3 % in bursts of 3",
            weather: Weather {
                loss: 0.03,
                burst: 3.0,
                ..shaken
            },
        },
        Named {
            name: "30 ms, 1 %, 2 % overtaken, 1 % twice",
            weather: Weather {
                loss: 0.01,
                reorder: 0.02,
                duplicate: 0.01,
                ..shaken
            },
        },
    ]
}

const CODECS: [(&str, Codec); 3] = [
    ("PCMU", Codec::G711(Law::Mu)),
    ("G.722", Codec::G722),
    ("Opus", Codec::Opus),
];

/// What is said: no two alike, of some three seconds each.
const SENTENCES: [&str; 5] = [
    "The parcel that you are asking about left our house on Tuesday morning.",
    "We are open every day from nine in the morning until six in the evening.",
    "Please tell me your order number, one digit after the other.",
    "A colleague of mine will call you back before the end of this week.",
    "I have moved your appointment from the third to the fifth of March.",
];

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let spoken = speech(args.sentences);
    if args.sentences > 0 && spoken.is_empty() {
        tell("no voice is installed: scripts/setup bench installs them");
    } else if !spoken.is_empty() {
        over_lines(&spoken);
    }
    drift::report(args.drift);
    if args.live > 0 {
        live::report(&lines(), Duration::from_secs(args.live)).await;
    }
}

/// Sentences at 8 kHz, in several voices.
fn speech(count: usize) -> Vec<Vec<i16>> {
    let speakers: Vec<_> = ALL.iter().filter(|voice| !voice.is_recorded()).collect();
    let sentence = |number: usize| {
        let voice = speakers.get(number % speakers.len())?;
        let mut pcm = voice.say(SENTENCES.get(number % SENTENCES.len())?).ok()?;
        // PESQ wants some quiet around what it compares.
        let quiet = vec![0; voices::RATE.samples_in_ms(500)];
        pcm.splice(0..0, quiet.iter().copied());
        pcm.extend(quiet);
        Some(pcm)
    };
    (0..count).filter_map(sentence).collect()
}

fn over_lines(spoken: &[Vec<i16>]) {
    let scores = pesq::Scorer::start();
    tell(&format!(
        "{} sentences in virtual time, 40 ms of line, narrow band; PESQ {}",
        spoken.len(),
        if scores.is_some() {
            "by pesq"
        } else {
            "not to be had: pip install pesq"
        },
    ));
    tell(&format!(
        "{:<6} {:<38} {:>7} {:>10} {:>9} {:>6} {:>6}",
        "codec", "line", "lost %", "invented %", "buffer ms", "MOS", "PESQ"
    ));
    for (codec_name, codec) in CODECS {
        for Named { name, weather } in lines() {
            let heard: Vec<ear::Heard> = (0..)
                .zip(spoken)
                .filter_map(|(seed, pcm)| ear::hear(codec, pcm, weather, seed))
                .collect();
            let mean = |of: fn(&ear::Heard) -> f64| {
                #[expect(clippy::cast_precision_loss, reason = "a count of sentences")]
                let count = heard.len().max(1) as f64;
                heard.iter().map(of).sum::<f64>() / count
            };
            let pesq = scores.as_ref().and_then(|scores| {
                let pairs = spoken
                    .iter()
                    .zip(&heard)
                    .map(|(said, heard)| (said, &heard.pcm));
                scores.mean(pairs)
            });
            tell(&format!(
                "{codec_name:<6} {name:<38} {:>7.2} {:>10.2} {:>9.1} {:>6.2} {:>6}",
                100.0 * mean(|heard| heard.lost),
                100.0 * mean(|heard| heard.invented),
                mean(|heard| heard.buffer.as_secs_f64() * 1e3),
                mean(ear::Heard::mos),
                pesq.map_or_else(|| "-".to_owned(), |score| format!("{score:.2}")),
            ));
        }
    }
}
