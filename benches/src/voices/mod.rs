//! Callers' voices, none of them the demonstration's own: other synthesizers, accents, one in the
//! noise of a room, and recordings of a person. All come from Debian packages
//! (`scripts/setup bench`), are made when a measurement needs them, and none is kept here.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use trunkline_media::tone::Noise;
use trunkline_media::{SampleRate, resample, wav};

pub mod sounds;

/// What the telephone line carries.
pub const RATE: SampleRate = SampleRate::HZ_8000;

/// Loudness of every voice while it speaks, in dB under full scale: that of a telephone.
const LEVEL_DB: f64 = -22.0;

/// Samples quieter than this are not speech: where a sentence is said to begin and to end.
const AUDIBLE: u16 = 300;

/// What makes the sound.
#[derive(Clone, Copy, Debug)]
enum Engine {
    /// One of flite's voices.
    Flite(&'static str),
    /// One of festival's voices.
    Festival(&'static str),
    /// A language and variant of espeak-ng, with the words a minute.
    Espeak(&'static str, &'static str),
    /// Prompts that a person recorded, word by word.
    Recorded,
}

/// One caller's voice.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    /// How the reports name it.
    pub name: &'static str,
    engine: Engine,
    /// A shorter throat, in tenths: the voice is that much higher and quicker; lower and slower when
    /// negative. Another speaker for the listener.
    higher: i32,
    /// Noise around the speaker, in dB under the voice.
    noise_db: Option<f32>,
}

/// The set.
pub const ALL: [Voice; 16] = [
    voice("flite slt, US woman", Engine::Flite("slt")),
    voice("flite rms, US man", Engine::Flite("rms")),
    voice("flite awb, Scottish man", Engine::Flite("awb")),
    voice("flite kal, US man, diphones", Engine::Flite("kal16")),
    voice(
        "festival ked, US man, diphones",
        Engine::Festival("ked_diphone"),
    ),
    voice(
        "festival slt, US woman, HTS",
        Engine::Festival("cmu_us_slt_arctic_hts"),
    ),
    shifted("flite slt, lower", Engine::Flite("slt"), -1),
    shifted("flite rms, higher", Engine::Flite("rms"), 1),
    shifted("flite awb, higher, Scottish", Engine::Flite("awb"), 1),
    shifted(
        "festival slt, lower, HTS",
        Engine::Festival("cmu_us_slt_arctic_hts"),
        -1,
    ),
    voice("espeak en-us", Engine::Espeak("en-us", "140")),
    voice("espeak en-gb", Engine::Espeak("en-gb", "140")),
    voice("espeak Scotland", Engine::Espeak("en-gb-scotland", "140")),
    voice(
        "espeak New York, woman",
        Engine::Espeak("en-us-nyc+f3", "140"),
    ),
    Voice {
        noise_db: Some(15.0),
        ..voice("flite rms in a noisy room", Engine::Flite("rms"))
    },
    voice("a person, recorded", Engine::Recorded),
];

const fn voice(name: &'static str, engine: Engine) -> Voice {
    shifted(name, engine, 0)
}

const fn shifted(name: &'static str, engine: Engine, higher: i32) -> Voice {
    Voice {
        name,
        engine,
        higher,
        noise_db: None,
    }
}

/// Why a voice is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// Its program or its recordings are missing.
    #[error("{0} is not installed; scripts/setup bench installs it")]
    Missing(String),
    /// What was made is no sound.
    #[error("{0} made no sound of {1:?}")]
    Mute(&'static str, String),
    /// There is no recording of these words.
    #[error("nobody recorded {0:?}")]
    Unrecorded(String),
}

impl Voice {
    /// Whether it says recorded words only.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        matches!(self.engine, Engine::Recorded)
    }

    /// Whether it says phonemes between `[[` and `]]`.
    #[must_use]
    pub const fn takes_phonemes(&self) -> bool {
        matches!(self.engine, Engine::Espeak(..))
    }

    /// The sentence as the line carries it, without the quiet around it.
    ///
    /// # Errors
    /// [`VoiceError`].
    pub fn say(&self, text: &str) -> Result<Vec<i16>, VoiceError> {
        let mut pcm = match self.engine {
            Engine::Recorded => recorded(text)?,
            engine => self.read(&synthesize(engine, text)?, text)?,
        };
        level(&mut pcm, LEVEL_DB);
        if let Some(under) = self.noise_db {
            #[expect(clippy::cast_possible_truncation, reason = "decibels")]
            let mut noise = Noise::new(7, LEVEL_DB as f32 - under);
            let mut room = vec![0; pcm.len()];
            noise.fill(&mut room);
            for (sample, noise) in pcm.iter_mut().zip(room) {
                *sample = sample.saturating_add(noise);
            }
        }
        Ok(pcm)
    }

    fn read(&self, bytes: &[u8], text: &str) -> Result<Vec<i16>, VoiceError> {
        let mute = || VoiceError::Mute(self.name, text.to_owned());
        let sound = wav::read(bytes).map_err(|_| mute())?;
        let hz = i64::from(sound.rate.hz()) * i64::from(10 + self.higher) / 10;
        let rate = u32::try_from(hz)
            .ok()
            .and_then(|hz| SampleRate::new(hz).ok());
        let pcm = resample::convert(rate.ok_or_else(mute)?, RATE, &sound.to_mono());
        let pcm = trimmed(pcm.map_err(|_| mute())?);
        if pcm.is_empty() { Err(mute()) } else { Ok(pcm) }
    }
}

/// A WAVE file of the sentence.
fn synthesize(engine: Engine, text: &str) -> Result<Vec<u8>, VoiceError> {
    let dir = tempfile::tempdir().map_err(|_| VoiceError::Missing("a temporary folder".into()))?;
    let (written, spoken) = (dir.path().join("said"), dir.path().join("said.wav"));
    let written_too = fs::write(&written, text).is_ok();
    let mut command = match engine {
        Engine::Flite(voice) => {
            let mut command = Command::new("flite");
            command.args(["-voice", voice, "-f"]).arg(&written);
            command.arg("-o").arg(&spoken);
            command
        }
        Engine::Festival(voice) => {
            let mut command = Command::new("text2wave");
            command.arg("-eval").arg(format!("(voice_{voice})"));
            command.arg(&written).arg("-o").arg(&spoken);
            command
        }
        Engine::Espeak(voice, speed) => {
            let mut command = Command::new("espeak-ng");
            command.args(["-v", voice, "-s", speed, "-f"]).arg(&written);
            command.arg("-w").arg(&spoken);
            command
        }
        Engine::Recorded => return Err(VoiceError::Unrecorded(text.to_owned())),
    };
    let program = command.get_program().to_string_lossy().into_owned();
    let made = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    match made {
        Ok(status) if status.success() && written_too => {
            fs::read(spoken).map_err(|_| VoiceError::Missing(program))
        }
        _ => Err(VoiceError::Missing(program)),
    }
}

/// Words that a person recorded, one after the other. A name is a file of the Debian package
/// `asterisk-core-sounds-en-wav` (Allison Smith, CC BY-SA 3.0).
fn recorded(text: &str) -> Result<Vec<i16>, VoiceError> {
    const WORDS: [(&str, &str); 16] = [
        ("zero", "digits/0"),
        ("one", "digits/1"),
        ("two", "digits/2"),
        ("three", "digits/3"),
        ("four", "digits/4"),
        ("five", "digits/5"),
        ("six", "digits/6"),
        ("seven", "digits/7"),
        ("eight", "digits/8"),
        ("nine", "digits/9"),
        ("tomorrow", "digits/tomorrow"),
        ("hello", "hello"),
        ("goodbye", "vm-goodbye"),
        ("one moment please", "one-moment-please"),
        ("sorry", "sorry"),
        ("instructions", "demo-instruct"),
    ];
    /// Between two words, as somebody who reads a number from a label.
    const PAUSE_MS: u32 = 90;
    let simple = text.to_lowercase().replace([',', '.', '?'], "");
    let whole = |name: &str| WORDS.iter().find(|(words, _)| *words == name);
    let parts: Vec<&str> = match whole(&simple) {
        Some((words, _)) => vec![words],
        None => simple.split_whitespace().collect(),
    };
    let mut pcm = Vec::new();
    for part in parts {
        let (_, file) = whole(part).ok_or_else(|| VoiceError::Unrecorded(text.to_owned()))?;
        if !pcm.is_empty() {
            pcm.resize(pcm.len() + RATE.samples_in_ms(PAUSE_MS), 0);
        }
        pcm.extend(prompt(file)?);
    }
    Ok(pcm)
}

/// One recorded prompt.
fn prompt(name: &str) -> Result<Vec<i16>, VoiceError> {
    const DIR: &str = "/usr/share/asterisk/sounds/en_US_f_Allison";
    let path = PathBuf::from(DIR).join(format!("{name}.wav"));
    file(&path).ok_or_else(|| VoiceError::Missing(path.display().to_string()))
}

/// A WAVE file as the line carries it.
fn file(path: &std::path::Path) -> Option<Vec<i16>> {
    let sound = wav::read(&fs::read(path).ok()?).ok()?;
    sound.to_mono_at(RATE).ok().map(trimmed)
}

/// Without the quiet before and behind it, but with the faint sounds that words begin and end with:
/// a "three" without its first breath is heard as another word.
fn trimmed(mut pcm: Vec<i16>) -> Vec<i16> {
    const BREATH_MS: u32 = 100;
    let breath = RATE.samples_in_ms(BREATH_MS);
    let heard = audible(&pcm);
    pcm.truncate((heard.end + breath).min(pcm.len()));
    pcm.drain(..heard.start.saturating_sub(breath).min(pcm.len()));
    if heard.is_empty() { Vec::new() } else { pcm }
}

/// Where a sound is to be heard: from its first sample that is not faint to its last one.
#[must_use]
pub fn audible(pcm: &[i16]) -> Range<usize> {
    let loud = |sample: &i16| sample.unsigned_abs() > AUDIBLE;
    let first = pcm.iter().position(loud).unwrap_or(0);
    let last = pcm.iter().rposition(loud).map_or(0, |at| at + 1);
    first..last
}

/// Gain, or loss when negative.
pub fn amplify(pcm: &mut [i16], db: f64) {
    let factor = 10_f64.powf(db / 20.0);
    for sample in pcm {
        #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
        let louder = (f64::from(*sample) * factor).clamp(-32_767.0, 32_767.0) as i16;
        *sample = louder;
    }
}

/// Brings a sound to a loudness, measured where it is loud: the pauses do not count.
pub fn level(pcm: &mut [i16], db: f64) {
    let blocks = pcm.chunks(RATE.samples_in_ms(20));
    let powers: Vec<f64> = blocks.map(power).collect();
    let most = powers.iter().copied().fold(0.0, f64::max);
    let loud: Vec<f64> = powers
        .into_iter()
        .filter(|power| *power > most / 100.0)
        .collect();
    if loud.is_empty() {
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of frames")]
    let mean = loud.iter().sum::<f64>() / loud.len() as f64;
    amplify(pcm, db - 10.0 * (mean / 32_768_f64.powi(2)).log10());
}

fn power(block: &[i16]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    let length = block.len().max(1) as f64;
    block.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / length
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_media::tone::sine;

    #[test]
    fn a_voice_has_the_level_asked_for_whatever_its_pauses() {
        let mut pcm = sine(RATE, 400.0, -30.0, 8000);
        pcm.extend([0; 16_000]);
        level(&mut pcm, -22.0);
        let loud = 10.0 * (power(&pcm[..8000]) / 32_768_f64.powi(2)).log10();
        assert!((loud + 22.0).abs() < 0.5, "{loud}");
    }

    #[test]
    fn the_quiet_around_a_sentence_is_no_part_of_it() {
        let mut pcm = vec![0; 5000];
        pcm.extend([5000; 100]);
        pcm.extend([10; 3000]);
        assert_eq!(audible(&pcm), 5000..5100);
        assert_eq!(trimmed(pcm).len(), 800 + 100 + 800);
        assert!(trimmed(vec![3; 100]).is_empty());
    }

    #[test]
    fn a_person_says_only_what_was_recorded() {
        assert!(matches!(
            recorded("where is my parcel"),
            Err(VoiceError::Unrecorded(_))
        ));
    }
}
