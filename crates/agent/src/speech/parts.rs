//! The four parts of a voice, as the conversation sees them. Any of them may be a local model, a
//! remote service or a script; the conversation cannot tell.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use trunkline_base::secret::Personal;
use trunkline_media::{SampleRate, resample};

use super::SpeechError;

/// The rate every listening part takes: 16 kHz mono.
pub const SPEECH_RATE: u32 = 16_000;

/// Samples in one voice-activity window: 32 ms at [`SPEECH_RATE`].
pub const VAD_WINDOW: usize = 512;

/// What was heard.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The words; empty when there were none.
    pub text: Personal<String>,
    /// How sure the recogniser is of them, from 0 to 1.
    pub sure: f32,
    /// Length of the audio that was given.
    pub audio_seconds: f32,
    /// Time the model worked, without time spent in the queue.
    pub took: Duration,
}

/// A piece of synthesised speech, in the order it is to be played.
#[derive(Clone, Debug)]
pub struct PcmChunk {
    /// Sample rate, in hertz.
    pub rate: u32,
    /// Mono samples.
    pub samples: Vec<i16>,
    /// Which bytes of the given text these samples say, on character boundaries. Chunks of one
    /// clause share its span; spans never go backwards.
    pub span: Range<usize>,
    /// Whether these are the last samples of `span`.
    pub ends_span: bool,
}

/// Speech to text, one utterance at a time.
#[async_trait]
pub trait SpeechToText: Send + Sync {
    /// Words in `audio` (16 kHz mono).
    ///
    /// # Errors
    /// `Cancelled` once `cancel` fires, `Overloaded` when the pool is full, or a model failure.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the work: it is skipped if it has not begun.
    async fn transcribe(
        &self,
        audio: Arc<[i16]>,
        cancel: CancellationToken,
    ) -> Result<Transcript, SpeechError>;
}

/// Text to speech, as a stream whose first samples come early.
pub trait TextToSpeech: Send + Sync {
    /// Begins to say `text`. Dropping the stream, or firing `cancel`, stops the work.
    fn synthesize(&self, text: &str, cancel: CancellationToken) -> SpeechStream;

    /// The same for sound that nobody waits for yet: that of everybody else is made first.
    fn synthesize_ahead(&self, text: &str, cancel: CancellationToken) -> SpeechStream {
        self.synthesize(text, cancel)
    }

    /// Rate of the chunks, in hertz.
    fn rate(&self) -> u32;

    /// What makes its sound what it is, as one word: the same word, the same sound. Nothing, where
    /// that is not known; what it says is then not kept for another process.
    fn voice(&self) -> Option<&str> {
        None
    }
}

/// Speech on its way. Ends after the last chunk or the first error.
#[derive(Debug)]
pub struct SpeechStream {
    chunks: mpsc::Receiver<Result<PcmChunk, SpeechError>>,
    /// Whoever makes the chunks ends with the stream.
    _driver: Option<AbortOnDropHandle<()>>,
}

impl SpeechStream {
    /// A stream fed by `chunks`.
    pub const fn new(chunks: mpsc::Receiver<Result<PcmChunk, SpeechError>>) -> Self {
        Self {
            chunks,
            _driver: None,
        }
    }

    /// A stream fed by `chunks`, which `driver` makes; it is aborted when the stream is dropped.
    pub const fn driven(
        chunks: mpsc::Receiver<Result<PcmChunk, SpeechError>>,
        driver: AbortOnDropHandle<()>,
    ) -> Self {
        Self {
            chunks,
            _driver: Some(driver),
        }
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<PcmChunk, SpeechError>> {
        self.chunks.recv().await
    }

    /// All of it, for who does not play it as it comes.
    ///
    /// # Errors
    /// What the voice failed with, or a rate of its own that cannot be brought to `rate`.
    pub async fn whole(mut self, rate: SampleRate) -> Result<Vec<i16>, SpeechError> {
        let (mut samples, mut own) = (Vec::new(), rate.hz());
        while let Some(chunk) = self.next().await {
            let chunk = chunk?;
            own = chunk.rate;
            samples.extend_from_slice(&chunk.samples);
        }
        let failed = |reason: String| SpeechError::Model {
            part: "text-to-speech",
            reason,
        };
        let own = SampleRate::new(own).map_err(|error| failed(error.to_string()))?;
        resample::convert(own, rate, &samples).map_err(|error| failed(error.to_string()))
    }
}

/// Finds voice in sound. Shared; each audio stream takes its own [`VadStream`].
pub trait VoiceActivity: Send + Sync {
    /// A detector for one audio stream, with no memory of any other.
    fn start(&self) -> Box<dyn VadStream>;
}

/// One stream's detector. Cheap enough to call where the audio is.
pub trait VadStream: Send {
    /// Probability that this window holds a voice.
    fn process(&mut self, window: &[i16; VAD_WINDOW]) -> f32;

    /// Forgets what was heard.
    fn reset(&mut self);
}

/// Tells a finished turn from a pause for thought.
#[async_trait]
pub trait EndOfTurn: Send + Sync {
    /// Probability that the speaker has finished. `audio` is 16 kHz mono ending now; the last
    /// 8 seconds count.
    ///
    /// # Errors
    /// `Cancelled`, `Overloaded`, or a model failure.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the work.
    async fn probability(
        &self,
        audio: Arc<[i16]>,
        cancel: CancellationToken,
    ) -> Result<f32, SpeechError>;
}
