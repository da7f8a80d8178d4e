//! The main job: a caller phones over real SIP and RTP, is understood, answered by voice,
//! recorded and journalled.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use trunkline_tests::{peer, run, trunkline};

const LIMIT: Duration = Duration::from_secs(240);

fn play(args: &[&str], data: &Path) -> (Value, String, Option<i32>) {
    let mut command = trunkline();
    command
        .args(["demo", "--once", "--json", "--data"])
        .arg(data)
        .args(args);
    let output = run(&mut command, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("no report: {error}\n{said}"));
    (report, said, output.status.code())
}

#[test]
fn the_caller_is_understood_answered_recorded_and_journalled() {
    let dir = tempfile::tempdir().unwrap();
    let (report, said, code) = play(&[], dir.path());
    assert_eq!(code, Some(0), "{report:#}\n{said}");
    assert_eq!(report["sip_status"], 200);
    assert!(report["answered_ms"].is_number() && report["greeting_ms"].is_number());
    let turns = report["turns"].as_array().unwrap();
    assert_eq!(turns.len(), 4, "{report:#}");
    for turn in turns {
        let keys = ["voice_to_voice_ms", "stt_ms", "turn_ms", "llm_ms", "tts_ms"];
        for key in keys {
            assert!(turn[key].is_number(), "{key} was not measured in {turn:#}");
        }
    }
    let answer = turns[1]["agent_said"].as_str().unwrap();
    assert!(answer.to_lowercase().contains("parcel"), "{answer}");
    assert!(report["voice_to_voice_ms"]["p50"].is_number(), "{report:#}");
    plays_everywhere(report["recording"]["path"].as_str().unwrap());
}

/// Others' software accepts the recording, with two channels and the length we say.
fn plays_everywhere(path: &str) {
    if let Some(ffprobe) = peer("ffprobe") {
        let show = [
            "-v",
            "error",
            "-show_entries",
            "stream=codec_name,channels:format=duration",
        ];
        let mut command = std::process::Command::new(ffprobe);
        let output = run(command.args(show).args(["-of", "json", path]), LIMIT);
        let probed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(probed["streams"][0]["codec_name"], "opus");
        assert_eq!(probed["streams"][0]["channels"], 2);
    }
    if let Some(opusinfo) = peer("opusinfo") {
        let output = run(std::process::Command::new(opusinfo).arg(path), LIMIT);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("WARNING"), "{said}");
    }
}

#[test]
fn a_recording_of_ones_own_is_spoken_into_the_call() {
    let Some(espeak) = peer("espeak-ng") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let wav = dir.path().join("caller.wav");
    let mut command = std::process::Command::new(espeak);
    command
        .args(["-v", "en-us", "-s", "140", "-w"])
        .arg(&wav)
        .arg("What are your opening hours?");
    assert!(run(&mut command, LIMIT).status.success());
    let typed = wav.display().to_string();
    let (report, said, code) = play(&["--caller", &typed], &dir.path().join("data"));
    assert_eq!(code, Some(0), "{report:#}\n{said}");
    let turn = &report["turns"][0];
    // A robot's voice is hard to hear: "opening hours" has come out as a name. Some of the words
    // always get through, and no other sound has them.
    let heard = turn["agent_heard"].as_str().unwrap().to_lowercase();
    let words = ["what", "are", "your", "opening", "hours"];
    let through = words.iter().filter(|word| heard.contains(*word)).count();
    assert!(through >= 2, "{turn:#}");
    assert_ne!(turn["agent_said"], "", "{turn:#}");
}

#[test]
fn a_file_that_is_no_sound_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("not.wav");
    fs::write(&file, "this is no sound").unwrap();
    let mut command = trunkline();
    command
        .args(["demo", "--once", "--json", "--caller"])
        .arg(&file);
    command.arg("--data").arg(dir.path().join("data"));
    let output = run(&mut command, LIMIT);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not.wav"));
}
