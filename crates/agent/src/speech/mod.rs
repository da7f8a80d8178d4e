//! Hearing and speaking without any service: speech-to-text, text-to-speech, voice activity and
//! end of turn, on models that live on the disk.
//!
//! The models are loaded once into [`Speech`] and shared by every conversation. Heavy work goes
//! to a bounded pool of threads; a full pool answers [`Failure::Overloaded`] at once rather
//! than letting a caller wait in silence. Voice activity is light enough to run where the audio
//! is. [`models`] installs and checks the files; [`testing`] has scripted doubles of each part.
//!
//! [`Failure::Overloaded`]: crate::provider::Failure::Overloaded

pub mod models;
pub mod testing;
pub mod text;

mod absent;
mod config;
mod error;
mod load;
mod pool;
mod runtime;
mod stt;
mod tts;
mod turn;
mod vad;

pub use config::SpeechConfig;
pub use error::LoadError;
pub(crate) use error::SpeechError;
pub use load::Speech;
pub use vad::EarshotVad;

#[cfg(test)]
mod tests;
