//! Why there is no answer.

use trunkline_base::class::{Class, Classified};

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrainError {
    /// The service behind it failed.
    #[error("the chat endpoint gave no answer")]
    Service(#[from] ChatError),
    /// The program that leads the conversation gave no answer.
    #[error("the external brain gave no answer")]
    External(#[from] ExternalError),
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
