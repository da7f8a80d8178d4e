//! Text to speech: Piper voices. Text is cut into sentences, written signs become words,
//! espeak-ng gives phonemes, and the voice gives sound slice by slice, so that the first samples
//! of a long answer come as early as those of a short one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::pool::{Due, Pool};
use super::runtime::Runtime;
use super::text::sentences;
use super::{LoadError, SpeechConfig, SpeechError};
use crate::provider::{Outlet, PcmChunk, ProviderError, Tts, TtsEvent, TtsStream, Utterance};
use sha2::{Digest as _, Sha256};

mod espeak;
mod piper;
mod silence;
mod spelling;
mod split;
mod voice;

use espeak::Phonemizer;
use piper::{PART, Pending, Voice};
use silence::Trim;
use spelling::phonemes;
use voice::VoiceFile;

/// The voice's place below the models directory; its settings lie beside it.
pub(super) const MODEL: &str = "tts/en_US-joe-medium.onnx";
pub(super) const SETTINGS: &str = "tts/en_US-joe-medium.onnx.json";

/// Chunks made ahead of the listener. Full means that the listener has seconds of sound in hand;
/// more would only be thrown away when the caller interrupts.
const AHEAD: usize = 4;

/// A Piper voice on its workers.
pub(super) struct Piper {
    pool: Pool<Voice>,
    phonemizer: Phonemizer,
    rate: u32,
    voice: String,
}

impl Piper {
    pub(super) fn load(
        runtime: &Runtime,
        dir: &Path,
        config: &SpeechConfig,
    ) -> Result<Self, LoadError> {
        let file = Arc::new(VoiceFile::load(&dir.join(SETTINGS))?.varied(config.variation));
        let phonemizer = Phonemizer::load(dir, file.espeak_voice())?;
        let rate = file.rate();
        let (runtime, path, speller) = (runtime.clone(), dir.join(MODEL), phonemizer.clone());
        let threads = config.intra_threads;
        let make = move || Voice::load(&runtime, &path, Arc::clone(&file), &speller, threads);
        let (pool, voice) = thread::scope(|scope| {
            let voice = scope.spawn(|| digest(dir, config.variation));
            let pool = Pool::start(PART, config.workers, config.queue, make);
            (pool, voice.join())
        });
        let unreadable = |reason: String| LoadError::Model {
            path: dir.join(MODEL),
            reason,
        };
        let voice = voice
            .map_err(|_| unreadable("its digest could not be made".to_owned()))?
            .map_err(|error| unreadable(error.to_string()))?;
        Ok(Self {
            pool: pool?,
            phonemizer,
            rate,
            voice,
        })
    }
}

/// Of everything that shapes the sound of this voice. How fast it speaks is in its settings.
fn digest(dir: &Path, variation: f32) -> io::Result<String> {
    let mut digest = Sha256::new();
    for file in [MODEL, SETTINGS] {
        let mut file = File::open(dir.join(file))?;
        digest.update(file.metadata()?.len().to_le_bytes());
        io::copy(&mut file, &mut digest)?;
    }
    digest.update(variation.to_le_bytes());
    Ok(hex::encode(digest.finalize()))
}

impl Tts for Piper {
    fn name(&self) -> &'static str {
        "piper"
    }

    fn rate(&self) -> u32 {
        self.rate
    }

    fn say(&self, utterance: Utterance) -> TtsStream {
        let due = if utterance.ahead {
            Due::Whenever
        } else {
            Due::now()
        };
        TtsStream::made(AHEAD, |chunks| {
            let speaker = Speaker {
                pool: self.pool.clone(),
                phonemizer: self.phonemizer.clone(),
                rate: self.rate,
                due,
                chunks,
            };
            speaker.speak(utterance.text)
        })
    }

    fn voice(&self) -> Option<&str> {
        Some(&self.voice)
    }
}

/// Speaks one text, for one listener.
struct Speaker {
    pool: Pool<Voice>,
    phonemizer: Phonemizer,
    rate: u32,
    /// When the next sound is wanted: the listener has something to hear until then.
    due: Due,
    chunks: Outlet<TtsEvent>,
}

impl Speaker {
    async fn speak(mut self, text: String) -> Result<(), ProviderError> {
        for (index, span) in sentences(&text).into_iter().enumerate() {
            let Some(sentence) = text.get(span.clone()) else {
                continue;
            };
            let said = self.sentence(sentence.to_owned(), span, index == 0).await;
            if !said.map_err(|error| error.by("piper"))? {
                return Ok(()); // the listener has gone
            }
        }
        Ok(())
    }

    /// Says one sentence; answers whether anyone listens still.
    async fn sentence(
        &mut self,
        sentence: String,
        span: Range<usize>,
        first: bool,
    ) -> Result<bool, SpeechError> {
        let phonemizer = self.phonemizer.clone();
        let begin = move |voice: &mut Voice| {
            let phonemes = phonemes(&phonemizer, &sentence);
            if phonemes.is_empty() {
                return Ok((Pending::Finished, Vec::new()));
            }
            // The first slice in the same turn: it is what the caller waits for.
            let mut pending = voice.begin(&phonemes)?;
            let samples = voice.proceed(&mut pending)?;
            Ok((pending, samples))
        };
        let mut trim = Trim::new(self.rate, first);
        let (mut pending, mut samples) = self.pool.run(self.due, begin).await?;
        loop {
            let finished = matches!(pending, Pending::Finished);
            let samples_out = trim.pass(samples, finished);
            self.due = after(self.due, samples_out.len(), self.rate);
            let chunk = PcmChunk {
                rate: self.rate,
                samples: samples_out,
                span: span.clone(),
                ends_span: finished,
            };
            let worth = finished || !chunk.samples.is_empty();
            if worth && !self.chunks.give(TtsEvent::Sound(chunk)).await {
                return Ok(false);
            }
            if finished {
                return Ok(true);
            }
            let next = move |voice: &mut Voice| {
                let samples = voice.proceed(&mut pending)?;
                Ok((pending, samples))
            };
            (pending, samples) = self.pool.run(self.due, next).await?;
        }
    }
}

/// When sound is wanted that follows so many samples.
fn after(due: Due, samples: usize, rate: u32) -> Due {
    let Due::At(due) = due else { return due };
    let samples = u32::try_from(samples).unwrap_or(u32::MAX);
    // What came late is heard late: the listener's time begins when there is something to hear.
    let begun = due.max(Instant::now());
    Due::At(begun + Duration::from_secs(1) * samples / rate.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_with_sound_in_hand_waits_behind_one_without() {
        let begun = Due::now();
        let fed = after(begun, 44_100, 22_050);
        assert!(begun < fed && fed > Due::now() && fed < Due::Whenever);
        assert_eq!(after(Due::Whenever, 44_100, 22_050), Due::Whenever);
    }
}
