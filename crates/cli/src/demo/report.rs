//! What a demonstration call came to: the document of `--json`, and whether it was a success.

use serde::Serialize;
use trunkline_base::secret::Personal;
use trunkline_media::SampleRate;
use trunkline_media::analyse::{Rules, replies, segments};
use trunkline_media::ogg::Reader;
use trunkline_store::{Call, Recording, Turn};

/// Share of the caller's words that must come back for a turn to count as understood. The sample
/// voice on a telephone line loses a word now and then, never half of them.
const UNDERSTOOD: f64 = 0.6;

/// Events without which a recorded call is not whole.
const EVENTS: &[&str] = &[
    "room_started",
    "participant_joined",
    "track_published",
    "egress_started",
    "egress_ended",
    "participant_left",
    "room_finished",
];

/// One call as measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) call_id: Option<String>,
    pub(super) room: Option<String>,
    pub(super) sip_status: u16,
    pub(super) answered_ms: Option<f64>,
    pub(super) greeting_ms: Option<f64>,
    pub(super) turns: Vec<TurnReport>,
    pub(super) voice_to_voice_ms: Percentiles,
    pub(super) recording: Option<RecordingReport>,
    pub(super) webhooks: Vec<String>,
    pub(super) errors: Vec<String>,
}

/// One exchange.
#[derive(Debug, Serialize)]
pub(super) struct TurnReport {
    pub(super) caller_said: Option<&'static str>,
    pub(super) agent_heard: Personal<String>,
    pub(super) agent_said: Personal<String>,
    pub(super) voice_to_voice_ms: Option<f64>,
    pub(super) voice_to_voice_waveform_ms: Option<f64>,
    pub(super) stt_ms: Option<f64>,
    pub(super) turn_ms: Option<f64>,
    pub(super) llm_ms: Option<f64>,
    pub(super) tts_ms: Option<f64>,
}

/// Over the waveform of the recording.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Percentiles {
    pub(super) p50: Option<f64>,
    pub(super) p95: Option<f64>,
}

/// The file.
#[derive(Debug, Serialize)]
pub(super) struct RecordingReport {
    pub(super) path: String,
    pub(super) seconds: f64,
    pub(super) channels: u8,
}

/// What the caller's own end of the line saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) sip_status: u16,
    pub(super) answered_ms: Option<f64>,
    pub(super) greeting_ms: Option<f64>,
    /// What was said, in order.
    pub(super) said: Vec<Option<&'static str>>,
    /// How often the agent stayed silent.
    pub(super) unanswered: usize,
    pub(super) errors: Vec<String>,
}

/// What the daemon kept.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) call: Option<Call>,
    pub(super) turns: Vec<Turn>,
    pub(super) recording: Option<Recording>,
    pub(super) events: Vec<String>,
}

/// Puts both together and judges.
pub(super) fn build(seen: Seen, kept: Stored) -> Report {
    let sound = kept.recording.as_ref().and_then(measure);
    let answered = answered(kept.turns);
    let gaps = sound
        .as_ref()
        .map(|sound| sound.gaps.as_slice())
        .unwrap_or_default();
    // A recording may hold more sentences than one, each with an answer of its own.
    let lines = seen.said.len();
    let turns: Vec<TurnReport> = (0..lines.max(answered.len()))
        .map(|index| {
            let said = seen.said.get(index).copied().flatten();
            exchange(said, answered.get(index), gaps.get(index).copied())
        })
        .collect();
    let mut report = Report {
        call_id: kept.call.as_ref().map(|call| call.call_id.clone()),
        room: kept.call.as_ref().map(|call| call.room.clone()),
        sip_status: seen.sip_status,
        answered_ms: seen.answered_ms,
        greeting_ms: seen.greeting_ms,
        voice_to_voice_ms: percentiles(gaps),
        recording: sound.map(|sound| sound.report),
        webhooks: kept.events,
        turns,
        errors: seen.errors,
    };
    judge(&mut report, lines, seen.unanswered, kept.call.as_ref());
    report
}

/// The turns of the caller; the agent's own words have none.
fn answered(mut turns: Vec<Turn>) -> Vec<Turn> {
    turns.retain(|turn| !turn.heard.expose().is_empty());
    turns
}

fn exchange(said: Option<&'static str>, turn: Option<&Turn>, gap: Option<f64>) -> TurnReport {
    let latency = turn.map(|turn| turn.latency).unwrap_or_default();
    TurnReport {
        caller_said: said,
        agent_heard: turn.map(|turn| turn.heard.clone()).unwrap_or_default(),
        agent_said: turn.map(|turn| turn.said.clone()).unwrap_or_default(),
        voice_to_voice_ms: latency.voice_to_voice_ms,
        voice_to_voice_waveform_ms: gap,
        stt_ms: latency.stt_ms,
        turn_ms: latency.turn_ms,
        llm_ms: latency.llm_ms,
        tts_ms: latency.tts_ms,
    }
}

struct Sound {
    report: RecordingReport,
    /// End of the caller's sound to start of the agent's, in milliseconds, a line each.
    gaps: Vec<f64>,
}

/// Reads the recording and measures on its waveform, the caller left, the agent right.
fn measure(recording: &Recording) -> Option<Sound> {
    let rate = SampleRate::HZ_16000;
    let bytes = std::fs::read(&recording.path).ok()?;
    let reader = Reader::new(&bytes).ok()?;
    let stereo = reader.decode(rate).ok()?;
    // Digits are spoken with pauses; a caller's line ends where the agent may answer.
    let line = Rules {
        bridge: std::time::Duration::from_millis(650),
        ..Rules::default()
    };
    let caller = segments(&stereo.left, rate, &line);
    let agent = segments(&stereo.right, rate, &Rules::default());
    let gaps = replies(&caller, &agent)
        .iter()
        .map(|reply| reply.gap.as_secs_f64() * 1e3)
        .collect();
    let samples = stereo.left.len().max(stereo.right.len());
    let report = RecordingReport {
        path: recording.path.clone(),
        seconds: samples as f64 / f64::from(rate.hz()),
        channels: recording.channels,
    };
    Some(Sound { report, gaps })
}

fn percentiles(gaps: &[f64]) -> Percentiles {
    let mut sorted = gaps.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let last = sorted.len().checked_sub(1)?;
        // Nearest rank; the list is short, so the cast is exact.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into a list of a few turns"
        )]
        let index = (share * last as f64).round() as usize;
        sorted.get(index).copied()
    };
    Percentiles {
        p50: at(0.5),
        p95: at(0.95),
    }
}

fn judge(report: &mut Report, lines: usize, unanswered: usize, call: Option<&Call>) {
    let mut wrong = Vec::new();
    if report.sip_status != 200 {
        wrong.push(format!(
            "the call was not answered: SIP status {}",
            report.sip_status
        ));
    }
    if report.greeting_ms.is_none() {
        wrong.push("no greeting was heard".to_owned());
    }
    if unanswered > 0 {
        wrong.push(format!("the agent stayed silent {unanswered} times"));
    }
    for (number, turn) in (1..).zip(report.turns.iter().take(lines)) {
        let heard = turn.agent_heard.expose();
        let share = turn.caller_said.map_or(1.0, |said| understood(said, heard));
        if heard.is_empty() || share < UNDERSTOOD {
            wrong.push(format!("turn {number} was not understood"));
        }
        if turn.agent_said.expose().is_empty() {
            wrong.push(format!("turn {number} was not answered"));
        }
    }
    if report.turns.is_empty() {
        wrong.push("nothing was said".to_owned());
    }
    match &report.recording {
        Some(recording) if recording.channels == 2 && recording.seconds > 1.0 => {}
        Some(_) => wrong.push("the recording is not whole".to_owned()),
        None => wrong.push("there is no recording".to_owned()),
    }
    if call.is_none_or(|call| call.ended_at.is_none()) {
        wrong.push("the call is not in the store from start to end".to_owned());
    }
    for event in EVENTS {
        if !report.webhooks.iter().any(|seen| seen == event) {
            wrong.push(format!("the event {event} did not come"));
        }
    }
    report.errors.extend(wrong);
}

/// The share of the words said that were heard, digits and their words alike.
fn understood(said: &str, heard: &str) -> f64 {
    let said = words(said);
    let mut heard = words(heard);
    let total = said.len().max(1);
    let found = said
        .into_iter()
        .filter(|word| {
            let at = heard.iter().position(|other| other == word);
            at.map(|at| heard.swap_remove(at)).is_some()
        })
        .count();
    found as f64 / total as f64
}

fn words(text: &str) -> Vec<String> {
    const DIGITS: [&str; 10] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    let mut words = Vec::new();
    // A recogniser writes "where's" or "where is", "good-bye" or "goodbye", as it likes.
    let text = text.to_lowercase().replace("'s", " is").replace('-', "");
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '\'') {
        if word.is_empty() {
            continue;
        }
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            let spelled = word
                .bytes()
                .filter_map(|byte| DIGITS.get(usize::from(byte - b'0')));
            words.extend(spelled.map(|word| (*word).to_owned()));
        } else {
            words.push(word.to_owned());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use trunkline_base::id::{RoomName, TurnId};
    use trunkline_base::time::UnixTime;
    use trunkline_store::TurnLatency;

    use super::*;

    #[test]
    fn digits_are_understood_however_they_are_written() {
        let share = understood("Four two seven, one one eight.", "427 118");
        assert!((share - 1.0).abs() < 1e-9, "{share}");
        assert!(understood("Where is my parcel?", "where's my parcel") > 0.99);
        assert!(understood("Thank you goodbye.", "Thank you, good-bye.") > 0.99);
        assert!(understood("Where is my parcel?", "What is your name") < UNDERSTOOD);
    }

    #[test]
    fn every_turn_of_a_recorded_caller_is_reported() {
        let turn = |heard: &str, said: &str| Turn {
            turn_id: TurnId::parse("TN_a").unwrap(),
            room: RoomName::parse("call").unwrap(),
            call_id: None,
            at: UnixTime(0),
            heard: heard.to_owned().into(),
            said: said.to_owned().into(),
            interrupted: said.is_empty(),
            latency: TurnLatency::default(),
        };
        let kept = Stored {
            turns: vec![
                turn("", "Good day."),
                turn("Hello, where is my parcel?", "What is its number?"),
                turn("Four.", "Thank you."),
                turn("Never mind.", ""),
            ],
            ..Stored::default()
        };
        let seen = Seen {
            sip_status: 200,
            said: vec![None],
            ..Seen::default()
        };
        let report = build(seen, kept);
        let heard: Vec<&String> = report
            .turns
            .iter()
            .map(|t| t.agent_heard.expose())
            .collect();
        assert_eq!(
            heard,
            ["Hello, where is my parcel?", "Four.", "Never mind."]
        );
        let text = report.errors.join("\n");
        assert!(
            !text.contains("was not answered"),
            "a caller may hang up: {text}"
        );
    }

    #[test]
    fn a_call_that_left_nothing_behind_is_no_success() {
        let seen = Seen {
            sip_status: 200,
            said: vec![Some("hello")],
            ..Seen::default()
        };
        let report = build(seen, Stored::default());
        let text = report.errors.join("\n");
        for part in [
            "no greeting",
            "not understood",
            "no recording",
            "not in the store",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let of = percentiles(&[900.0, 700.0, 800.0]);
        assert_eq!((of.p50, of.p95), (Some(800.0), Some(900.0)));
        assert_eq!(percentiles(&[]).p50, None);
    }
}
