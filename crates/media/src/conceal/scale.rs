//! Changing the length of sound by whole pitch periods, by overlap and add.

use super::pitch;
use crate::{SampleRate, level, sample};

/// Two stretches must look this much alike to be laid over each other while someone speaks.
const ALIKE: f64 = 0.85;
/// Sound below this may be cut anywhere.
const QUIET_DBOV: i8 = -50;

/// Takes one period out of `pcm` if nobody will hear it, and returns how many samples went.
pub fn shorten(pcm: &mut Vec<i16>, rate: SampleRate) -> usize {
    let (min, max) = pitch::range(rate);
    let longest = max.min(pcm.len() / 2);
    if longest < min {
        return 0;
    }
    let quiet = level::dbov(pcm) < QUIET_DBOV;
    let lag = if quiet {
        Some(longest)
    } else {
        alike(pcm, min, longest)
    };
    let Some(lag) = lag else { return 0 };
    let joined: Vec<i16> = (0..lag)
        .filter_map(|index| {
            #[expect(clippy::cast_precision_loss, reason = "a few hundred samples at most")]
            let share = (index as f32 + 0.5) / lag as f32;
            let (early, late) = (*pcm.get(index)?, *pcm.get(index + lag)?);
            Some(sample::from_f32(
                f32::from(early) * (1.0 - share) + f32::from(late) * share,
            ))
        })
        .collect();
    pcm.splice(..lag * 2, joined);
    lag
}

fn alike(pcm: &[i16], min: usize, longest: usize) -> Option<usize> {
    (min..=longest)
        .filter_map(|lag| {
            let (early, rest) = pcm.split_at_checked(lag)?;
            Some((lag, pitch::similarity(early, rest.get(..lag)?)))
        })
        .filter(|(_, score)| *score >= ALIKE)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(lag, _)| lag)
}
