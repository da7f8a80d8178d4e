//! Silero VAD, version 5 and later: a recurrent model over windows of 512 samples, each preceded
//! by the last 64 samples of the one before.
//!
//! A window costs about a fifth of a millisecond, less than a trip to another thread, so it runs
//! where the audio is.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;
use ort::value::TensorRef;

use crate::provider::{SPEECH_RATE, VAD_WINDOW, Vad, VadStream};
use crate::speech::LoadError;
use crate::speech::runtime::Runtime;

/// Samples of the window before that the model sees again.
const CONTEXT: usize = 64;

/// Numbers the model carries from window to window: two layers of 128.
const STATE: usize = 2 * 128;

/// Copies of the model, 2 MB each. Streams share them under a lock, because the runtime wants a
/// model for itself while it runs; two are enough as long as two cores do the asking.
const COPIES: usize = 2;

/// Long silence or music drifts the carried state until speech is under-reported. After this
/// many windows (2 s) the state is dropped, as soon as the line is clearly quiet.
const RESET_AFTER: usize = 62;

/// Clearly quiet: this many windows in a row (160 ms) below `QUIET`. One low window may be the
/// soft start of a word.
const QUIET_RUN: usize = 5;

/// Far below any speech threshold, so that a doubtful window never counts as quiet.
const QUIET: f32 = 0.1;

/// The model, shared by all streams.
pub(super) struct SileroVad {
    models: Vec<Arc<Mutex<Session>>>,
    next: AtomicUsize,
}

impl SileroVad {
    pub(super) fn load(runtime: &Runtime, path: &Path) -> Result<Self, LoadError> {
        let one = |_| Ok(Arc::new(Mutex::new(runtime.model(path, 1)?)));
        let models = (0..COPIES)
            .map(one)
            .collect::<Result<Vec<_>, LoadError>>()?;
        for model in &models {
            let broken = |reason: String| LoadError::Model {
                path: path.to_owned(),
                reason,
            };
            Stream::new(Arc::clone(model))
                .run(&[0; VAD_WINDOW])
                .map_err(|e| broken(e.to_string()))?;
        }
        Ok(Self {
            models,
            next: AtomicUsize::new(0),
        })
    }
}

impl Vad for SileroVad {
    fn start(&self) -> Box<dyn VadStream> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % COPIES;
        let model = self.models.get(turn).or_else(|| self.models.first());
        match model {
            Some(model) => Box::new(Stream::new(Arc::clone(model))),
            None => super::EarshotVad.start(),
        }
    }
}

/// One stream's memory.
struct Stream {
    model: Arc<Mutex<Session>>,
    /// Context, then window.
    input: Box<[f32; CONTEXT + VAD_WINDOW]>,
    state: Box<[f32; STATE]>,
    since_reset: usize,
    quiet_run: usize,
}

impl Stream {
    fn new(model: Arc<Mutex<Session>>) -> Self {
        Self {
            model,
            input: Box::new([0.0; CONTEXT + VAD_WINDOW]),
            state: Box::new([0.0; STATE]),
            since_reset: 0,
            quiet_run: 0,
        }
    }

    fn run(&mut self, window: &[i16; VAD_WINDOW]) -> ort::Result<f32> {
        self.input.copy_within(VAD_WINDOW.., 0);
        let (_, fresh) = self.input.split_at_mut(CONTEXT);
        for (to, from) in fresh.iter_mut().zip(window) {
            *to = f32::from(*from) / 32768.0;
        }
        let rate = [i64::from(SPEECH_RATE)];
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = model.run(ort::inputs![
            "input" => TensorRef::from_array_view(([1, CONTEXT + VAD_WINDOW], &self.input[..]))?,
            "state" => TensorRef::from_array_view(([2, 1, 128], &self.state[..]))?,
            "sr" => TensorRef::from_array_view(([0_usize; 0], &rate[..]))?,
        ])?;
        let (_, probability) = outputs[0].try_extract_tensor::<f32>()?;
        let (_, state) = outputs[1].try_extract_tensor::<f32>()?;
        for (to, from) in self.state.iter_mut().zip(state) {
            *to = *from;
        }
        Ok(probability.first().copied().unwrap_or(0.0))
    }

    /// Drops the carried state once it is old and the line is clearly quiet.
    fn refresh(&mut self, probability: f32) {
        self.since_reset += 1;
        self.quiet_run = if probability < QUIET {
            self.quiet_run + 1
        } else {
            0
        };
        if self.since_reset >= RESET_AFTER && self.quiet_run >= QUIET_RUN {
            self.state.fill(0.0);
            self.since_reset = 0;
        }
    }
}

impl VadStream for Stream {
    fn process(&mut self, window: &[i16; VAD_WINDOW]) -> f32 {
        match self.run(window) {
            Ok(probability) => {
                self.refresh(probability);
                probability
            }
            // The shapes are fixed, so this cannot follow from what is on the line.
            Err(error) => {
                tracing::debug!(%error, "voice activity model failed on a window");
                0.0
            }
        }
    }

    fn reset(&mut self) {
        self.input.fill(0.0);
        self.state.fill(0.0);
        self.since_reset = 0;
        self.quiet_run = 0;
    }
}
