//! OpenAI, and everything that speaks as it does: vLLM, Ollama, llama.cpp, speaches, LocalAI, and
//! most who sell language models.

mod chat;
mod settings;
mod speech;
#[cfg(test)]
pub(crate) mod tests;
mod transcription;

pub use chat::{Chat, ChatSettings};
pub use settings::{LLM, STT, TTS};
pub use speech::{Speaking, SpeakingSettings};
pub use transcription::{Hearing, HearingSettings};

/// The name in the configuration.
pub const NAME: &str = "openai";
