//! Sounds of a telephone call that are no wish to speak: made here, so that every run hears the
//! same, or taken from the music that telephone systems carry.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{ALL, RATE, VoiceError, amplify, file, level};

/// Loudness before the trial's own gain: that of the voices.
const LEVEL_DB: f64 = -22.0;

/// A cough: a burst that sets on at once, with the throat's resonance, and dies away; twice.
#[must_use]
pub fn cough(seed: u64) -> Vec<i16> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pcm = Vec::new();
    for length_ms in [rng.random_range(140..220), rng.random_range(110..180)] {
        pcm.extend(burst(&mut rng, length_ms, 700.0, 0.75));
        pcm.resize(pcm.len() + RATE.samples_in_ms(160), 0);
    }
    at_level(pcm)
}

/// Somebody types: clicks a tenth of a second apart.
#[must_use]
pub fn keyboard(seed: u64) -> Vec<i16> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pcm = Vec::new();
    for _ in 0..12 {
        pcm.extend(burst(&mut rng, 9, 2800.0, 0.5));
        let rest = rng.random_range(70..190);
        pcm.resize(pcm.len() + RATE.samples_in_ms(rest), 0);
    }
    at_level(pcm)
}

/// Noise that begins and ends at once: a lorry, a tap, a hair dryer.
#[must_use]
pub fn noise(seed: u64, length_ms: u32) -> Vec<i16> {
    let mut rng = StdRng::seed_from_u64(seed);
    let pcm = (0..RATE.samples_in_ms(length_ms)).map(|_| rng.random_range(-8000..8000));
    at_level(pcm.collect())
}

/// A laugh: breathy vowels, five a second, falling.
#[must_use]
pub fn laugh(seed: u64) -> Vec<i16> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut pitch: f64 = rng.random_range(140.0..320.0);
    let mut pcm = Vec::new();
    for _ in 0..rng.random_range(4..7) {
        pcm.extend(burst(&mut rng, 50, 1500.0, 0.3));
        pcm.extend(vowel(&mut rng, pitch, 110));
        pcm.resize(pcm.len() + RATE.samples_in_ms(50), 0);
        pitch *= 0.94;
    }
    at_level(pcm)
}

/// Several people talk at once, none of them to the telephone.
///
/// # Errors
/// When the voices are not installed.
pub fn babble() -> Result<Vec<i16>, VoiceError> {
    const TALK: [&str; 5] = [
        "and then we went down to the harbour because the boats were coming in",
        "no I told him yesterday that the meeting had been moved to the afternoon",
        "the children are asleep and we should not talk so loud in here",
        "did you see what they wrote in the paper about the new bridge",
        "I would rather take the train if it is not much more expensive",
    ];
    let mut all: Vec<i16> = Vec::new();
    for (voice, text) in ALL.iter().zip(TALK) {
        let one = voice.say(text)?;
        all.resize(all.len().max(one.len()), 0);
        for (sum, sample) in all.iter_mut().zip(one) {
            *sum = sum.saturating_add(sample / 3);
        }
    }
    Ok(at_level(all))
}

/// Four seconds of music, from a piece of `asterisk-moh-opsound-wav` (CC BY-SA).
///
/// # Errors
/// When the package is not installed.
pub fn music(piece: usize) -> Result<Vec<i16>, VoiceError> {
    const DIR: &str = "/usr/share/asterisk/moh";
    const BEGIN: usize = 30;
    let missing = || VoiceError::Missing(format!("asterisk-moh-opsound-wav ({DIR})"));
    let mut files: Vec<_> = std::fs::read_dir(Path::new(DIR))
        .map_err(|_| missing())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "wav"))
        .collect();
    files.sort();
    let path = files.get(piece % files.len().max(1)).ok_or_else(missing)?;
    let whole = file(path).ok_or_else(missing)?;
    let second = RATE.samples_in_ms(1000);
    let part = whole.iter().skip(BEGIN * second).take(4 * second);
    Ok(at_level(part.copied().collect()))
}

/// Noise through one resonance, which dies away.
fn burst(rng: &mut StdRng, length_ms: u32, resonance_hz: f64, narrow: f64) -> Vec<i16> {
    let length = RATE.samples_in_ms(length_ms);
    let (mut one, mut two) = (0.0, 0.0);
    let turn = std::f64::consts::TAU * resonance_hz / f64::from(RATE.hz());
    (0..length)
        .map(|at| {
            let fresh: f64 = rng.random_range(-1.0..1.0);
            let now = fresh + 2.0 * narrow * turn.cos() * one - narrow * narrow * two;
            (two, one) = (one, now);
            sample(now * (1.0 - share(at, length)).powi(2) * 6000.0)
        })
        .collect()
}

/// An open vowel at a pitch: pulses through two resonances of the mouth.
fn vowel(rng: &mut StdRng, pitch: f64, length_ms: u32) -> Vec<i16> {
    let length = RATE.samples_in_ms(length_ms);
    let rate = f64::from(RATE.hz());
    (0..length)
        .map(|at| {
            #[expect(clippy::cast_precision_loss, reason = "a place in a short sound")]
            let seconds = at as f64 / rate;
            let within = (seconds * pitch).fract() / pitch;
            let ring = |hz: f64, wide: f64| {
                (std::f64::consts::TAU * hz * within).sin() * (-wide * within).exp()
            };
            let breath: f64 = rng.random_range(-0.08..0.08);
            let shape = (std::f64::consts::PI * share(at, length)).sin();
            sample((ring(750.0, 250.0) + 0.6 * ring(1250.0, 350.0) + breath) * shape * 9000.0)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a place in a short sound")]
fn share(at: usize, length: usize) -> f64 {
    at as f64 / length.max(1) as f64
}

#[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
fn sample(value: f64) -> i16 {
    value.clamp(-32_000.0, 32_000.0) as i16
}

fn at_level(mut pcm: Vec<i16>) -> Vec<i16> {
    level(&mut pcm, LEVEL_DB);
    pcm
}

/// A quieter, or louder, copy.
#[must_use]
pub fn by(mut pcm: Vec<i16>, db: f64) -> Vec<i16> {
    amplify(&mut pcm, db);
    pcm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_hears_the_same() {
        assert_eq!(cough(3), cough(3));
        assert_ne!(cough(3), cough(4));
        for sound in [cough(1), keyboard(1), noise(1, 300), laugh(1)] {
            assert!(sound.iter().any(|sample| sample.unsigned_abs() > 1000));
        }
    }
}
