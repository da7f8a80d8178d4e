//! What can go wrong with recordings, one small enum per operation.

use std::io;
use std::path::PathBuf;

use trunkline_base::class::{Class, Classified};
use trunkline_client::auth::AuthError;
use trunkline_client::room::ConnectError;
use trunkline_store::StoreError;

use super::naming::NameError;

/// Why the recorder did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory is not there and cannot be made, or nothing can be written in it.
    #[error("cannot write recordings in {}; give this user the right to, or choose another recording directory", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The template of file names is not usable.
    #[error("bad template for recording names")]
    Template(#[from] NameError),
    /// What was left open could not be read or closed.
    #[error("earlier recordings cannot be closed")]
    Store(#[from] StoreError),
}

impl Classified for StartError {
    fn class(&self) -> Class {
        match self {
            Self::Directory { .. } => Class::Conflict,
            Self::Template(_) => Class::Invalid,
            Self::Store(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "egress.directory",
            Self::Template(_) => "egress.template",
            Self::Store(error) => error.code(),
        }
    }
}

/// Why a room is not recorded, or a recording not stopped.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The process is ending.
    #[error("the recorder takes no new work")]
    Closed,
    /// As many as allowed are running.
    #[error("{running} recordings are running, which is the limit")]
    Full {
        /// How many.
        running: usize,
    },
    /// No such recording is running.
    #[error("no such recording is running")]
    Unknown,
    /// The start could not be journalled.
    #[error("the recording cannot be journalled")]
    Store(#[from] StoreError),
}

impl Classified for RecordError {
    fn class(&self) -> Class {
        match self {
            Self::Closed => Class::Unavailable,
            Self::Full { .. } => Class::Overloaded,
            Self::Unknown => Class::Missing,
            Self::Store(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "egress.closed",
            Self::Full { .. } => "egress.full",
            Self::Unknown => "egress.unknown",
            Self::Store(error) => error.code(),
        }
    }
}

/// Why a recording ended as failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file could not be made.
    #[error("recording file cannot be made: {0}")]
    Create(#[source] io::Error),
    /// The file could not be written; a full disk, mostly.
    #[error("recording file cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The disk takes less than a call brings.
    #[error("disk is too slow: {waiting} bytes were waiting")]
    Slow {
        /// Bytes that waited.
        waiting: usize,
    },
    /// No token.
    #[error("no token to join with: {0}")]
    Auth(#[from] AuthError),
    /// The room was not joined.
    #[error("room cannot be joined: {0}")]
    Connect(#[from] ConnectError),
}

impl Classified for Failure {
    fn class(&self) -> Class {
        match self {
            Self::Create(_) | Self::Write(_) | Self::Slow { .. } => Class::Unavailable,
            Self::Auth(error) => error.class(),
            Self::Connect(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Create(_) => "egress.file.create",
            Self::Write(_) => "egress.file.write",
            Self::Slow { .. } => "egress.file.slow",
            Self::Auth(error) => error.code(),
            Self::Connect(error) => error.code(),
        }
    }
}
