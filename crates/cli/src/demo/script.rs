//! What the caller says: sample questions in a synthetic voice, or a recording cut into lines at
//! its pauses.

use std::path::Path;
use std::time::Duration;

use trunkline_agent::speech::Speech;
use trunkline_base::class::Class;
use trunkline_media::analyse::{Rules, segments};
use trunkline_media::{SampleRate, wav};

use crate::failure::{Failure, chain};

/// The sample caller's questions, which the sample flow answers. The last has no comma: the voice
/// would pause at it for as long as at the end of a turn.
const QUESTIONS: &[&str] = &[
    "Where is my parcel?",
    "Four two seven, one one eight.",
    "What are your opening hours?",
    "No thank you goodbye.",
];

/// A pause this long in a recording ends a line.
const PAUSE: Duration = Duration::from_millis(700);
/// Kept around a line, so that no consonant is cut off.
const MARGIN: Duration = Duration::from_millis(80);
/// Largest recording taken: an hour in the widest format.
const FILE_LIMIT: u64 = 1 << 30;

/// One thing the caller says.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// In words, where they are known.
    pub(super) text: Option<&'static str>,
    /// At 8 kHz.
    pub(super) pcm: Vec<i16>,
}

/// The sample questions, spoken.
///
/// # Errors
/// When the voice fails.
pub(super) async fn questions(speech: &Speech) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for text in QUESTIONS {
        lines.push(Line {
            text: Some(text),
            pcm: speak(speech, text).await?,
        });
    }
    Ok(lines)
}

async fn speak(speech: &Speech, text: &str) -> Result<Vec<i16>, Failure> {
    let stream = speech.tts().say(text.into());
    Ok(stream.whole(SampleRate::HZ_8000).await?)
}

/// A recording, cut into lines.
///
/// # Errors
/// When the file cannot be read, is no PCM WAV, or holds no sound.
pub(super) fn recording(path: &Path) -> Result<Vec<Line>, Failure> {
    let shown = path.display();
    let unread = |error| {
        let text = format!("{shown} cannot be read: {error}");
        Failure::new(Class::Missing, "demo.caller.file", text)
    };
    if std::fs::metadata(path).map_err(unread)?.len() > FILE_LIMIT {
        return Err(bad(format!("{shown} is larger than 1 GiB; cut it shorter")));
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    let sound = wav::read(&bytes).map_err(|error| bad(format!("{shown}: {}", chain(&error))))?;
    let pcm = sound
        .to_mono_at(SampleRate::HZ_8000)
        .map_err(|error| bad(format!("{shown}: {}", chain(&error))))?;
    let lines = cut(&pcm);
    if lines.is_empty() {
        return Err(bad(format!("{shown} holds no sound; record it louder")));
    }
    Ok(lines)
}

fn cut(pcm: &[i16]) -> Vec<Line> {
    let rules = Rules {
        bridge: PAUSE,
        ..Rules::default()
    };
    let sample = |at: Duration| usize::try_from(at.as_millis() * 8).unwrap_or(usize::MAX);
    segments(pcm, SampleRate::HZ_8000, &rules)
        .into_iter()
        .filter_map(|segment| {
            let start = sample(segment.start.saturating_sub(MARGIN));
            let end = sample(segment.end + MARGIN).min(pcm.len());
            Some(Line {
                text: None,
                pcm: pcm.get(start..end)?.to_vec(),
            })
        })
        .collect()
}

fn bad(text: String) -> Failure {
    Failure::new(Class::Invalid, "demo.caller", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_cut_at_its_pauses() {
        let tone: Vec<i16> = (0..8000)
            .map(|n| if n % 8 < 4 { 8000 } else { -8000 })
            .collect();
        let mut pcm = vec![0; 4000];
        pcm.extend(&tone);
        pcm.extend(vec![0; 8000]);
        pcm.extend(&tone);
        pcm.extend(vec![0; 4000]);
        let lines = cut(&pcm);
        assert_eq!(lines.len(), 2);
        assert!(
            lines
                .iter()
                .all(|line| (8000..10_000).contains(&line.pcm.len()))
        );
    }
}
