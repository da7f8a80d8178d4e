//! The sound of one sentence, at the rate the agent's voice is sent at.

use std::time::Duration;

use tokio::time::timeout;
use trunkline_media::SampleRate;
use trunkline_media::resample::Resampler;

use super::VOICE_RATE;
use super::fault::Fault;
use crate::provider::{SpokenWord, TtsEvent, TtsStream, Used};
use crate::turn::Timed;

/// Longest wait for the next sound of a sentence that has begun.
const VOICE_STALL: Duration = Duration::from_secs(10);

/// A piece of a sentence's sound in the making.
pub(super) enum Piece<'a> {
    /// Sound of a clause at the voice rate, and whether it is the last of the clause.
    Sound(&'a str, &'a [i16], bool),
    /// When words are said.
    Words(Vec<Timed>),
    /// A provider is to be paid for this.
    Used(Used),
}

/// Brings one sentence to the voice rate; `each` gets the pieces, and says whether to go on. The
/// first is waited for so long.
pub(super) async fn synthesise<F>(
    mut stream: TtsStream,
    sentence: &str,
    first: Duration,
    mut each: impl FnMut(Piece<'_>) -> F,
) -> Result<(), Fault>
where
    F: Future<Output = bool>,
{
    let mut resampler: Option<(u32, Resampler)> = None;
    let mut out = Vec::new();
    let mut last = String::new();
    let mut limit = first;
    while let Some(event) = timeout(limit, stream.next())
        .await
        .map_err(|_| Fault::VoiceStalled)?
    {
        let chunk = match event? {
            TtsEvent::Sound(chunk) => {
                limit = VOICE_STALL;
                chunk
            }
            TtsEvent::Used(used) => {
                each(Piece::Used(used)).await;
                continue;
            }
            TtsEvent::Words(words) => {
                each(Piece::Words(words.iter().map(timed).collect())).await;
                continue;
            }
        };
        let clause = sentence.get(chunk.span.clone()).unwrap_or(sentence).trim();
        out.clear();
        if chunk.rate == VOICE_RATE {
            out.extend_from_slice(&chunk.samples);
        } else {
            if resampler
                .as_ref()
                .is_none_or(|(rate, _)| *rate != chunk.rate)
            {
                resampler = resampler_from(chunk.rate).map(|made| (chunk.rate, made));
            }
            let Some((_, resampler)) = &mut resampler else {
                return Err(Fault::VoiceStalled);
            };
            resampler.process(&chunk.samples, &mut out);
        }
        last.clear();
        last.push_str(clause);
        if !each(Piece::Sound(clause, &out, chunk.ends_span)).await {
            return Ok(());
        }
    }
    if let Some((_, resampler)) = &mut resampler {
        out.clear();
        resampler.flush(&mut out);
        if !out.is_empty() && !last.is_empty() {
            each(Piece::Sound(&last, &out, true)).await;
        }
    }
    Ok(())
}

fn timed(word: &SpokenWord) -> Timed {
    let half = (word.at.start + word.at.end) / 2;
    let samples = half.as_micros() * u128::from(VOICE_RATE) / 1_000_000;
    Timed {
        end: word.span.end,
        half: u64::try_from(samples).unwrap_or(u64::MAX),
    }
}

fn resampler_from(rate: u32) -> Option<Resampler> {
    Resampler::new(SampleRate::new(rate).ok()?, SampleRate::HZ_24000).ok()
}
