//! Scripted doubles of the four parts, for deterministic tests of conversations. They use no
//! model, no thread and no clock.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use trunkline_base::secret::Personal;

use super::Speech;
use crate::provider::{
    Batch, EndOfTurn, Failure, Hearing, ListenOptions, PcmChunk, ProviderError, Recogniser,
    SPEECH_RATE, Stt, SttEvent, SttStream, Transcript, Tts, TtsEvent, TtsStream, Utterance,
    VAD_WINDOW, Vad, VadStream, Word,
};

/// What the doubles are called.
const NAME: &str = "script";

/// A voice of scripted parts: hears `heard` in order, speaks a tone, finds voice by loudness,
/// and is always `certainty` sure that a turn is over.
pub fn scripted_speech(heard: &[&str], certainty: f32) -> Speech {
    Speech::from_parts(
        Batch::of(ScriptedStt::new(heard)),
        Arc::new(ScriptedTts::default()),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::new(certainty)),
    )
}

/// The same, with a voice that never sounds the same twice, as an echo needs that is to be found.
pub fn babbling_speech(heard: &[&str]) -> Speech {
    Speech::from_parts(
        Batch::of(ScriptedStt::new(heard)),
        Arc::new(ScriptedTts {
            babbles: true,
            ..ScriptedTts::default()
        }),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::new(0.95)),
    )
}

/// Hears the next line of its script, whatever was said; nothing when the script is over.
#[derive(Debug)]
pub struct ScriptedStt {
    /// How sure it is of what it hears.
    pub sure: f32,
    script: Mutex<VecDeque<Result<String, Failure>>>,
}

impl Default for ScriptedStt {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl ScriptedStt {
    /// A script of lines.
    pub fn new(lines: &[&str]) -> Self {
        let script = lines.iter().map(|line| Ok((*line).to_owned())).collect();
        Self {
            sure: 0.9,
            script: Mutex::new(script),
        }
    }

    /// Adds an answer, or a failure, to the end of the script.
    pub fn push(&self, answer: Result<String, Failure>) {
        self.script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(answer);
    }
}

#[async_trait]
impl Recogniser for ScriptedStt {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn transcribe(
        &self,
        audio: Arc<[i16]>,
        _options: &ListenOptions,
    ) -> Result<Transcript, ProviderError> {
        let next = self
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let text = next.unwrap_or_else(|| Ok(String::new()));
        let text = text.map_err(|failure| failure.of(NAME))?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "an utterance is far below 2^24 samples"
        )]
        let audio_seconds = audio.len() as f32 / SPEECH_RATE as f32;
        Ok(Transcript {
            text: Personal::new(text),
            sure: self.sure,
            audio_seconds,
            ..Transcript::default()
        })
    }
}

/// Listens while somebody speaks: each stretch of sound between two flushes is the next line of its
/// script, whose words lie evenly in it.
#[derive(Debug)]
pub struct ScriptedListener {
    script: Arc<Mutex<VecDeque<Result<String, Failure>>>>,
}

impl ScriptedListener {
    /// A script of lines, or of failures.
    pub fn new(lines: impl IntoIterator<Item = Result<String, Failure>>) -> Self {
        Self {
            script: Arc::new(Mutex::new(lines.into_iter().collect())),
        }
    }
}

impl Stt for ScriptedListener {
    fn name(&self) -> &'static str {
        NAME
    }

    fn listen(&self, _options: ListenOptions) -> SttStream {
        let script = Arc::clone(&self.script);
        SttStream::made(|mut ears, outlet| async move {
            let (mut samples, mut loud) = (0, None::<Range<u64>>);
            while let Some(hearing) = ears.next().await {
                match hearing {
                    Hearing::Sound(sound) => {
                        let begin = samples;
                        samples += sound.len() as u64;
                        if sound.iter().any(|sample| sample.unsigned_abs() > 500) {
                            let first = loud.map_or(begin, |loud| loud.start);
                            loud = Some(first..samples);
                        }
                    }
                    Hearing::Flush => {
                        if let Some(loud) = loud.take() {
                            let next = || {
                                let mut script =
                                    script.lock().unwrap_or_else(PoisonError::into_inner);
                                script.pop_front()
                            };
                            let line = next().unwrap_or_else(|| Ok(String::new()));
                            let line = line.map_err(|failure| failure.of(NAME))?;
                            if !line.is_empty() {
                                outlet.give(SttEvent::Final(spread(&line, &loud))).await;
                            }
                        }
                        outlet.give(SttEvent::Flushed).await;
                    }
                }
            }
            Ok(())
        })
    }
}

/// The words of a line, evenly over the samples in which it was said.
fn spread(line: &str, loud: &Range<u64>) -> Transcript {
    let texts: Vec<&str> = line.split_whitespace().collect();
    let count = texts.len().max(1) as u64;
    let time = |sample: u64| Duration::from_millis(sample * 1000 / u64::from(SPEECH_RATE));
    let place = |index: u64| time(loud.start + (loud.end - loud.start) * index / count);
    let words = texts.iter().zip(0_u64..).map(|(text, index)| Word {
        text: Personal::new((*text).to_owned()),
        at: place(index)..place(index + 1),
        sure: 0.9,
    });
    Transcript {
        text: Personal::new(line.to_owned()),
        sure: 0.9,
        words: words.collect(),
        ..Transcript::default()
    }
}

/// Says each sentence as one chunk of a square tone, `samples_per_char` samples a character.
#[derive(Clone, Debug)]
pub struct ScriptedTts {
    /// Rate of the chunks.
    pub rate: u32,
    /// Length of the tone per character of text.
    pub samples_per_char: usize,
    /// Noise instead of a tone.
    pub babbles: bool,
}

impl Default for ScriptedTts {
    fn default() -> Self {
        Self {
            rate: SPEECH_RATE,
            samples_per_char: 960,
            babbles: false,
        }
    }
}

impl Tts for ScriptedTts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rate(&self) -> u32 {
        self.rate
    }

    fn say(&self, utterance: Utterance) -> TtsStream {
        let mut from = 0;
        let sentences = utterance.text.split_inclusive(['.', '!', '?']);
        let chunks = sentences.map(|sentence| {
            let span = from..from + sentence.len();
            from = span.end;
            Ok(TtsEvent::Sound(PcmChunk {
                rate: self.rate,
                samples: self.sound(sentence.chars().count() * self.samples_per_char),
                span,
                ends_span: true,
            }))
        });
        TtsStream::ready(chunks)
    }
}

impl ScriptedTts {
    fn sound(&self, length: usize) -> Vec<i16> {
        let tone = |i: usize| {
            if (i / 16).is_multiple_of(2) {
                8_000
            } else {
                -8_000
            }
        };
        let mut noise = length.wrapping_mul(0x9e37_79b9);
        let samples = (0..length).map(|i| {
            noise ^= (noise << 13) ^ (noise >> 7);
            noise ^= noise << 17;
            let turned = usize::from(self.babbles && noise & 64 == 0);
            tone(i + 16 * turned)
        });
        samples.collect()
    }
}

/// Takes anything louder than a threshold for a voice.
#[derive(Clone, Debug)]
pub struct LoudnessVad {
    /// Mean absolute sample value above which a window is voice.
    pub threshold: u32,
}

impl Default for LoudnessVad {
    fn default() -> Self {
        Self { threshold: 500 }
    }
}

impl Vad for LoudnessVad {
    fn start(&self) -> Box<dyn VadStream> {
        Box::new(self.clone())
    }
}

impl VadStream for LoudnessVad {
    fn process(&mut self, window: &[i16; VAD_WINDOW]) -> f32 {
        let sum: u32 = window.iter().map(|s| u32::from(s.unsigned_abs())).sum();
        if sum / 512 > self.threshold {
            0.99
        } else {
            0.01
        }
    }

    fn reset(&mut self) {}
}

/// Gives scripted probabilities, and the last one for ever.
#[derive(Debug)]
pub struct ScriptedEot {
    script: Mutex<VecDeque<f32>>,
}

impl ScriptedEot {
    /// Always `probability`.
    pub fn new(probability: f32) -> Self {
        Self::script(&[probability])
    }

    /// These in order; the last one stays. An empty script says 1.
    pub fn script(probabilities: &[f32]) -> Self {
        Self {
            script: Mutex::new(probabilities.iter().copied().collect()),
        }
    }
}

#[async_trait]
impl EndOfTurn for ScriptedEot {
    async fn probability(&self, _audio: Arc<[i16]>) -> Result<f32, ProviderError> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if script.len() > 1 {
            script.pop_front()
        } else {
            script.front().copied()
        };
        Ok(next.unwrap_or(1.0))
    }
}
