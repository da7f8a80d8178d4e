//! Scripted doubles of the four parts, for deterministic tests of conversations. They use no
//! model, no thread and no clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use trunkline_base::secret::Personal;

use super::{
    EndOfTurn, PcmChunk, SPEECH_RATE, Speech, SpeechError, SpeechStream, SpeechToText,
    TextToSpeech, Transcript, VAD_WINDOW, VadStream, VoiceActivity,
};

/// A voice of scripted parts: hears `heard` in order, speaks a tone, finds voice by loudness,
/// and is always `certainty` sure that a turn is over.
pub fn scripted_speech(heard: &[&str], certainty: f32) -> Speech {
    Speech::from_parts(
        Arc::new(ScriptedStt::new(heard)),
        Arc::new(ScriptedTts::default()),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::new(certainty)),
    )
}

/// The same, with a voice that never sounds the same twice, as an echo needs that is to be found.
pub fn babbling_speech(heard: &[&str]) -> Speech {
    Speech::from_parts(
        Arc::new(ScriptedStt::new(heard)),
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
    script: Mutex<VecDeque<Result<String, SpeechError>>>,
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
    pub fn push(&self, answer: Result<String, SpeechError>) {
        self.script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(answer);
    }
}

#[async_trait]
impl SpeechToText for ScriptedStt {
    async fn transcribe(
        &self,
        audio: Arc<[i16]>,
        cancel: CancellationToken,
    ) -> Result<Transcript, SpeechError> {
        if cancel.is_cancelled() {
            return Err(SpeechError::Cancelled);
        }
        let next = self
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let text = next.unwrap_or_else(|| Ok(String::new()))?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "an utterance is far below 2^24 samples"
        )]
        let audio_seconds = audio.len() as f32 / SPEECH_RATE as f32;
        Ok(Transcript {
            text: Personal::new(text),
            sure: self.sure,
            audio_seconds,
            took: Duration::ZERO,
        })
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

impl TextToSpeech for ScriptedTts {
    fn synthesize(&self, text: &str, cancel: CancellationToken) -> SpeechStream {
        let mut spans = Vec::new();
        let mut from = 0;
        for sentence in text.split_inclusive(['.', '!', '?']) {
            spans.push((from..from + sentence.len(), sentence.chars().count()));
            from += sentence.len();
        }
        let (sender, receiver) = mpsc::channel(spans.len().max(1));
        for (span, chars) in spans {
            let length = chars * self.samples_per_char;
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
            let chunk = PcmChunk {
                rate: self.rate,
                samples: samples.collect(),
                span,
                ends_span: true,
            };
            let answer = if cancel.is_cancelled() {
                Err(SpeechError::Cancelled)
            } else {
                Ok(chunk)
            };
            if sender.try_send(answer).is_err() {
                break;
            }
        }
        SpeechStream::new(receiver)
    }

    fn rate(&self) -> u32 {
        self.rate
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

impl VoiceActivity for LoudnessVad {
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
    async fn probability(
        &self,
        _audio: Arc<[i16]>,
        cancel: CancellationToken,
    ) -> Result<f32, SpeechError> {
        if cancel.is_cancelled() {
            return Err(SpeechError::Cancelled);
        }
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if script.len() > 1 {
            script.pop_front()
        } else {
            script.front().copied()
        };
        Ok(next.unwrap_or(1.0))
    }
}
