//! The ear and the mouth of the tests: the offline models, loaded once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use trunkline_agent::speech::{Speech, SpeechConfig, models};
use trunkline_media::{SampleRate, wav};

/// The models, or `None` after saying that the test is skipped.
///
/// # Panics
/// In CI, where they may not be missing.
pub(crate) fn speech() -> Option<&'static Speech> {
    static SPEECH: OnceLock<Option<Speech>> = OnceLock::new();
    SPEECH.get_or_init(load).as_ref()
}

#[expect(clippy::print_stderr, reason = "a skip must be seen")]
fn load() -> Option<Speech> {
    let dir = std::env::var_os("TRUNKLINE_MODELS").map(PathBuf::from);
    let dir = dir.or_else(models::default_dir)?;
    match Speech::load(&dir, &SpeechConfig::default()) {
        Ok(speech) => Some(speech),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "no models: {error}");
            eprintln!("skipped: the speech models are missing");
            None
        }
    }
}

/// What is said in a WAV file, in lower case.
pub(crate) async fn words(speech: &Speech, file: &Path) -> String {
    let sound = wav::read(&std::fs::read(file).unwrap()).unwrap();
    let pcm = sound.to_mono_at(SampleRate::HZ_16000).unwrap();
    let heard = speech.words(Arc::from(pcm)).await.unwrap();
    heard.text.expose().to_lowercase()
}

/// A sentence as 8 kHz samples.
pub(crate) async fn spoken(speech: &Speech, text: &str) -> Vec<i16> {
    let stream = speech.tts().say(text.into());
    stream.whole(SampleRate::HZ_8000).await.unwrap()
}
