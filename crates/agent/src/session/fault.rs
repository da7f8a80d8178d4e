//! What of an answer can fail.

use crate::brain::BrainError;
use crate::provider::ProviderError;

/// What failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the brain failed")]
    Brain(#[from] BrainError),
    #[error("the voice failed")]
    Voice(#[from] ProviderError),
    #[error("the voice made no sound in time")]
    VoiceStalled,
}

impl Fault {
    /// The part to blame, for the metric.
    pub(super) fn part(&self) -> &'static str {
        match self {
            Self::Brain(_) => "llm",
            Self::Voice(_) | Self::VoiceStalled => "tts",
        }
    }
}
