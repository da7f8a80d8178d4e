//! Voice activity: Silero where its model is installed, earshot (built into the program) where
//! it is not.

use std::path::Path;
use std::sync::Arc;

use super::LoadError;
use super::runtime::Runtime;
use crate::provider::Vad;

mod earshot;
mod silero;

pub use self::earshot::EarshotVad;
use silero::SileroVad;

/// The model's place below the models directory.
pub(super) const MODEL: &str = "vad/silero.onnx";

/// Loads Silero, or falls back to earshot when the file is not there.
pub(super) fn load(runtime: &Runtime, dir: &Path) -> Result<Arc<dyn Vad>, LoadError> {
    let model = dir.join(MODEL);
    if model.is_file() {
        return Ok(Arc::new(SileroVad::load(runtime, &model)?));
    }
    tracing::warn!("the silero voice model is not installed; earshot finds the voice instead");
    Ok(Arc::new(EarshotVad))
}
