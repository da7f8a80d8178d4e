//! Strangers' voices against the built daemon, over real phone calls: is each sentence understood,
//! and how long after its last sound does the agent's first come? Beside other work if asked.
//!
//! A sentence counts as understood when the flow does what was asked for. The gap is measured on the
//! recording's waveform, and at the phone, which adds both ways of the line.

use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use trunkline_benches::busy::Busy;
use trunkline_benches::voices::{ALL, Voice};
use trunkline_benches::{Figures, Host, journal, tell};
use trunkline_tests::{Daemon, Setup};

use talk::{Asked, Talk};

mod hear;
mod script;
mod talk;

/// How the measurement is made.
#[derive(Parser)]
struct Options {
    /// Rounds over all voices.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Only voices whose name has this in it.
    #[arg(long)]
    voice: Option<String>,
    /// Processes that compute without end beside the calls.
    #[arg(long, default_value_t = 0)]
    busy: usize,
    /// Only say what the recogniser makes of each voice, without a call.
    #[arg(long)]
    hear: bool,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() {
    trunkline_benches::run(measure(Options::parse()));
}

async fn measure(options: Options) {
    if options.hear {
        return hear::all(options.voice.as_deref()).await;
    }
    let daemon = Daemon::start(&Setup::default());
    talk::settle(&daemon).await;
    let busy = Busy::start(options.busy);
    let before = journal::late(&daemon).await;
    let mut talks = Vec::new();
    for round in 0..options.rounds {
        for (number, voice) in ALL.iter().enumerate() {
            let named = options.voice.as_deref();
            if named.is_some_and(|part| !voice.name.contains(part)) {
                continue;
            }
            let talk = talk::call(&daemon, voice, round, number).await;
            if !options.json {
                tell(&line(voice, &talk));
            }
            talks.push((*voice, talk));
        }
    }
    let after = journal::late(&daemon).await;
    let late = (after.0 - before.0, after.1 - before.1);
    let report = report(&talks, &busy, late);
    if options.json {
        tell(&format!("{report:#}"));
    } else {
        tell(&summary(&report));
    }
}

/// One call in one line, and each sentence that was not understood in one more.
fn line(voice: &Voice, talk: &Talk) -> String {
    let gaps: Vec<String> = talk
        .asked
        .iter()
        .map(|asked| format!("{:>5}", shown(asked.gap)))
        .collect();
    let mut line = format!(
        "{:<32} {}/{}  gaps {}",
        voice.name,
        talk.asked.iter().filter(|asked| asked.understood).count(),
        talk.asked.len(),
        gaps.join(" ")
    );
    for asked in talk.asked.iter().filter(|asked| !asked.understood) {
        line.push_str(&format!(
            "\n    {:?} was heard as {:?} and answered {:?}",
            asked.text, asked.heard, asked.said
        ));
    }
    if let Some(wrong) = &talk.wrong {
        line.push_str(&format!("\n    {wrong}"));
    }
    line
}

fn shown(gap: Option<Duration>) -> String {
    gap.map_or_else(|| "-".to_owned(), |gap| gap.as_millis().to_string())
}

fn report(talks: &[(Voice, Talk)], busy: &Busy, late: (f64, f64)) -> Value {
    let asked = || talks.iter().flat_map(|(_, talk)| &talk.asked);
    let gaps = |of: fn(&Asked) -> Option<Duration>| -> Figures {
        asked()
            .filter_map(of)
            .map(|gap| gap.as_secs_f64() * 1e3)
            .collect()
    };
    let whole = |talk: &Talk| talk.wrong.is_none() && talk.asked.iter().all(|one| one.understood);
    let late_at_phones: usize = talks.iter().map(|(_, talk)| talk.late).sum();
    json!({
        "host": Host::read(),
        "busy_processes": busy.count(),
        "voices": { "asked": talks.len(), "understood": talks.iter().filter(|(_, talk)| whole(talk)).count() },
        "sentences": {
            "asked": asked().count(),
            "understood": asked().filter(|one| one.understood).count(),
            "of_these_asked_back": asked().filter(|one| one.understood && one.asked_back).count(),
        },
        "gap_on_the_recording_ms": gaps(|asked| asked.gap).to_json(),
        "gap_at_the_phone_ms": gaps(|asked| asked.gap_at_phone).to_json(),
        "parts_ms": parts(asked),
        "late_over_20_ms": {
            "in_the_gateway": late.0, "in_the_sfu": late.1, "at_the_phones": late_at_phones,
            "frames_at_the_phones": talks.iter().map(|(_, talk)| talk.frames).sum::<usize>(),
        },
        "calls": talks.iter().map(|(voice, talk)| talk.to_json(voice)).collect::<Vec<_>>(),
    })
}

/// Medians and more of what the journal says of each answered sentence.
fn parts<'a, I: Iterator<Item = &'a Asked>>(asked: impl Fn() -> I) -> Value {
    let of = |part: fn(&Asked) -> Option<f64>| -> Value {
        asked().filter_map(part).collect::<Figures>().to_json()
    };
    json!({
        "hear": of(|one| one.stt_ms),
        "decide": of(|one| one.turn_ms),
        "think": of(|one| one.llm_ms),
        "voice": of(|one| one.tts_ms),
    })
}

fn summary(report: &Value) -> String {
    let figures = |name: &str| {
        let of = &report[name];
        let ms = |share: &str| of[share].as_f64().unwrap_or_default();
        format!(
            "p50 {:.0}  p95 {:.0}  max {:.0} ms",
            ms("p50"),
            ms("p95"),
            ms("max")
        )
    };
    let late = &report["late_over_20_ms"];
    format!(
        "\n{}\nvoices understood    {} of {}\nsentences understood {} of {}, {} of these asked back\n\
         gap on the recording {}\ngap at the phone     {}\n\
         frames over 20 ms late: gateway {}, SFU {}, at the phones {} of {}",
        Host::line(&report["host"], &report["busy_processes"]),
        report["voices"]["understood"],
        report["voices"]["asked"],
        report["sentences"]["understood"],
        report["sentences"]["asked"],
        report["sentences"]["of_these_asked_back"],
        figures("gap_on_the_recording_ms"),
        figures("gap_at_the_phone_ms"),
        late["in_the_gateway"],
        late["in_the_sfu"],
        late["at_the_phones"],
        late["frames_at_the_phones"],
    )
}
