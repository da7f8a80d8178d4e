//! Why there is no answer.

use trunkline_base::class::{Class, Classified};

use crate::provider::ProviderError;

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrainError {
    /// The model behind it failed.
    #[error("the language model gave no answer")]
    Model(#[from] ProviderError),
    /// The program that leads the conversation gave no answer.
    #[error("the external brain gave no answer")]
    External(#[from] ExternalError),
    /// Too many rounds of tools in one answer.
    #[error("the answer needed more than {0} rounds of tools")]
    TooManySteps(usize),
}

/// Why an external brain gave no (whole) answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExternalError {
    /// No connection.
    #[error("the external brain cannot be reached")]
    Unreachable,
    /// Nothing came in time.
    #[error("the external brain did not begin to answer in time")]
    FirstByte,
    /// It began and then fell silent.
    #[error("the external brain fell silent in the middle of an answer")]
    Stalled,
    /// The whole answer took too long.
    #[error("the external brain took too long for the whole answer")]
    Total,
    /// It answered with another status.
    #[error("the external brain refused the turn (status {0})")]
    Refused(u16),
    /// It said itself that it cannot answer.
    #[error("the external brain failed by its own account")]
    Failed,
    /// It sent something that is no answer.
    #[error("the external brain sent something that is no answer")]
    Garbled,
    /// The connection broke before the answer was whole.
    #[error("the answer of the external brain was cut off")]
    Cut,
    /// More words than a caller could be told.
    #[error("the answer of the external brain is too long to be said")]
    TooLong,
}

impl Classified for ExternalError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable | Self::FirstByte | Self::Stalled | Self::Total | Self::Failed => {
                Class::Unavailable
            }
            Self::Refused(_) => Class::Invalid,
            Self::Garbled | Self::Cut | Self::TooLong => Class::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "agent.external.unreachable",
            Self::FirstByte => "agent.external.first_byte",
            Self::Stalled => "agent.external.stalled",
            Self::Total => "agent.external.total",
            Self::Refused(_) => "agent.external.refused",
            Self::Failed => "agent.external.failed",
            Self::Garbled => "agent.external.garbled",
            Self::Cut => "agent.external.cut",
            Self::TooLong => "agent.external.too_long",
        }
    }
}
