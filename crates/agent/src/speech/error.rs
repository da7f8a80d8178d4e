//! What can go wrong while loading or running a model.

use std::path::PathBuf;

use thiserror::Error;
use trunkline_base::class::{Class, Classified};

use crate::provider::{Failure, ProviderError};

/// Why an utterance was not heard or said.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum SpeechError {
    /// The pool's queue is full.
    #[error("speech workers are busy: {waiting} jobs wait already")]
    Overloaded {
        /// Jobs in the queue when this one was refused.
        waiting: usize,
    },
    /// The asker gave up.
    #[error("speech work was cancelled")]
    Cancelled,
    /// The workers are gone: the process is stopping.
    #[error("speech workers have stopped")]
    Stopped,
    /// A worker panicked; it has been replaced.
    #[error("{part} worker panicked")]
    Panicked { part: &'static str },
    /// The model refused the input or failed inside.
    #[error("{part} model failed: {reason}")]
    Model {
        part: &'static str,
        /// What the runtime said.
        reason: String,
    },
}

impl SpeechError {
    /// As it is told to who asked.
    pub(super) fn by(self, provider: &'static str) -> ProviderError {
        let failure = match self {
            Self::Overloaded { waiting } => Failure::Overloaded { waiting },
            Self::Cancelled => Failure::Cancelled,
            Self::Stopped => Failure::Stopped,
            Self::Panicked { .. } | Self::Model { .. } => Failure::Broken {
                reason: self.to_string(),
            },
        };
        failure.of(provider)
    }
}

/// Why the models could not be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Files are missing.
    #[error("models are not installed in {}: {} missing; run `trunkline models install`", dir.display(), missing.join(", "))]
    NotInstalled {
        /// Where they were looked for.
        dir: PathBuf,
        missing: Vec<String>,
    },
    /// The inference library would not load.
    #[error("cannot load the inference library {}: {reason}; run `trunkline models verify`", path.display())]
    Runtime {
        /// The library file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// A model file would not load.
    #[error("cannot load {}: {reason}; run `trunkline models verify`", path.display())]
    Model {
        /// The model file.
        path: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
    /// A worker thread could not be started.
    #[error("cannot start a {part} worker: {reason}")]
    Threads {
        part: &'static str,
        /// What the system said.
        reason: String,
    },
}

impl Classified for LoadError {
    fn class(&self) -> Class {
        match self {
            Self::NotInstalled { .. } => Class::Missing,
            Self::Runtime { .. } | Self::Model { .. } | Self::Threads { .. } => Class::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotInstalled { .. } => "agent.models.not_installed",
            Self::Runtime { .. } => "agent.models.runtime",
            Self::Model { .. } => "agent.models.broken",
            Self::Threads { .. } => "agent.models.threads",
        }
    }
}
