//! One Piper voice: a sentence becomes frames, frames become sound a slice at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ort::session::Session;
use ort::value::{DynValue, TensorRef};

use super::espeak::Phonemizer;
use super::spelling::phonemes;
use super::split::{Halves, split};
use super::voice::VoiceFile;
use crate::speech::runtime::Runtime;
use crate::speech::{LoadError, SpeechError};

pub(super) const PART: &str = "text-to-speech";

/// Frames on each side of a slice that its sound depends on: the reach of the convolutions is
/// just below this, so slices join without a seam.
const REACH: usize = 12;

/// Frames in the first slice: a quarter of a second at 22.05 kHz. Shorter gains nothing, since
/// the reach on both sides is computed as well.
const FIRST_SLICE: usize = 22;

/// Each slice is this many times the one before: the work done twice becomes small.
const GROWTH: usize = 2;

/// The longest slice: about a second, so that other callers' slices get their turn.
const LONGEST_SLICE: usize = 88;

/// Loudest sample aimed at, and the bounds of the gain that gets there.
const PEAK: f32 = 0.5;
const LEAST_GAIN: f32 = 0.5;
const MOST_GAIN: f32 = 4.0;

/// Said at start, to lay out memory and to learn how loud the voice is.
const WARM_UP: &str = "Good morning, thank you for calling. How may I help you today?";

/// A voice, ready to speak.
pub(super) struct Voice {
    graph: Graph,
    file: Arc<VoiceFile>,
    gain: f32,
}

enum Graph {
    /// Cut in two; see `split`.
    Halves {
        front: Session,
        back: Session,
        frames: String,
    },
    /// A model that could not be cut speaks whole sentences.
    Whole(Session),
}

/// A sentence on its way: what is not yet sound.
pub(super) enum Pending {
    /// Frames, with those already turned into sound.
    Frames {
        frames: Frames,
        done: usize,
        slice: usize,
    },
    /// All of it at once.
    Sound(Vec<f32>),
    /// Nothing left.
    Finished,
}

/// Frames of hidden picture, channel by channel.
pub(super) struct Frames {
    values: Vec<f32>,
    channels: usize,
    length: usize,
}

impl Voice {
    pub(super) fn load(
        runtime: &Runtime,
        path: &Path,
        file: Arc<VoiceFile>,
        phonemizer: &Phonemizer,
        threads: usize,
    ) -> Result<Self, LoadError> {
        let mut voice = Self {
            graph: Graph::load(runtime, path, threads)?,
            file,
            gain: 1.0,
        };
        let broken = |e: SpeechError| LoadError::Model {
            path: path.to_owned(),
            reason: e.to_string(),
        };
        let loudest = voice.loudest(phonemizer).map_err(broken)?;
        voice.gain = (PEAK / loudest.max(0.01)).clamp(LEAST_GAIN, MOST_GAIN);
        tracing::debug!(
            gain = voice.gain,
            sliced = matches!(voice.graph, Graph::Halves { .. }),
            "voice loaded"
        );
        Ok(voice)
    }

    /// Begins a sentence.
    pub(super) fn begin(&mut self, phonemes: &str) -> Result<Pending, SpeechError> {
        let ids = self.file.ids(phonemes);
        self.graph.begin(&ids, &self.file).map_err(failed)
    }

    /// The next samples of a sentence; `pending` is `Finished` after the last.
    pub(super) fn proceed(&mut self, pending: &mut Pending) -> Result<Vec<i16>, SpeechError> {
        let sound = self.graph.proceed(pending).map_err(failed)?;
        Ok(sound.iter().map(|s| sample(s * self.gain)).collect())
    }

    fn loudest(&mut self, phonemizer: &Phonemizer) -> Result<f32, SpeechError> {
        let ids = self.file.ids(&phonemes(phonemizer, WARM_UP));
        let mut pending = self.graph.begin(&ids, &self.file).map_err(failed)?;
        let mut loudest = 0.0_f32;
        while !matches!(pending, Pending::Finished) {
            let sound = self.graph.proceed(&mut pending).map_err(failed)?;
            loudest = sound.iter().fold(loudest, |most, s| most.max(s.abs()));
        }
        Ok(loudest)
    }
}

impl Graph {
    fn load(runtime: &Runtime, path: &Path, threads: usize) -> Result<Self, LoadError> {
        let broken = |reason: String| LoadError::Model {
            path: path.to_owned(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|e| broken(e.to_string()))?;
        let Some(Halves {
            front,
            back,
            frames,
        }) = split(&bytes)
        else {
            drop(bytes);
            return Ok(Self::Whole(runtime.model(path, threads)?));
        };
        drop(bytes);
        let open = |half: &[u8]| runtime.model_from_memory(half, &PathBuf::from(path), threads);
        Ok(Self::Halves {
            front: open(&front)?,
            back: open(&back)?,
            frames,
        })
    }

    fn begin(&mut self, ids: &[i64], file: &VoiceFile) -> ort::Result<Pending> {
        let length = [i64::try_from(ids.len()).unwrap_or(i64::MAX)];
        let how = file.inference();
        let scales = [how.noise_scale, how.length_scale, how.noise_w];
        let first_speaker = [0_i64];
        let mut inputs = ort::inputs![
            "input" => TensorRef::from_array_view(([1, ids.len()], ids))?,
            "input_lengths" => TensorRef::from_array_view(([1], &length[..]))?,
            "scales" => TensorRef::from_array_view(([3], &scales[..]))?,
        ];
        if file.has_speakers() {
            inputs.push((
                "sid".into(),
                TensorRef::from_array_view(([1], &first_speaker[..]))?.into(),
            ));
        }
        match self {
            Self::Halves { front, frames, .. } => {
                let outputs = front.run(inputs)?;
                let frames = Frames::read(outputs.get(frames.as_str()))?;
                Ok(Pending::Frames {
                    frames,
                    done: 0,
                    slice: FIRST_SLICE,
                })
            }
            Self::Whole(session) => {
                let outputs = session.run(inputs)?;
                let (_, sound) = outputs[0].try_extract_tensor::<f32>()?;
                Ok(Pending::Sound(sound.to_vec()))
            }
        }
    }

    fn proceed(&mut self, pending: &mut Pending) -> ort::Result<Vec<f32>> {
        match (self, std::mem::replace(pending, Pending::Finished)) {
            (
                Self::Halves { back, .. },
                Pending::Frames {
                    frames,
                    done,
                    slice,
                },
            ) => {
                let mut until = (done + slice).min(frames.length);
                // A tail shorter than the first slice is not worth a turn of its own.
                if frames.length - until < FIRST_SLICE {
                    until = frames.length;
                }
                let sound = frames.sound(back, done, until)?;
                if until < frames.length {
                    let slice = (slice * GROWTH).min(LONGEST_SLICE);
                    *pending = Pending::Frames {
                        frames,
                        done: until,
                        slice,
                    };
                }
                Ok(sound)
            }
            (_, Pending::Sound(sound)) => Ok(sound),
            _ => Ok(Vec::new()),
        }
    }
}

impl Frames {
    fn read(value: Option<&DynValue>) -> ort::Result<Self> {
        let value = value.ok_or_else(|| ort::Error::new("the text half gave no frames"))?;
        let (shape, values) = value.try_extract_tensor::<f32>()?;
        let dim = |at: usize| {
            shape
                .get(at)
                .and_then(|d| usize::try_from(*d).ok())
                .unwrap_or(0)
        };
        let (channels, length) = (dim(1), dim(2));
        if channels * length == 0 || values.len() != channels * length {
            return Err(ort::Error::new("the frames have an unknown shape"));
        }
        Ok(Self {
            values: values.to_vec(),
            channels,
            length,
        })
    }

    /// Sound of the frames from `from` to `until`.
    fn sound(&self, back: &mut Session, from: usize, until: usize) -> ort::Result<Vec<f32>> {
        let (first, last) = (from.saturating_sub(REACH), (until + REACH).min(self.length));
        let row = |row: &[f32]| row.get(first..last).unwrap_or_default().to_vec();
        let window: Vec<f32> = self
            .values
            .chunks_exact(self.length)
            .flat_map(row)
            .collect();
        let shape = [1, self.channels, last - first];
        let outputs = back.run(ort::inputs![TensorRef::from_array_view((
            shape,
            &window[..]
        ))?])?;
        let (_, sound) = outputs[0].try_extract_tensor::<f32>()?;
        let per_frame = sound.len() / (last - first);
        let wanted = (from - first) * per_frame..(until - first) * per_frame;
        Ok(sound.get(wanted).unwrap_or_default().to_vec())
    }
}

/// A sample on the wire; what would clip is bent.
fn sample(value: f32) -> i16 {
    let bent = if value.abs() > 0.9 {
        value.signum() * (0.9 + 0.1 * ((value.abs() - 0.9) * 10.0).tanh())
    } else {
        value
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded above, and a cast saturates"
    )]
    let sample = (bent * 32_767.0) as i16;
    sample
}

fn failed(error: ort::Error) -> SpeechError {
    SpeechError::Model {
        part: PART,
        reason: error.to_string(),
    }
}
