//! A recogniser of whole utterances as one that listens.

use std::sync::Arc;
use std::time::Duration;

use super::error::ProviderError;
use super::pieces::Outlet;
use super::stt::{
    Ears, Hearing, ListenOptions, Recogniser, SPEECH_RATE, Stt, SttEvent, SttStream, Word,
};

/// Sound kept between two flushes: half a minute. Nobody speaks so long without a pause; of who
/// does, the end counts.
const MOST: usize = 30 * SPEECH_RATE as usize;

/// Makes an [`Stt`] of a [`Recogniser`]: it transcribes what lies between two flushes.
#[derive(Clone)]
pub struct Batch(Arc<dyn Recogniser>);

impl Batch {
    /// Wraps it.
    pub fn of(recogniser: impl Recogniser + 'static) -> Arc<Self> {
        Arc::new(Self(Arc::new(recogniser)))
    }

    /// Wraps one that is shared.
    pub fn new(recogniser: Arc<dyn Recogniser>) -> Self {
        Self(recogniser)
    }
}

impl Stt for Batch {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn listen(&self, options: ListenOptions) -> SttStream {
        let recogniser = Arc::clone(&self.0);
        SttStream::made(|ears, outlet| hear(recogniser, options, ears, outlet))
    }

    fn recogniser(&self) -> Option<Arc<dyn Recogniser>> {
        Some(Arc::clone(&self.0))
    }
}

async fn hear(
    recogniser: Arc<dyn Recogniser>,
    options: ListenOptions,
    mut ears: Ears,
    outlet: Outlet<SttEvent>,
) -> Result<(), ProviderError> {
    let (mut heard, mut begin) = (Vec::new(), 0);
    while let Some(hearing) = ears.next().await {
        match hearing {
            Hearing::Sound(samples) => {
                heard.extend_from_slice(&samples);
                let surplus = heard.len().saturating_sub(MOST);
                heard.drain(..surplus);
                begin += surplus;
            }
            Hearing::Flush => {
                let audio: Arc<[i16]> = std::mem::take(&mut heard).into();
                let offset = at(begin);
                begin += audio.len();
                if !audio.is_empty() {
                    let mut transcript = recogniser.transcribe(audio, &options).await?;
                    if let Some(used) = transcript.used.take() {
                        outlet.give(SttEvent::Used(used)).await;
                    }
                    transcript
                        .words
                        .iter_mut()
                        .for_each(|word| later(word, offset));
                    if !transcript.text.expose().is_empty() {
                        outlet.give(SttEvent::Final(transcript)).await;
                    }
                }
                outlet.give(SttEvent::Flushed).await;
            }
        }
    }
    Ok(())
}

/// The time of a sample.
fn at(sample: usize) -> Duration {
    Duration::from_secs(1) * u32::try_from(sample).unwrap_or(u32::MAX) / SPEECH_RATE
}

fn later(word: &mut Word, offset: Duration) {
    word.at = word.at.start + offset..word.at.end + offset;
}
