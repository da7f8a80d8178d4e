//! End of turn: Smart Turn v3 listens to the last eight seconds and says whether the speaker has
//! finished or is only pausing.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ort::session::Session;
use ort::value::TensorRef;

use super::pool::{Due, Pool};
use super::runtime::Runtime;
use super::{LoadError, SpeechConfig, SpeechError};
use crate::provider::{EndOfTurn, ProviderError};

mod features;

use features::{BANDS, FRAMES, LogMel};

/// The model's place below the models directory.
pub(super) const MODEL: &str = "turn/smart-turn-v3.2.onnx";

const PART: &str = "end-of-turn";

/// Smart Turn on its workers.
pub(super) struct SmartTurn {
    pool: Pool<Model>,
}

struct Model {
    session: Session,
    features: LogMel,
}

impl SmartTurn {
    pub(super) fn load(
        runtime: &Runtime,
        dir: &Path,
        config: &SpeechConfig,
    ) -> Result<Self, LoadError> {
        let (runtime, path) = (runtime.clone(), dir.join(MODEL));
        let threads = config.intra_threads;
        let make = move || {
            let session = runtime.model(&path, threads)?;
            let mut model = Model {
                session,
                features: LogMel::new(),
            };
            // The first run lays out memory; let no caller wait for it.
            model
                .probability(&[0; 16_000])
                .map_err(|e| LoadError::Model {
                    path: path.clone(),
                    reason: e.to_string(),
                })?;
            Ok(model)
        };
        Ok(Self {
            pool: Pool::start(PART, config.workers, config.queue, make)?,
        })
    }
}

#[async_trait]
impl EndOfTurn for SmartTurn {
    async fn probability(&self, audio: Arc<[i16]>) -> Result<f32, ProviderError> {
        let judge = move |model: &mut Model| model.probability(&audio);
        let judged = self.pool.run(Due::now(), judge).await;
        judged.map_err(|error| error.by("smart-turn"))
    }
}

impl Model {
    fn probability(&mut self, audio: &[i16]) -> Result<f32, SpeechError> {
        let features = self.features.compute(audio);
        self.infer(features).map_err(|e| SpeechError::Model {
            part: PART,
            reason: e.to_string(),
        })
    }

    fn infer(&mut self, features: Vec<f32>) -> ort::Result<f32> {
        let input = TensorRef::from_array_view(([1, BANDS, FRAMES], &features[..]))?;
        let outputs = self.session.run(ort::inputs!["input_features" => input])?;
        let (_, probability) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(probability.first().copied().unwrap_or(0.0))
    }
}
