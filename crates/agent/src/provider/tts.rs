//! Text to speech.

use std::ops::Range;
use std::time::Duration;

use trunkline_media::{SampleRate, resample};

use super::error::{Failure, ProviderError};
use super::pieces::Pieces;
use super::usage::Used;

/// Speech on its way.
pub type TtsStream = Pieces<TtsEvent>;

/// What is to be said.
#[derive(Clone, PartialEq, Eq)]
pub struct Utterance {
    /// A sentence, or a few: plain text without markup.
    pub text: String,
    /// What the same answer said before, for a voice that goes on as it began.
    pub before: String,
    /// Its language, as a tag such as `en` or `ru-RU`, where it is not the voice's own.
    pub language: Option<String>,
    /// Nobody waits for it yet: that of everybody else is made first.
    pub ahead: bool,
}

/// A piece of speech.
#[derive(Clone, Debug)]
pub enum TtsEvent {
    /// Sound, in the order it is to be played.
    Sound(PcmChunk),
    /// When words of it are said; they may come before or after their sound.
    Words(Vec<SpokenWord>),
    /// What is to be paid for.
    Used(Used),
}

/// Synthesised sound.
#[derive(Clone, Debug)]
pub struct PcmChunk {
    /// Sample rate, in hertz.
    pub rate: u32,
    /// Mono samples.
    pub samples: Vec<i16>,
    /// Which bytes of the given text these samples say, on character boundaries. Chunks of one
    /// clause share its span; spans never go backwards. Who does not know gives all of it.
    pub span: Range<usize>,
    /// Whether these are the last samples of `span`.
    pub ends_span: bool,
}

/// A word with its place in the text and in the sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenWord {
    /// Which bytes of the given text, on character boundaries.
    pub span: Range<usize>,
    /// When it is said, since the first sample of the utterance.
    pub at: Range<Duration>,
}

/// Says text, with first samples that come early.
pub trait Tts: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &'static str;

    /// Rate of its sound, in hertz.
    fn rate(&self) -> u32;

    /// Begins to say it. Dropping the stream stops the work. Needs a tokio runtime around it.
    fn say(&self, utterance: Utterance) -> TtsStream;

    /// What makes its sound what it is, as one word: the same word, the same sound. Nothing, where
    /// that is not known; what it says is then not kept for another process.
    fn voice(&self) -> Option<&str> {
        None
    }
}

impl Utterance {
    /// A text that somebody waits for.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            before: String::new(),
            language: None,
            ahead: false,
        }
    }

    /// A text that nobody waits for yet.
    pub fn ahead(text: impl Into<String>) -> Self {
        Self {
            ahead: true,
            ..Self::new(text)
        }
    }
}

impl From<&str> for Utterance {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl TtsStream {
    /// The next sound, for who wants nothing else; `None` at the end.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next_sound(&mut self) -> Option<Result<PcmChunk, ProviderError>> {
        loop {
            match self.next().await? {
                Ok(TtsEvent::Sound(chunk)) => return Some(Ok(chunk)),
                Ok(TtsEvent::Words(_) | TtsEvent::Used(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// All of the sound, for who does not play it as it comes.
    ///
    /// # Errors
    /// What the voice failed with, or a rate of its own that cannot be brought to `rate`.
    pub async fn whole(mut self, rate: SampleRate) -> Result<Vec<i16>, ProviderError> {
        let (mut samples, mut own) = (Vec::new(), rate.hz());
        while let Some(chunk) = self.next_sound().await {
            let chunk = chunk?;
            own = chunk.rate;
            samples.extend_from_slice(&chunk.samples);
        }
        let broken = |reason: String| Failure::Broken { reason }.of("text-to-speech");
        let own = SampleRate::new(own).map_err(|error| broken(error.to_string()))?;
        resample::convert(own, rate, &samples).map_err(|error| broken(error.to_string()))
    }
}
