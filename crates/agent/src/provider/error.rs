//! Why a provider did not do what it was asked: one error for all seams.

use std::time::Duration;

use thiserror::Error;
use trunkline_base::class::{Class, Classified};

/// Why a provider did not do what it was asked. It holds the provider's name and never a key, nor
/// a word of what was said, nor the text of what a service answered, which may hold either.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{provider} {failure}")]
pub struct ProviderError {
    /// Its name in the configuration.
    pub provider: &'static str,
    /// What happened.
    #[source]
    pub failure: Failure,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// No connection.
    #[error("cannot be reached")]
    Unreachable,
    /// Nothing came in time.
    #[error("did not begin to answer in time")]
    TimedOut,
    /// It began and then fell silent.
    #[error("fell silent in the middle of an answer")]
    Stalled,
    /// The whole answer took too long.
    #[error("took too long for the whole answer")]
    TooLong,
    /// The key is wrong, revoked or not allowed this.
    #[error("refused the key (status {0})")]
    Unauthorised(u16),
    /// It is asked too often.
    #[error("is asked too often")]
    RateLimited {
        /// How long it wants to be left alone.
        wait: Option<Duration>,
    },
    /// The request was refused: the mistake is ours, or the file's.
    #[error("refused the request (status {0})")]
    Refused(u16),
    /// It failed.
    #[error("failed (status {0})")]
    Failed(u16),
    /// It sent something that is no answer.
    #[error("sent something that is no answer")]
    Garbage,
    /// The connection ended before the answer did.
    #[error("cut the answer off")]
    Cut,
    /// Whoever asked gave up.
    #[error("was told to stop")]
    Cancelled,
    /// Too much waits already.
    #[error("has too much to do: {waiting} jobs wait already")]
    Overloaded {
        /// Jobs in the queue when this one was refused.
        waiting: usize,
    },
    /// The process is stopping.
    #[error("has stopped")]
    Stopped,
    /// A part of this process failed inside.
    #[error("broke: {reason}")]
    Broken {
        /// What it said; never the text of a service.
        reason: String,
    },
}

impl Failure {
    /// With the name of the provider it happened to.
    pub const fn of(self, provider: &'static str) -> ProviderError {
        ProviderError {
            provider,
            failure: self,
        }
    }

    /// What an HTTP status that is no success means.
    pub const fn of_status(status: u16, wait: Option<Duration>) -> Self {
        match status {
            401 | 403 => Self::Unauthorised(status),
            429 => Self::RateLimited { wait },
            408 | 504 => Self::TimedOut,
            500.. => Self::Failed(status),
            _ => Self::Refused(status),
        }
    }

    /// Whether the same provider may do it when it is asked again.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::TimedOut
            | Self::RateLimited { .. }
            | Self::Failed(_)
            | Self::Cut
            | Self::Overloaded { .. } => true,
            Self::Stalled
            | Self::TooLong
            | Self::Unauthorised(_)
            | Self::Refused(_)
            | Self::Garbage
            | Self::Cancelled
            | Self::Stopped
            | Self::Broken { .. } => false,
        }
    }

    /// Whether another provider may do it: whatever is wrong with this one, unless nobody wants it.
    pub const fn is_others_turn(&self) -> bool {
        !matches!(self, Self::Cancelled | Self::Stopped)
    }

    /// The word in metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Stalled => "stalled",
            Self::TooLong => "too_long",
            Self::Unauthorised(_) => "unauthorised",
            Self::RateLimited { .. } => "rate_limited",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Garbage => "garbage",
            Self::Cut => "cut",
            Self::Cancelled => "cancelled",
            Self::Overloaded { .. } => "overloaded",
            Self::Stopped => "stopped",
            Self::Broken { .. } => "broken",
        }
    }
}

impl Classified for ProviderError {
    fn class(&self) -> Class {
        match self.failure {
            Failure::Unreachable
            | Failure::TimedOut
            | Failure::Stalled
            | Failure::TooLong
            | Failure::Failed(_)
            | Failure::Stopped => Class::Unavailable,
            Failure::Unauthorised(_) => Class::Denied,
            Failure::RateLimited { .. } | Failure::Overloaded { .. } => Class::Overloaded,
            Failure::Refused(_) => Class::Invalid,
            Failure::Garbage | Failure::Cut => Class::Peer,
            Failure::Cancelled => Class::Conflict,
            Failure::Broken { .. } => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self.failure {
            Failure::Unreachable => "agent.provider.unreachable",
            Failure::TimedOut => "agent.provider.timed_out",
            Failure::Stalled => "agent.provider.stalled",
            Failure::TooLong => "agent.provider.too_long",
            Failure::Unauthorised(_) => "agent.provider.unauthorised",
            Failure::RateLimited { .. } => "agent.provider.rate_limited",
            Failure::Refused(_) => "agent.provider.refused",
            Failure::Failed(_) => "agent.provider.failed",
            Failure::Garbage => "agent.provider.garbage",
            Failure::Cut => "agent.provider.cut",
            Failure::Cancelled => "agent.provider.cancelled",
            Failure::Overloaded { .. } => "agent.provider.overloaded",
            Failure::Stopped => "agent.provider.stopped",
            Failure::Broken { .. } => "agent.provider.broken",
        }
    }
}
