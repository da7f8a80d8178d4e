//! The demonstration for people: who says what, and where the time went.

use super::report::{Report, TurnReport};
use crate::output;

pub(super) fn opening(url: &str, page: &str) {
    output::line("");
    output::line("  Trunkline: a phone call to a voice agent, all on this machine");
    output::line(&format!("  LiveKit {url}   console {page}"));
    output::line("");
}

/// The table at the end of a call.
pub(super) fn table(report: &Report) {
    let header = [
        "turn",
        "hear",
        "decide",
        "think",
        "voice",
        "gap",
        "gap in the recording",
    ];
    let ms = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
    let row = |(number, turn): (usize, &TurnReport)| {
        vec![
            number.to_string(),
            ms(turn.stt_ms),
            ms(turn.turn_ms),
            ms(turn.llm_ms),
            ms(turn.tts_ms),
            ms(turn.voice_to_voice_ms),
            ms(turn.voice_to_voice_waveform_ms),
        ]
    };
    let rows: Vec<Vec<String>> = (1..).zip(&report.turns).map(row).collect();
    output::line("");
    for line in output::table(&header, &rows).lines() {
        output::line(&format!("  {line}"));
    }
    output::line("");
    output::line(&format!(
        "  answered in {}, greeted in {}, voice to voice p50 {}",
        ms(report.answered_ms),
        ms(report.greeting_ms),
        ms(report.voice_to_voice_ms.p50)
    ));
    if let Some(recording) = &report.recording {
        output::line(&format!(
            "  recorded {:.1} s in stereo: {}",
            recording.seconds, recording.path
        ));
    }
    for error in &report.errors {
        output::line(&format!("  wrong: {error}"));
    }
}

/// Where to go from here.
pub(super) fn invitation(sip: &str, page: &str) {
    output::line("");
    output::line(&format!(
        "  Call it yourself from a softphone:  sip:agent@{sip}"
    ));
    output::line(&format!(
        "  Calls so far:                       {page}/api/calls"
    ));
    output::line("  Ctrl-C ends it.");
    output::line("");
}
