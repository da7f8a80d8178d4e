//! Several providers of one kind, asked in order: what one fails at, the next one does.
//!
//! Each attempt has an end. A provider that failed is passed over until a probe in the background
//! finds it well again; when none is well, all are tried. Delays are those of livekit/agents: 10 s
//! for hearing and speaking, 5 s for thinking.
//!
//! ```text
//!  hearing   the sound that no final has told of yet is kept, and given to whoever takes over
//!  speaking  until the first sound; what has begun to sound is not begun again
//!  thinking  until the first piece; what was said is not said again
//! ```

mod llm;
mod members;
mod recogniser;
mod stt;
#[cfg(test)]
mod tests;
mod tts;
mod unheard;

pub use llm::LlmChain;
pub use members::Link;
pub use stt::SttChain;
pub use tts::TtsChain;
