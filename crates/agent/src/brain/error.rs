//! Why there is no answer.

use trunkline_base::class::{Class, Classified};

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrainError {
    /// The service behind it failed.
    #[error("the chat endpoint gave no answer")]
    Service(#[from] ChatError),
    /// Too many rounds of tools in one answer.
    #[error("the answer needed more than {0} rounds of tools")]
    TooManySteps(usize),
}

/// Why a chat endpoint gave no (whole) answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// No connection.
    #[error("the chat endpoint cannot be reached")]
    Unreachable,
    /// Nothing came in time.
    #[error("the chat endpoint did not begin to answer in time")]
    FirstByte,
    /// It began and then fell silent.
    #[error("the chat endpoint fell silent in the middle of an answer")]
    Stalled,
    /// The whole answer took too long.
    #[error("the chat endpoint took too long for the whole answer")]
    Total,
    /// The key is wrong or not allowed.
    #[error("the chat endpoint refused the key (status {0})")]
    Denied(u16),
    /// Too many requests.
    #[error("the chat endpoint is busy")]
    Busy,
    /// The request was refused.
    #[error("the chat endpoint refused the request (status {0})")]
    Refused(u16),
    #[error("the chat endpoint failed (status {0})")]
    Failed(u16),
    /// It sent something that is no answer.
    #[error("the chat endpoint sent something that is no answer")]
    Garbled,
    /// The stream ended before the answer did.
    #[error("the answer was cut off")]
    Cut,
}

impl ChatError {
    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable | Self::FirstByte | Self::Busy | Self::Failed(_) | Self::Cut => true,
            Self::Stalled | Self::Total | Self::Denied(_) | Self::Refused(_) | Self::Garbled => {
                false
            }
        }
    }

    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied(status),
            429 => Self::Busy,
            500.. => Self::Failed(status),
            _ => Self::Refused(status),
        }
    }
}

impl Classified for ChatError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable | Self::FirstByte | Self::Stalled | Self::Total | Self::Failed(_) => {
                Class::Unavailable
            }
            Self::Denied(_) => Class::Denied,
            Self::Busy => Class::Overloaded,
            Self::Refused(_) => Class::Invalid,
            Self::Garbled | Self::Cut => Class::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "agent.llm.unreachable",
            Self::FirstByte => "agent.llm.first_byte",
            Self::Stalled => "agent.llm.stalled",
            Self::Total => "agent.llm.total",
            Self::Denied(_) => "agent.llm.denied",
            Self::Busy => "agent.llm.busy",
            Self::Refused(_) => "agent.llm.refused",
            Self::Failed(_) => "agent.llm.failed",
            Self::Garbled => "agent.llm.garbled",
            Self::Cut => "agent.llm.cut",
        }
    }
}
