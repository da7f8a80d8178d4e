//! Speech to text: Moonshine, a small transformer that takes the waveform as it is and whose cost
//! grows with the length of the utterance, so that a short answer is heard at once.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use trunkline_base::secret::Personal;

use super::pool::{Due, Pool};
use super::runtime::Runtime;
use super::{LoadError, SpeechConfig, SpeechError};
use crate::provider::{ListenOptions, ProviderError, Recogniser, SPEECH_RATE, Transcript};

mod model;
mod segment;
mod tokens;

use model::{Model, PART};

pub(super) use model::{DECODER, ENCODER, TOKENS};

/// Loudness is measured over this many samples: a tenth of a second.
const BLOCK: usize = SPEECH_RATE as usize / 10;

/// Root mean square of the faintest speech: 52 dB below full scale, just above the hiss of a
/// telephone line.
const FAINTEST: i64 = 80;

/// Moonshine on its workers.
pub(super) struct Moonshine {
    pool: Pool<Model>,
}

impl Moonshine {
    pub(super) fn load(
        runtime: &Runtime,
        dir: &Path,
        config: &SpeechConfig,
    ) -> Result<Self, LoadError> {
        let (runtime, dir) = (runtime.clone(), dir.to_owned());
        let threads = config.intra_threads;
        let make = move || Model::load(&runtime, &dir, threads);
        Ok(Self {
            pool: Pool::start(PART, config.workers, config.queue, make)?,
        })
    }
}

#[async_trait]
impl Recogniser for Moonshine {
    fn name(&self) -> &'static str {
        "moonshine"
    }

    async fn transcribe(
        &self,
        audio: Arc<[i16]>,
        _options: &ListenOptions,
    ) -> Result<Transcript, ProviderError> {
        let cancel = CancellationToken::new();
        // Who does not wait any more stops the work that has begun, too.
        let _guard = cancel.clone().drop_guard();
        let work = move |model: &mut Model| hear(model, &audio, &cancel);
        let heard = self.pool.run(Due::now(), work).await;
        heard.map_err(|error| error.by(self.name()))
    }
}

/// Hears one utterance, piece by piece if it is long.
fn hear(
    model: &mut Model,
    audio: &[i16],
    cancel: &CancellationToken,
) -> Result<Transcript, SpeechError> {
    let mut text = String::new();
    let mut sure = 1.0_f32;
    for piece in segment::pieces(audio).filter(|piece| has_sound(piece)) {
        let (words, certainty) = model.transcribe(piece, cancel)?;
        sure = sure.min(certainty);
        if !text.is_empty() && !words.is_empty() {
            text.push(' ');
        }
        text.push_str(&words);
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "an utterance is far below 2^24 samples"
    )]
    let audio_seconds = audio.len() as f32 / SPEECH_RATE as f32;
    Ok(Transcript {
        text: Personal::new(text),
        sure,
        language: Some("en".to_owned()),
        audio_seconds,
        ..Transcript::default()
    })
}

/// Whether any tenth of a second is loud enough to be speech. Asked about silence, the model
/// makes words up.
fn has_sound(audio: &[i16]) -> bool {
    let power = |block: &[i16]| block.iter().map(|s| i64::from(*s).pow(2)).sum::<i64>();
    let length = |block: &[i16]| i64::try_from(block.len()).unwrap_or(i64::MAX);
    audio
        .chunks(BLOCK)
        .any(|block| power(block) > FAINTEST.pow(2) * length(block))
}
