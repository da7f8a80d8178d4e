//! Speech to text.
//!
//! ```text
//!  hear(sound) ─┐                              ┌─► Interim(words so far, may change)
//!  hear(sound) ─┼─► lane, bounded ─► provider ─┼─► Final(words that stay)
//!  flush()     ─┘                              └─► Flushed, once for each flush, in order
//! ```

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use trunkline_base::secret::Personal;

use super::error::{Failure, ProviderError};
use super::pieces::{Outlet, Pieces};
use super::usage::Used;

/// The rate every listening part takes: 16 kHz mono.
pub const SPEECH_RATE: u32 = 16_000;

/// Pieces of sound a stream holds until its provider takes them: ten seconds of 20 ms. A provider
/// that does not get round to them for so long is stuck.
const SOUND_LANE: usize = 512;

/// Events a stream holds until somebody takes them; the provider waits then.
const EVENTS: usize = 64;

/// What was heard.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// The words; empty when there were none.
    pub text: Personal<String>,
    /// How sure the recogniser is of them, from 0 to 1; 1 where it does not say.
    pub sure: f32,
    /// The same words one by one, where the provider knows their times.
    pub words: Vec<Word>,
    /// The language, as a tag such as `en` or `ru-RU`, where the provider says.
    pub language: Option<String>,
    /// Length of the sound these words are from, in seconds.
    pub audio_seconds: f32,
    /// What is to be paid for hearing them, where a recogniser of whole utterances costs something.
    pub used: Option<Used>,
}

/// A word with its place.
#[derive(Clone, Debug, Default)]
pub struct Word {
    /// The word, with the punctuation that belongs to it.
    pub text: Personal<String>,
    /// When it was said, since the stream's first sample.
    pub at: Range<Duration>,
    /// How sure the recogniser is of it, from 0 to 1.
    pub sure: f32,
}

/// What a stream tells.
#[derive(Clone, Debug)]
pub enum SttEvent {
    /// What the caller seems to say; replaced by the next interim or final.
    Interim(Transcript),
    /// What the caller said, once and for all. Finals follow each other and do not overlap.
    Final(Transcript),
    /// Everything heard before a flush has been said in finals.
    Flushed,
    /// What is to be paid for.
    Used(Used),
}

/// What a stream is to listen for.
#[derive(Clone, Debug, Default)]
pub struct ListenOptions {
    /// The caller's language, as a tag such as `en` or `ru-RU`, in place of the configured one.
    pub language: Option<String>,
    /// Words that are likely: names of products, of streets, of people.
    pub keyterms: Vec<String>,
}

/// Hears words while they are spoken.
pub trait Stt: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &'static str;

    /// Begins to listen. Needs a tokio runtime around it; a connection that cannot be made is the
    /// stream's first event.
    fn listen(&self, options: ListenOptions) -> SttStream;

    /// What hears whole utterances at once, for a recogniser that cannot listen while somebody
    /// speaks: a conversation then asks it for exactly the sound it wants words of.
    fn recogniser(&self) -> Option<Arc<dyn Recogniser>> {
        None
    }
}

/// Hears one utterance at a time.
#[async_trait]
pub trait Recogniser: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &'static str;

    /// Words in `audio`, which is 16 kHz mono.
    ///
    /// # Errors
    /// [`ProviderError`].
    ///
    /// # Cancel safety
    /// Dropping the future abandons the work: it is skipped if it has not begun.
    async fn transcribe(
        &self,
        audio: Arc<[i16]>,
        options: &ListenOptions,
    ) -> Result<Transcript, ProviderError>;
}

/// A provider that listens. Dropping it ends the listening and closes the connection.
#[derive(Debug)]
pub struct SttStream {
    sound: mpsc::Sender<Hearing>,
    events: Pieces<SttEvent>,
}

/// What a provider is given to hear.
#[derive(Clone, Debug)]
pub enum Hearing {
    /// More sound: 16 kHz mono, of any length.
    Sound(Arc<[i16]>),
    /// The caller paused here: say in finals what you have, then [`SttEvent::Flushed`].
    Flush,
}

/// Where a provider takes what it is to hear.
#[derive(Debug)]
pub struct Ears(mpsc::Receiver<Hearing>);

/// The provider takes no sound: it is stuck, or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl SttStream {
    /// A stream whose work `listen` does: a task that takes from its ears and tells its outlet,
    /// until it fails or the stream is dropped. Needs a tokio runtime around it.
    pub fn made<F>(listen: impl FnOnce(Ears, Outlet<SttEvent>) -> F) -> Self
    where
        F: Future<Output = Result<(), ProviderError>> + Send + 'static,
    {
        let (sound, ears) = mpsc::channel(SOUND_LANE);
        Self {
            sound,
            events: Pieces::made(EVENTS, |outlet| listen(Ears(ears), outlet)),
        }
    }

    /// More sound, 16 kHz mono.
    ///
    /// # Errors
    /// [`Full`] when the provider does not take it.
    pub fn hear(&self, sound: Arc<[i16]>) -> Result<(), Full> {
        self.put(Hearing::Sound(sound))
    }

    /// The caller paused: what was heard is wanted now. It is answered by [`SttEvent::Flushed`],
    /// each flush by one, also where there was nothing to say.
    ///
    /// # Errors
    /// [`Full`] when the provider does not take it.
    pub fn flush(&self) -> Result<(), Full> {
        self.put(Hearing::Flush)
    }

    fn put(&self, hearing: Hearing) -> Result<(), Full> {
        self.sound.try_send(hearing).map_err(|_| Full)
    }

    /// The next event; nothing after an error.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<SttEvent, ProviderError>> {
        self.events.next().await
    }
}

impl Ears {
    /// What is to be heard next; nothing when nobody listens any more.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Hearing> {
        self.0.recv().await
    }
}

/// Words in a whole recording, by whatever hears words.
///
/// # Errors
/// What it failed with.
pub async fn transcribe(
    stt: &dyn Stt,
    audio: Arc<[i16]>,
    options: &ListenOptions,
) -> Result<Transcript, ProviderError> {
    if let Some(recogniser) = stt.recogniser() {
        return recogniser.transcribe(audio, options).await;
    }
    let mut stream = stt.listen(options.clone());
    let mut whole = Transcript {
        sure: 1.0,
        ..Transcript::default()
    };
    let full = |Full| {
        Failure::Overloaded {
            waiting: SOUND_LANE,
        }
        .of(stt.name())
    };
    stream.hear(audio).map_err(full)?;
    stream.flush().map_err(full)?;
    while let Some(event) = stream.next().await {
        match event? {
            SttEvent::Final(part) => whole.append(part),
            SttEvent::Flushed => return Ok(whole),
            SttEvent::Interim(_) | SttEvent::Used(_) => {}
        }
    }
    Err(Failure::Cut.of(stt.name()))
}

impl Transcript {
    /// Adds what was heard next.
    pub fn append(&mut self, next: Self) {
        let mut text = std::mem::take(&mut self.text).into_inner();
        let more = next.text.expose().trim();
        if !text.is_empty() && !more.is_empty() {
            text.push(' ');
        }
        text.push_str(more);
        self.text = text.into();
        self.sure = self.sure.min(next.sure);
        self.words.extend(next.words);
        self.language = next.language.or_else(|| self.language.take());
        self.audio_seconds += next.audio_seconds;
    }
}
