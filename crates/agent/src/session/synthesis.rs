//! The sound of one sentence, at the rate the agent's voice is sent at.

use std::time::Duration;

use tokio::time::timeout;
use trunkline_media::SampleRate;
use trunkline_media::resample::Resampler;

use super::VOICE_RATE;
use super::fault::Fault;
use crate::speech::SpeechStream;

/// Longest wait for the next sound of a sentence.
const VOICE_STALL: Duration = Duration::from_secs(10);

/// Brings one sentence to the voice rate; `each` gets a clause, sound of it, and whether that was
/// the last of the clause, and says whether to go on.
pub(super) async fn synthesise<F>(
    mut stream: SpeechStream,
    sentence: &str,
    mut each: impl FnMut(&str, &[i16], bool) -> F,
) -> Result<(), Fault>
where
    F: Future<Output = bool>,
{
    let mut resampler: Option<(u32, Resampler)> = None;
    let mut out = Vec::new();
    let mut last = String::new();
    while let Some(chunk) = timeout(VOICE_STALL, stream.next())
        .await
        .map_err(|_| Fault::VoiceStalled)?
    {
        let chunk = chunk?;
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
        if !each(clause, &out, chunk.ends_span).await {
            return Ok(());
        }
    }
    if let Some((_, resampler)) = &mut resampler {
        out.clear();
        resampler.flush(&mut out);
        if !out.is_empty() && !last.is_empty() {
            each(&last, &out, true).await;
        }
    }
    Ok(())
}

fn resampler_from(rate: u32) -> Option<Resampler> {
    Resampler::new(SampleRate::new(rate).ok()?, SampleRate::HZ_24000).ok()
}
