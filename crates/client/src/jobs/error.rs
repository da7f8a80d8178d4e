//! What can go wrong between a worker and its server.

use trunkline_base::class::{Class, Classified};

use crate::url::UrlError;

/// Why there is no worker, or none any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The address is no server address.
    #[error("bad server address")]
    Url(#[from] UrlError),
    /// No token could be made.
    #[error("worker token cannot be signed")]
    Token,
    /// The worker is over.
    #[error("worker is closed")]
    Closed,
}

impl Classified for WorkerError {
    fn class(&self) -> Class {
        match self {
            Self::Url(_) | Self::Token => Class::Invalid,
            Self::Closed => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Url(_) => "client.url.invalid",
            Self::Token => "client.worker.token",
            Self::Closed => "client.worker.closed",
        }
    }
}

/// Why an accepted offer did not become a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The worker is over.
    #[error("worker is closed")]
    Closed,
    /// The offer was answered too late.
    #[error("offer has expired")]
    Expired,
    /// The server did not assign the job in time.
    #[error("server did not assign the job in time")]
    Unassigned,
    /// The worker is at its limit.
    #[error("worker is full")]
    Full,
}

impl Classified for JobError {
    fn class(&self) -> Class {
        match self {
            Self::Closed | Self::Expired => Class::Conflict,
            Self::Unassigned => Class::Unavailable,
            Self::Full => Class::Overloaded,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "client.worker.closed",
            Self::Expired => "client.job.expired",
            Self::Unassigned => "client.job.unassigned",
            Self::Full => "client.job.full",
        }
    }
}
