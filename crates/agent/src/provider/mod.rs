//! The seams: what hears, speaks, thinks, finds voice and judges the end of a turn, each a small
//! trait, so that a conversation cannot tell a model on this machine from a service or a script.
//!
//! | seam | trait | gives |
//! |---|---|---|
//! | words as they are spoken | [`Stt`] | [`SttStream`]: interim and final words with their times |
//! | words of a whole utterance | [`Recogniser`] | a [`Transcript`]; [`Batch`] makes an [`Stt`] of it |
//! | speech | [`Tts`] | [`TtsStream`]: sound from the first samples on, aligned words where known |
//! | answers | [`Llm`] | [`LlmStream`]: text, tool calls, tokens |
//! | voice in sound | [`Vad`] | a probability for each window |
//! | end of a turn | [`EndOfTurn`] | a probability |
//!
//! Every stream is a task of its own that ends when the stream is dropped: dropping is how work is
//! cancelled, and a provider has nothing else to watch. Every failure is a [`ProviderError`], which
//! names the provider and never a key or a word that was said. `docs/providers.md` walks through
//! adding a provider; [`providers`](crate::providers) holds those that are here.

mod batch;
pub mod conformance;
mod end_of_turn;
mod error;
mod llm;
mod pieces;
mod retry;
mod stt;
mod tts;
mod usage;
mod vad;

pub use batch::Batch;
pub use end_of_turn::EndOfTurn;
pub use error::{Failure, ProviderError};
pub use llm::{Llm, LlmEvent, LlmRequest, LlmStream, Message, Role, ToolCall, ToolSpec};
pub use pieces::{Outlet, Pieces};
pub use retry::Retry;
pub use stt::{
    Ears, Full, Hearing, ListenOptions, Recogniser, SPEECH_RATE, Stt, SttEvent, SttStream,
    Transcript, Word, transcribe,
};
pub use tts::{PcmChunk, SpokenWord, Tts, TtsEvent, TtsStream, Utterance};
pub use usage::{Amount, Tokens, Used};
pub use vad::{VAD_WINDOW, Vad, VadStream};
