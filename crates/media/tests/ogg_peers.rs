//! Others' software reads the recordings we write: ffprobe, ffmpeg and opusinfo.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::print_stderr,
    reason = "a test stops at the first surprise and names the peers it has to do without"
)]

use std::path::Path;
use std::process::{Command, Output};

use trunkline_media::ogg::{DualOpusWriter, Options, Side};
use trunkline_media::opus::{Encoder, Voice};
use trunkline_media::{SampleRate, level, tone, wav};

const RATE: SampleRate = SampleRate::HZ_16000;

/// Runs a tool, or says by name that it is not here.
fn run(tool: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("SKIPPED: {tool} is not installed ({error})");
            None
        }
    }
}

fn speak(writer: &mut DualOpusWriter, side: Side, hz: f64, from_ms: u64, to_ms: u64) {
    let mut encoder = Encoder::voice(RATE, Voice::default()).unwrap();
    let mut source = tone::Sine::new(RATE, hz, -10.0);
    for at_ms in (from_ms..to_ms).step_by(20) {
        let mut pcm = [0; 320];
        source.fill(&mut pcm);
        writer
            .push(side, at_ms * 48, &encoder.encode(&pcm).unwrap())
            .unwrap();
    }
}

/// Ten seconds: the caller speaks 1-4 s and 7-8 s, the agent 5-6.5 s.
fn call(finish: bool) -> Vec<u8> {
    let mut writer = DualOpusWriter::new(&Options {
        serial: 99,
        tags: vec![("TITLE".to_owned(), "test call".to_owned())],
        ..Options::default()
    });
    speak(&mut writer, Side::Left, 440.0, 1_000, 4_000);
    speak(&mut writer, Side::Right, 880.0, 5_000, 6_500);
    speak(&mut writer, Side::Left, 440.0, 7_000, 8_000);
    writer.advance(480_000);
    if finish {
        writer.finish();
    }
    writer.take()
}

fn saved(directory: &Path, name: &str, bytes: &[u8]) -> String {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn duration_by_ffprobe(path: &str) -> Option<f64> {
    let output = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-show_entries",
            "format=duration:stream=codec_name,channels",
            "-of",
            "csv",
            path,
        ],
    )?;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("stream,opus,2"), "{text}");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = text
        .lines()
        .find(|line| line.starts_with("format,"))
        .unwrap()
        .to_owned();
    Some(line.trim_start_matches("format,").trim().parse().unwrap())
}

#[test]
fn ffprobe_sees_two_channels_of_opus_and_the_exact_length() {
    let directory = tempfile::tempdir().unwrap();
    let path = saved(directory.path(), "call.ogg", &call(true));
    let Some(seconds) = duration_by_ffprobe(&path) else {
        return;
    };
    assert!((seconds - 10.013_5).abs() < 0.02, "{seconds}");
}

#[test]
fn ffmpeg_plays_both_channels_apart_with_silence_in_the_gaps() {
    let directory = tempfile::tempdir().unwrap();
    let path = saved(directory.path(), "call.ogg", &call(true));
    let out = directory.path().join("call.wav");
    let target = out.to_str().unwrap();
    let Some(output) = run(
        "ffmpeg",
        &["-v", "error", "-i", &path, "-ar", "16000", "-y", target],
    ) else {
        return;
    };
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let heard = wav::read(&std::fs::read(out).unwrap()).unwrap();
    assert_eq!((heard.channels, heard.rate), (2, RATE));
    let (left, right) = (heard.channel(0), heard.channel(1));
    let at = |pcm: &[i16], from: u32, to: u32| {
        pcm[RATE.samples_in_ms(from)..RATE.samples_in_ms(to)].to_vec()
    };
    assert!(tone::strength_dbfs(&at(&left, 1_200, 3_900), RATE, 440.0) > -12.0);
    assert!(tone::strength_dbfs(&at(&right, 5_200, 6_400), RATE, 880.0) > -12.0);
    assert!(
        tone::strength_dbfs(&at(&right, 5_200, 6_400), RATE, 440.0) < -60.0,
        "leak"
    );
    assert!(
        tone::strength_dbfs(&at(&left, 1_200, 3_900), RATE, 880.0) < -60.0,
        "leak"
    );
    for (channel, from, to) in [(&left, 0, 950), (&left, 4_500, 6_900), (&right, 0, 4_900)] {
        assert!(
            level::dbov(&at(channel, from, to)) < -60,
            "{from}-{to} ms is not silent"
        );
    }
}

#[test]
fn opusinfo_finds_nothing_to_complain_about() {
    let directory = tempfile::tempdir().unwrap();
    let path = saved(directory.path(), "call.ogg", &call(true));
    let Some(output) = run("opusinfo", &[&path]) else {
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(!text.to_uppercase().contains("WARNING"), "{text}");
    assert!(text.contains("Playback length: 0m:10.01"), "{text}");
    assert!(text.contains("TITLE=test call"), "{text}");
}

#[test]
fn a_recorder_killed_in_mid_call_leaves_a_file_that_plays() {
    let directory = tempfile::tempdir().unwrap();
    let whole = call(false);
    let path = saved(directory.path(), "killed.ogg", &whole[..whole.len() - 37]);
    let Some(output) = run("ffmpeg", &["-v", "fatal", "-i", &path, "-f", "null", "-"]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let seconds = duration_by_ffprobe(&path).unwrap_or(9.0);
    assert!(seconds > 8.0, "{seconds}");
}
