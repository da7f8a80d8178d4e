//! Loading the models, once for the whole process.

use std::fmt;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use super::LoadError;
use super::absent::Absent;
use super::config::SpeechConfig;
use super::runtime::Runtime;
use super::stt::{self, Moonshine};
use super::tts::{self, Piper};
use super::turn::{self, SmartTurn};
use super::vad::{self, EarshotVad};
use crate::provider::{
    Batch, EndOfTurn, ListenOptions, ProviderError, Stt, Transcript, Tts, Vad, transcribe,
};

/// The inference library, below the models directory.
const RUNTIME: &str = "runtime/libonnxruntime.so";

/// Files without which there is no voice. Voice activity has a fallback, and espeak-ng may come
/// from the system.
const NEEDED: [&str; 7] = [
    RUNTIME,
    turn::MODEL,
    stt::ENCODER,
    stt::DECODER,
    stt::TOKENS,
    tts::MODEL,
    tts::SETTINGS,
];

/// The parts of a voice, loaded and shared. Cloning is cheap.
#[derive(Clone)]
pub struct Speech {
    stt: Arc<dyn Stt>,
    tts: Arc<dyn Tts>,
    vad: Arc<dyn Vad>,
    eot: Arc<dyn EndOfTurn>,
}

impl Speech {
    /// Puts a voice together from parts.
    pub fn from_parts(
        stt: Arc<dyn Stt>,
        tts: Arc<dyn Tts>,
        vad: Arc<dyn Vad>,
        eot: Arc<dyn EndOfTurn>,
    ) -> Self {
        Self { stt, tts, vad, eot }
    }

    /// Without any model on the disk, for who hears and speaks by services: voice is found by what
    /// is built in, and the end of a turn by time alone.
    pub fn without_models() -> Self {
        Self {
            stt: Arc::new(Absent),
            tts: Arc::new(Absent),
            vad: Arc::new(EarshotVad),
            eot: Arc::new(Absent),
        }
    }

    /// Loads the offline models from `dir` and warms them up. Blocks for about a second: call
    /// it before serving, or from a blocking thread.
    ///
    /// # Errors
    /// When a file is missing or broken; the text names the remedy.
    pub fn load(dir: &Path, config: &SpeechConfig) -> Result<Self, LoadError> {
        present(dir)?;
        let runtime = Runtime::load(&dir.join(RUNTIME))?;
        // Side by side: somebody waits for the start, and each of them works alone.
        let (vad, eot, stt, tts) = thread::scope(|scope| {
            let tts = scope.spawn(|| Piper::load(&runtime, dir, config));
            let stt = scope.spawn(|| Moonshine::load(&runtime, dir, config));
            let eot = SmartTurn::load(&runtime, dir, config);
            let vad = vad::load(&runtime, dir);
            (vad, eot, joined(stt), joined(tts))
        });
        Ok(Self {
            stt: Batch::of(stt?),
            tts: Arc::new(tts?),
            vad: vad?,
            eot: Arc::new(eot?),
        })
    }

    /// Words in a whole recording, 16 kHz mono.
    ///
    /// # Errors
    /// What the recogniser failed with.
    pub async fn words(&self, audio: Arc<[i16]>) -> Result<Transcript, ProviderError> {
        transcribe(&*self.stt, audio, &ListenOptions::default()).await
    }

    pub fn stt(&self) -> &Arc<dyn Stt> {
        &self.stt
    }

    pub fn tts(&self) -> &Arc<dyn Tts> {
        &self.tts
    }

    pub fn vad(&self) -> &Arc<dyn Vad> {
        &self.vad
    }

    pub fn eot(&self) -> &Arc<dyn EndOfTurn> {
        &self.eot
    }
}

impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech").finish_non_exhaustive()
    }
}

/// What a thread came to; its panic is ours.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Says at once all that is missing.
fn present(dir: &Path) -> Result<(), LoadError> {
    let missing = NEEDED.iter().filter(|file| !dir.join(file).is_file());
    let missing: Vec<String> = missing.map(|file| (*file).to_owned()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(LoadError::NotInstalled {
        dir: dir.to_owned(),
        missing,
    })
}
