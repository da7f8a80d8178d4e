//! One Moonshine: the waveform goes through the encoder once, then the decoder says one token at
//! a time, carrying its keys and values along.

use std::path::Path;

use ort::session::Session;
use ort::value::{DynValue, Tensor, TensorRef};
use tokio_util::sync::CancellationToken;

use super::tokens::Tokens;
use crate::provider::SPEECH_RATE;
use crate::speech::runtime::Runtime;
use crate::speech::{LoadError, SpeechError};

/// The models' places below the models directory.
pub(crate) const ENCODER: &str = "stt/moonshine-tiny-en/encoder_model.ort";
pub(crate) const DECODER: &str = "stt/moonshine-tiny-en/decoder_model_merged.ort";
pub(crate) const TOKENS: &str = "stt/moonshine-tiny-en/tokenizer.bin";

pub(super) const PART: &str = "speech-to-text";

/// Before the first word.
const BEGIN: i64 = 1;

/// After the last.
const END: i64 = 2;

/// Nobody speaks faster: beyond this the model is dreaming.
const TOKENS_PER_SECOND: f32 = 6.5;

/// Even a very short sound may be a short word.
const FEWEST_TOKENS: usize = 8;

/// The same run of up to this many tokens, said more than `REPEATS` times over, is a dream too.
const LONGEST_LOOP: usize = 8;
const REPEATS: usize = 3;

/// Silence put before and after the sound. Speech that begins or ends in the very first or last
/// samples loses its edge words otherwise.
const MARGIN: usize = SPEECH_RATE as usize / 10;

/// The model hears nothing in less than this.
const SHORTEST: usize = SPEECH_RATE as usize;

/// Encoder, decoder and words.
pub(super) struct Model {
    encoder: Session,
    decoder: Session,
    tokens: Tokens,
    /// Keys and values: the decoder's input name, its output name, and whether the encoder's
    /// output alone determines it.
    memory: Vec<Carried>,
    heads: usize,
    width: usize,
}

struct Carried {
    input: String,
    output: String,
    fixed: bool,
}

impl Model {
    pub(super) fn load(runtime: &Runtime, dir: &Path, threads: usize) -> Result<Self, LoadError> {
        let encoder = runtime.model(&dir.join(ENCODER), threads)?;
        let decoder = runtime.model(&dir.join(DECODER), threads)?;
        let path = dir.join(TOKENS);
        let broken = |reason: String| LoadError::Model {
            path: path.clone(),
            reason,
        };
        let bytes = std::fs::read(&path).map_err(|e| broken(e.to_string()))?;
        let tokens =
            Tokens::parse(&bytes).ok_or_else(|| broken("it ends inside a token".to_owned()))?;
        let (memory, heads, width) = memory(&decoder)
            .ok_or_else(|| broken("the decoder beside it takes no keys and values".to_owned()))?;
        tracing::debug!(
            tokens = tokens.len(),
            layers = memory.len() / 4,
            "speech to text loaded"
        );
        let mut model = Self {
            encoder,
            decoder,
            tokens,
            memory,
            heads,
            width,
        };
        // The first run lays out memory; let no caller wait for it.
        model
            .transcribe(&[0; 2 * SPEECH_RATE as usize], &CancellationToken::new())
            .map_err(|e| broken(e.to_string()))?;
        Ok(model)
    }

    /// The words in at most some twelve seconds of sound, and how sure they are.
    pub(super) fn transcribe(
        &mut self,
        audio: &[i16],
        cancel: &CancellationToken,
    ) -> Result<(String, f32), SpeechError> {
        let said = self.decode(audio, cancel);
        let (said, sure) = said.map_err(|e| SpeechError::Model {
            part: PART,
            reason: e.to_string(),
        })?;
        if cancel.is_cancelled() {
            return Err(SpeechError::Cancelled);
        }
        Ok((self.tokens.text(&said), sure))
    }

    /// Greedy decoding, until the model ends, dreams, or is no longer wanted.
    /// The geometric mean of the tokens' probabilities tells how sure they are.
    fn decode(
        &mut self,
        audio: &[i16],
        cancel: &CancellationToken,
    ) -> ort::Result<(Vec<i64>, f32)> {
        let limit = most_tokens(audio.len());
        let heard = self.encode(audio)?;
        let mut carried = self.blank()?;
        let mut said = Vec::with_capacity(limit);
        let mut last = BEGIN;
        let (mut doubt, mut steps) = (0.0, 0.0_f32);
        while said.len() < limit && !cancel.is_cancelled() {
            let begun = last != BEGIN;
            let (next, unlikely) = self.step(last, begun, &heard, &mut carried)?;
            (doubt, steps) = (doubt + unlikely, steps + 1.0);
            last = next;
            if last == END {
                break;
            }
            said.push(last);
            if let Some(loop_length) = looping(&said) {
                said.truncate(said.len() - loop_length * (REPEATS - 1));
                break;
            }
        }
        Ok((said, (-doubt / steps.max(1.0)).exp()))
    }

    fn encode(&mut self, audio: &[i16]) -> ort::Result<DynValue> {
        let wave = padded(audio);
        let mask = vec![1_i64; wave.len()];
        let mut outputs = self.encoder.run(ort::inputs![
            "input_values" => TensorRef::from_array_view(([1, wave.len()], &wave[..]))?,
            "attention_mask" => TensorRef::from_array_view(([1, mask.len()], &mask[..]))?,
        ])?;
        outputs
            .remove("last_hidden_state")
            .ok_or_else(|| ort::Error::new("encoder gave nothing"))
    }

    /// Keys and values before the first step. The decoder ignores them then, but wants a shape.
    fn blank(&self) -> ort::Result<Vec<DynValue>> {
        let shape = [1, self.heads, 1, self.width];
        let blank = |_: &Carried| {
            let zeros = vec![0.0_f32; self.heads * self.width];
            Ok(Tensor::from_array((shape, zeros))?.into_dyn())
        };
        self.memory.iter().map(blank).collect()
    }

    /// One token in, the likeliest next one out, with the negative logarithm of its probability;
    /// `carried` moves on.
    fn step(
        &mut self,
        token: i64,
        begun: bool,
        heard: &DynValue,
        carried: &mut [DynValue],
    ) -> ort::Result<(i64, f32)> {
        let (ids, begun_flag) = ([token], [begun]);
        // The graph reads this mask at the rate of the waveform; one true sample stands for all.
        let mask = [1_i64];
        let mut inputs = ort::inputs![
            "input_ids" => TensorRef::from_array_view(([1, 1], &ids[..]))?,
            "encoder_attention_mask" => TensorRef::from_array_view(([1, 1], &mask[..]))?,
            "encoder_hidden_states" => heard,
            "use_cache_branch" => TensorRef::from_array_view(([1], &begun_flag[..]))?,
        ];
        for (memory, value) in self.memory.iter().zip(carried.iter()) {
            inputs.push((memory.input.as_str().into(), value.into()));
        }
        let mut outputs = self.decoder.run(inputs)?;
        let next = outputs
            .get("logits")
            .ok_or_else(|| ort::Error::new("decoder gave nothing"))?
            .try_extract_tensor::<f32>()
            .map(|(_, logits)| likeliest(logits))?;
        for (memory, value) in self.memory.iter().zip(carried) {
            if begun && memory.fixed {
                continue;
            }
            if let Some(fresh) = outputs.remove(&memory.output) {
                *value = fresh;
            }
        }
        Ok(next)
    }
}

/// The decoder's keys and values, with the number of heads and the width of each.
fn memory(decoder: &Session) -> Option<(Vec<Carried>, usize, usize)> {
    let mut shape = None;
    let mut carried = Vec::new();
    for input in decoder.inputs() {
        let Some(rest) = input.name().strip_prefix("past_key_values.") else {
            continue;
        };
        let dims = input.dtype().tensor_shape()?;
        shape = Some((
            usize::try_from(*dims.get(1)?).ok()?,
            usize::try_from(*dims.get(3)?).ok()?,
        ));
        carried.push(Carried {
            input: input.name().to_owned(),
            output: format!("present.{rest}"),
            fixed: rest.contains(".encoder."),
        });
    }
    shape.map(|(heads, width)| (carried, heads, width))
}

/// The sound with a little silence around it, long enough for the model.
fn padded(audio: &[i16]) -> Vec<f32> {
    let length = (audio.len() + 2 * MARGIN).max(SHORTEST);
    let mut wave = vec![0.0; MARGIN];
    wave.reserve_exact(length);
    wave.extend(audio.iter().map(|s| f32::from(*s) / 32768.0));
    wave.resize(length, 0.0);
    wave
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bound on tokens may be rough"
)]
fn most_tokens(samples: usize) -> usize {
    let seconds = samples as f32 / SPEECH_RATE as f32;
    FEWEST_TOKENS + (seconds * TOKENS_PER_SECOND) as usize
}

fn likeliest(logits: &[f32]) -> (i64, f32) {
    let best = logits
        .iter()
        .enumerate()
        .max_by(|(_, a), (_, b)| a.total_cmp(b));
    let Some((index, most)) = best else {
        return (END, 0.0);
    };
    let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
    (i64::try_from(index).unwrap_or(END), sum.ln())
}

/// The length of the run that the end of `said` repeats over and over, if it does.
fn looping(said: &[i64]) -> Option<usize> {
    (1..=LONGEST_LOOP).find(|length| {
        let Some(from) = said.len().checked_sub(length * (REPEATS + 1)) else {
            return false;
        };
        let tail = said.get(from..).unwrap_or_default();
        tail.iter()
            .zip(tail.iter().skip(*length))
            .all(|(a, b)| a == b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dream_is_noticed_and_a_double_word_is_not() {
        assert_eq!(looping(&[5, 6, 7, 8, 8]), None);
        assert_eq!(looping(&[5, 8, 8, 8]), None);
        assert_eq!(looping(&[5, 8, 8, 8, 8]), Some(1));
        assert_eq!(looping(&[1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]), Some(3));
    }

    #[test]
    fn the_likeliest_token_comes_with_its_doubt() {
        let (token, doubt) = likeliest(&[0.0, 30.0, 0.0]);
        assert_eq!(token, 1);
        assert!(doubt < 0.01, "{doubt}");
        let (_, doubt) = likeliest(&[5.0, 5.0]);
        assert!((doubt - 2.0_f32.ln()).abs() < 0.01, "{doubt}");
    }

    #[test]
    fn short_sounds_are_padded_and_bounded() {
        assert_eq!(padded(&[]).len(), SHORTEST);
        assert_eq!(padded(&[0; 32_000]).len(), 32_000 + 2 * MARGIN);
        assert_eq!(most_tokens(0), FEWEST_TOKENS);
        assert_eq!(most_tokens(32_000), FEWEST_TOKENS + 13);
    }
}
