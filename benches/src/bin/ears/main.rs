//! What the agent's ears make of short words and of sounds that are none, without a call: the words
//! that are heard in the whole and in its beginning, how surely, how finished it sounds, and where a
//! voice is found. One JSON object a line; the rules for interruptions are set from them.

use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::json;
use trunkline_agent::provider::VAD_WINDOW;
use trunkline_agent::speech::{Speech, SpeechConfig, models};
use trunkline_benches::tell;
use trunkline_benches::voices::RATE;
use trunkline_media::{SampleRate, g711, resample};

use set::Heard;

mod set;

/// What is listened to.
#[derive(Parser)]
struct Options {
    /// Only sounds whose kind or name has this in it.
    #[arg(long)]
    only: Option<String>,
    /// WAVE files to listen to as well; the part of a name before its first figure or dash is its kind.
    #[arg(long)]
    files: Option<PathBuf>,
    /// A folder for the sounds as the recogniser gets them (16 kHz, 16 bits).
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let dir = std::env::var_os("TRUNKLINE_MODELS").map(PathBuf::from);
    let Some(dir) = dir.or_else(models::default_dir) else {
        return tell("error: no home directory for the models");
    };
    let speech = match Speech::load(&dir, &SpeechConfig::default()) {
        Ok(speech) => speech,
        Err(error) => return tell(&format!("error: {error}")),
    };
    let wanted = |kind: &str, name: &str| {
        let whole = format!("{kind} {name}");
        options
            .only
            .as_deref()
            .is_none_or(|part| whole.contains(part))
    };
    let all = match set::all(options.files.as_deref(), &wanted) {
        Ok(all) => all,
        Err(error) => return tell(&format!("error: {error}")),
    };
    for (number, one) in all.into_iter().enumerate() {
        listen(&speech, number, one, options.keep.as_deref()).await;
    }
}

/// As the agent gets it: over G.711, with a quiet line in front and behind.
fn over_the_line(pcm: &[i16]) -> Vec<i16> {
    let (mut bytes, mut line) = (Vec::new(), Vec::new());
    g711::encode(g711::Law::Mu, pcm, &mut bytes);
    g711::decode(g711::Law::Mu, &bytes, &mut line);
    let mut audio = resample::convert(RATE, SampleRate::HZ_16000, &line).unwrap_or_default();
    let quiet = SampleRate::HZ_16000.samples_in_ms(500);
    audio.splice(0..0, vec![0; quiet]);
    audio.resize(audio.len() + quiet, 0);
    audio
}

async fn listen(speech: &Speech, number: usize, one: Heard, keep: Option<&Path>) {
    let audio = over_the_line(&one.pcm);
    let mut vad = speech.vad().start();
    let voice: Vec<u32> = audio
        .as_chunks::<VAD_WINDOW>()
        .0
        .iter()
        .map(|window| per_cent(vad.process(window)))
        .collect();
    if let Some(dir) = keep {
        let bytes: Vec<u8> = audio
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        if let Err(error) = std::fs::write(dir.join(format!("{number:04}.raw")), bytes) {
            tell(&format!("error: {error}"));
        }
    }
    // Asked as the agent asks: soon after the last window with a voice.
    let last = voice.iter().rposition(|voice| *voice >= 35).unwrap_or(0);
    let until =
        ((last + 1) * VAD_WINDOW + SampleRate::HZ_16000.samples_in_ms(160)).min(audio.len());
    let so_far = audio.get(..until).unwrap_or_default().into();
    let end = speech.eot().probability(so_far).await;
    let first = voice.iter().position(|voice| *voice >= 50).unwrap_or(0);
    let mut partly = Vec::new();
    for ms in [350, 500, 700, 1000] {
        let until = first * VAD_WINDOW + SampleRate::HZ_16000.samples_in_ms(ms);
        if until < last * VAD_WINDOW {
            let (text, sure) = words(speech, audio.get(..until).unwrap_or_default()).await;
            partly.push(json!({ "ms": ms, "heard": text, "sure_per_cent": sure }));
        }
    }
    let (text, sure) = words(speech, &audio).await;
    tell(
        &json!({
            "number": number, "kind": one.kind, "name": one.name, "heard": text,
            "sure_per_cent": sure, "partly": partly, "voice_per_cent": voice,
            "finished_per_cent": per_cent(end.unwrap_or(0.0)),
        })
        .to_string(),
    );
}

async fn words(speech: &Speech, audio: &[i16]) -> (String, u32) {
    match speech.words(audio.into()).await {
        Ok(transcript) => (transcript.text.expose().clone(), per_cent(transcript.sure)),
        Err(error) => (error.to_string(), 0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share from 0 to 1"
)]
fn per_cent(share: f32) -> u32 {
    (share * 100.0).round() as u32
}
