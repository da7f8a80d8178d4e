//! What a frame of each codec costs, without network or signalling, and what Opus makes of speech.
//!
//! Prints one JSON document: microseconds of one thread for 20 ms of sound. `--write DIR` also writes
//! what each setting of Opus makes of the voices, for `benches/opinion.py`, which puts a perceptual
//! score beside each cost. The best of some rounds counts, since what else runs only adds.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::{Value, json};
use trunkline_benches::voices::{ALL, Voice as Speaker, VoiceError};
use trunkline_benches::{Host, tell};
use trunkline_media::g711::{self, Law};
use trunkline_media::wav;

use cost::{Pair, decoding, encoding, line_codecs, pair, resampling, waiting};
use setting::{Setting, SettingError, settings};

mod cost;
mod setting;

/// What is said: long enough for a score, and with pauses as speech has them.
const TEXT: &str = "The parcel was handed in at our branch in the old harbour last Thursday. It should \
     have reached you by now. Would you tell me the number that stands on the receipt?";

/// How the measurement is made.
#[derive(Parser)]
struct Options {
    /// Where what Opus makes of the voices is written.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// Why nothing is measured.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Voice(#[from] VoiceError),
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

fn main() {
    match measure(&Options::parse()) {
        Ok(report) => tell(&format!("{report:#}")),
        Err(error) => tell(&format!("error: {error}")),
    }
}

fn measure(options: &Options) -> Result<Value, Failure> {
    let voices: Vec<(usize, Vec<i16>)> = speakers()
        .map(|(number, speaker)| Ok((number, said(speaker)?)))
        .collect::<Result<_, VoiceError>>()?;
    let speech: Vec<i16> = voices.iter().flat_map(|(_, pcm)| pcm.clone()).collect();
    let mut opus = Vec::new();
    for setting in settings() {
        let (encode_us, bytes) = encoding(&setting, &speech)?;
        if let Some(dir) = &options.write {
            write(dir, &setting, &voices)?;
        }
        opus.push(json!({
            "setting": setting.name(),
            "encode_us": encode_us,
            "decode_us": decoding(&setting, &speech)?,
            "kbit_s": round(bytes * 0.4),
        }));
    }
    Ok(json!({
        "host": Host::read(),
        "opus": opus,
        "line_codecs_us": line_codecs(&speech),
        "resampling_us": resampling(&speech).map_err(SettingError::from)?,
        "jitter_buffer_us": waiting(&speech),
        "a_call_us": Pair::ALL
            .iter()
            .map(|one| pair(*one, &speech))
            .collect::<Result<Vec<_>, SettingError>>()?,
    }))
}

/// Different ones: women and men, diphones and models, and a person.
fn speakers() -> impl Iterator<Item = (usize, &'static Speaker)> {
    [0, 1, 2, 5, 15]
        .into_iter()
        .filter_map(|number| Some((number, ALL.get(number)?)))
}

/// Speech as a telephone line brings it.
fn said(speaker: &Speaker) -> Result<Vec<i16>, VoiceError> {
    /// As much as a score is made for.
    const LONGEST: usize = 8_000 * 10;
    let text = if speaker.is_recorded() {
        "instructions"
    } else {
        TEXT
    };
    let mut pcm = speaker.say(text)?;
    pcm.truncate(LONGEST);
    let (mut line, mut heard) = (Vec::new(), Vec::new());
    g711::encode(Law::Mu, &pcm, &mut line);
    g711::decode(Law::Mu, &line, &mut heard);
    Ok(heard)
}

fn write(dir: &Path, setting: &Setting, voices: &[(usize, Vec<i16>)]) -> Result<(), Failure> {
    let rate = trunkline_benches::voices::RATE;
    for (number, pcm) in voices {
        let heard = setting.heard(pcm)?;
        let name = format!("heard-{}-{number}.wav", setting.name());
        fs::write(dir.join(name), wav::write(rate, 1, &heard))?;
        let said = dir.join(format!("said-{number}.wav"));
        fs::write(said, wav::write(rate, 1, pcm))?;
    }
    Ok(())
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
